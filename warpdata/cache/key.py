"""What a cache entry is called: a digest of all that the geometry is made from."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warpdata.cache.header import FORMAT_VERSION
from warpdata.camera import Camera
from warpdata.errors import OutputError
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import read_json
from warpdata.files.digests import file_sha256
from warpdata.files.tree import file_numbers
from warpdata.geometry.types import Provenance
from warpdata.sources.depth_map import DepthMap
from warpdata.sources.picture import Sha256Of
from warpdata.sources.scene import Scene, View

_THREADS = 4

_SETTLED_NS = 2_000_000_000
"""A file that changed less than this ago may change again within the resolution of its file system's clock."""

_UNREADABLE = "unreadable"
"""Digest of a mask that is named and cannot be read, which is another scene than one without masks."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneInputs:
    """A scene's content.

    Attributes:
        key: digest of the content and of how geometry is made from it.
        files: file, relative to the scene's folder -> SHA-256 of its bytes, None when it cannot be read.
    """

    key: str
    files: dict[str, str | None]


class FileDigests:
    """SHA-256 of files, remembered between runs in one small file a scene, so that files are read only once.

    A file is known by its size, the times of its last change, and its number in the file system: a file put in its
    place differs in one of them even when it has the same size and time. Processes that write at the same time
    replace each other's memory, which costs them reading some files again.

    Args:
        folder: where to remember; a folder that cannot be written costs reading the files in every run.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def digests(self, root: Path, files: Iterable[str]) -> dict[str, str | None]:
        """File, relative to `root` -> digest of its bytes, None when it cannot be read."""
        remembered = self._read(root)
        digests = {file: _remembered_digest(os.path.join(root, file), remembered.get(file)) for file in files}
        unknown = [file for file, digest in digests.items() if digest is None]
        if unknown:
            with ThreadPoolExecutor(_THREADS) as pool:
                read = dict(zip(unknown, pool.map(lambda file: _read_digest(root / file), unknown), strict=True))
            digests |= {file: digest for file, (digest, _) in read.items()}
            learnt = {file: [*identity, digest] for file, (digest, identity) in read.items() if identity}
            if learnt:
                self._write(root, remembered | learnt)
        return digests

    def _path(self, root: Path) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(root)).hexdigest()}.json"

    def _read(self, root: Path) -> dict[str, Any]:
        path = self._path(root)
        try:
            known = read_json(path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be read (%s); the scene's files are read again", path, error)
            return {}
        return known if isinstance(known, dict) else {}

    def _write(self, root: Path, known: dict[str, Any]) -> None:
        try:
            write_atomic(self._path(root), json.dumps(known, separators=(",", ":")), shared=True)
        except OutputError as error:
            logger.warning("digests cannot be kept in %s (%s); files are read again next time", self._folder, error)


def scene_inputs(scene: Scene, provenance: Provenance, digests: FileDigests) -> SceneInputs:
    """A scene's content and the key of the geometry that an estimator makes from it.

    All that the scene ships goes in, whether this estimator looks at it or not: names and order of the views, the
    content of pictures, depth maps and masks, cameras, sparse points, and the scale. Its id, its folder and its licence
    do not.
    """
    paths = [path for view in scene.views for path in _files(view)] + list(scene.points.files if scene.points else ())
    names = {path: _relative(path, scene) for path in paths}
    files = digests.digests(scene.root, sorted(set(names.values()))) if names else {}
    content = {
        "format": FORMAT_VERSION,
        "scale": scene.scale,
        "views": [_view_content(view, lambda path: files[names[path]]) for view in scene.views],
        "estimator": provenance.estimator,
        "version": provenance.version,
        "weights": provenance.weights_sha256 or provenance.weights,
        "options": provenance.options,
    }
    if scene.points is not None:
        content["points"] = scene.points.digest(lambda path: files[names[path]])
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return SceneInputs(key=hashlib.sha256(text.encode()).hexdigest(), files=files)


def _files(view: View) -> list[Path]:
    return [path for content in (view.picture, view.depth, view.mask) if content is not None for path in content.files]


def _relative(path: Path, scene: Scene) -> str:
    """`path.relative_to(scene.root).as_posix()` at a fraction of its time; a start looks thousands of scenes up."""
    text, folder = str(path), os.path.join(scene.root or "", "")
    if scene.root is None or not text.startswith(folder):
        raise ValueError(f"{path} lies outside the folder {scene.root} of scene {scene.id}")
    return text[len(folder) :].replace(os.sep, "/")


def _view_content(view: View, sha256_of: Sha256Of) -> dict[str, Any]:
    return {
        "name": view.name,
        "image": view.picture.digest(sha256_of),
        "camera": view.camera and _camera_content(view.camera),
        "depth": view.depth and _depth_content(view.depth, sha256_of),
        "mask": None if view.mask is None else view.mask.digest(sha256_of) or _UNREADABLE,
    }


def _depth_content(depth: DepthMap, sha256_of: Sha256Of) -> list[Any]:
    content = [depth.digest(sha256_of), depth.suffix, depth.unit]
    return content if depth.measure == "planar_z" else [*content, depth.measure]


def _camera_content(camera: Camera) -> list[Any]:
    return [camera.K.tolist(), camera.cam_from_world.tolist(), list(camera.hw)]


def _remembered_digest(path: str, record: Any) -> str | None:
    """The digest in a file's record, if the file is still the same."""
    try:
        *identity, digest = record
        return digest if identity == list(file_numbers(path)) and isinstance(digest, str) else None
    except (OSError, TypeError, ValueError):
        return None


def _read_digest(path: Path) -> tuple[str | None, list[int] | None]:
    """A file's digest, and what tells that it is still the same file, None when it may be changing right now."""
    try:
        opened_ns = time.time_ns()
        before = file_numbers(path)
        digest = file_sha256(path)
        unchanged = before == file_numbers(path)
    except OSError as error:
        logger.info("%s cannot be read: %s", path, error)
        return None, None
    settled = unchanged and max(before.mtime_ns, before.ctime_ns) < opened_ns - _SETTLED_NS
    return digest, list(before) if settled else None
