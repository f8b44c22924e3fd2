"""A folder of geometry, one file a scene, found by the content it was made from."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from warpdata.cache.codec import CONFIDENCE_BITS, DEPTH_BITS, encode_map
from warpdata.cache.entry import CacheEntry
from warpdata.cache.header import EntryHeader, FrameHeader, header_as_metadata, tensor_name
from warpdata.cache.key import FileDigests, SceneInputs, scene_inputs
from warpdata.cache.tensor_file import write_tensor_file
from warpdata.errors import CacheError, GeometryError, OutputError
from warpdata.files.atomic import atomic_file
from warpdata.files.locks import hold_lock
from warpdata.geometry.types import (
    Estimator,
    FrameFailure,
    FrameGeometry,
    Progress,
    Provenance,
    SceneGeometry,
    no_progress,
)
from warpdata.sources.scene import Scene

WORK = "work"
"""Folder, in a cache, of what estimators have found so far."""

ENTRY_SUFFIX = ".safetensors"

WAITING = "waiting for another process"
"""The stage that `get_or_make` reports while another process makes the geometry."""


class GeometryCache:
    """Geometry of scenes on disk; safe to share between processes and machines. Nothing is written before it is needed.

    The folder holds `geometry/<key>.safetensors`, an entry a scene; `overlaps/`, what was measured on entries;
    `digests/`, what the scenes' files were found to contain; `index/`, which pairs they were found to give; `work/`,
    intermediate results of estimates that were interrupted; `sky/`, sky scores of pictures; `frames/`,
    frames of videos; and `locks/`, empty files of processes at work. Each can be removed at any time while nobody
    works with it.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path):
        self.root = root
        self.digests = FileDigests(self.digest_folder)

    @property
    def entry_folder(self) -> Path:
        return self.root / "geometry"

    @property
    def overlap_folder(self) -> Path:
        """For files about an entry, called `<key>.<anything>.json`."""
        return self.root / "overlaps"

    @property
    def index_folder(self) -> Path:
        """For what was found out about many scenes, in files called `<digest>.json`."""
        return self.root / "index"

    def work_folder(self, scene: Scene, provenance: Provenance) -> Path:
        """For what an estimator has found so far of a scene; whoever makes the entry removes it afterwards."""
        return self.root / WORK / self.fingerprint(scene, provenance)

    @property
    def sky_folder(self) -> Path:
        """For sky scores of pictures, in files named by content."""
        return self.root / "sky"

    @property
    def lock_folder(self) -> Path:
        return self.root / "locks"

    @property
    def digest_folder(self) -> Path:
        return self.root / "digests"

    def entry_path(self, key: str) -> Path:
        """Where the entry of a key lies or would lie."""
        return self.entry_folder / f"{key}{ENTRY_SUFFIX}"

    def fingerprint(self, scene: Scene, provenance: Provenance) -> str:
        """The key of a scene's geometry: a digest of what the scene holds and of how geometry is made from it.

        Files that have not changed since they were last looked at are not read again.
        """
        return self._inputs(scene, provenance).key

    def get(self, scene: Scene, provenance: Provenance) -> CacheEntry | None:
        """The scene's geometry as this estimator makes it, None when it is not there.

        Raises:
            CacheError: it is there and cannot be read.
        """
        return self._find(self.fingerprint(scene, provenance))

    def put(self, scene: Scene, geometry: SceneGeometry) -> CacheEntry:
        """Keep a scene's geometry. Frames are taken and encoded one at a time; the entry appears whole or not at all.

        An entry that is there already stays: the content it was made from is the same.

        Raises:
            CacheError: the cache cannot be written.
            GeometryError: no view has geometry, or the scene's files changed meanwhile.
        """
        return self._store(scene, geometry, self._inputs(scene, geometry.provenance))

    def get_or_make(
        self, scene: Scene, estimator: Estimator, *, progress: Progress = no_progress
    ) -> tuple[CacheEntry, bool]:
        """The scene's geometry, and whether it was made now.

        Processes that ask for the same geometry at the same time make it once; if the one at work ends without a
        result, however it ends, another takes over.

        Raises:
            CacheError: the cache cannot be read or written.
            GeometryError: the estimator has no geometry for the scene.
        """
        inputs = self._inputs(scene, estimator.provenance)
        entry = self._find(inputs.key)
        if entry is not None:
            return entry, False
        with ExitStack() as held:
            with self._writing():
                self.lock_folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(hold_lock(self._lock_path(inputs.key), waiting=lambda: progress(WAITING, 0, 1)))
            entry = self._find(inputs.key)
            if entry is not None:
                return entry, False
            geometry = estimator(scene, progress=progress)
            if geometry.provenance != estimator.provenance:
                raise ValueError(
                    f"estimator {estimator.provenance.estimator} announced {estimator.provenance} and gave "
                    f"{geometry.provenance}; what a result depends on must be known before it is made"
                )
            return self._store(scene, geometry, inputs), True

    def _lock_path(self, key: str) -> Path:
        return self.lock_folder / f"{key}.lock"

    def _inputs(self, scene: Scene, provenance: Provenance) -> SceneInputs:
        return scene_inputs(scene, provenance, self.digests)

    def _find(self, key: str) -> CacheEntry | None:
        path = self.entry_path(key)
        if not path.is_file():
            return None
        entry = CacheEntry(path)
        if entry.key != key:
            raise CacheError(
                f"cache entry {path} holds the geometry of another key, {entry.key}; it was renamed by hand: "
                f"remove it with `python -m cache_tools prune {self.root} --yes`"
            )
        return entry

    def _store(self, scene: Scene, geometry: SceneGeometry, inputs: SceneInputs) -> CacheEntry:
        path = self.entry_path(inputs.key)
        with self._writing():
            self.entry_folder.mkdir(parents=True, exist_ok=True)
            scratch = tempfile.TemporaryFile(dir=self.entry_folder)
        with _closing(scratch) as content, closing(geometry):
            frames, lengths = self._encode(scene, geometry, content)
            left_out = _all_left_out(scene, frames, geometry.left_out)
            if not frames:
                raise GeometryError(f"no view of scene {scene.id} has geometry", left_out)
            if self._inputs(scene, geometry.provenance).key != inputs.key:
                raise GeometryError(
                    f"files of scene {scene.id} changed while its geometry was made; run again once they are complete"
                )
            header = EntryHeader(
                key=inputs.key,
                scene_id=geometry.scene_id,
                scale=geometry.scale,
                provenance=geometry.provenance,
                left_out=left_out,
                report=geometry.report,
                source_root=str(scene.root or ""),
                source_license=scene.license,
                source=scene.source,
                inputs=inputs.files,
                frames=tuple(frames),
            )
            metadata = header_as_metadata(header)
            if self._find(inputs.key) is None:
                with self._writing(), atomic_file(path, shared=True) as file:
                    write_tensor_file(file, lengths, content, metadata)
        return CacheEntry(path)

    def _encode(
        self, scene: Scene, geometry: SceneGeometry, content: BinaryIO
    ) -> tuple[list[FrameHeader], dict[str, int]]:
        """Write every frame's maps one after another; their descriptions, and tensor -> length in bytes."""
        units = {view.name: float(view.depth.unit) for view in scene.views if view.depth is not None}
        frames: list[FrameHeader] = []
        lengths: dict[str, int] = {}
        expected = {view.name for view in scene.views}
        for frame in geometry:
            if frame.name not in expected:
                raise ValueError(f"geometry of scene {scene.id} has an unknown view, or one twice: {frame.name!r}")
            expected.remove(frame.name)
            if isinstance(frame, FrameFailure):
                continue
            sizes = {frame.camera.hw, tuple(frame.depth.shape), tuple(frame.confidence.shape)}
            if len(sizes) != 1:
                raise ValueError(f"depth, confidence and camera of {frame.name} have different sizes: {sorted(sizes)}")
            maps = {
                "depth": encode_map(frame.depth.numpy(), mantissa_bits=DEPTH_BITS, unit=units.get(frame.name)),
                "confidence": encode_map(frame.confidence.numpy() - 1, mantissa_bits=CONFIDENCE_BITS),
            }
            descriptions = {}
            for kind, (description, encoded) in maps.items():
                if encoded:
                    lengths[tensor_name(len(frames), kind)] = len(encoded)
                    description = description | {"sha256": hashlib.sha256(encoded).hexdigest()}
                    with self._writing():
                        content.write(encoded)
                descriptions[kind] = description
            frames.append(_frame_header(frame, descriptions))
        return frames, lengths

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, OutputError) as error:
            raise CacheError(
                f"the cache {self.root} cannot be written: {error}; make room and allow writing, or choose another "
                "folder with `cache_dir`"
            ) from error


@contextmanager
def _closing(scratch: BinaryIO) -> Iterator[BinaryIO]:
    """Close a file that nobody will read; closing one on a full disk fails as its last write did."""
    try:
        yield scratch
    finally:
        with suppress(OSError):
            scratch.close()


def _all_left_out(scene: Scene, frames: Sequence[FrameHeader], told: dict[str, str]) -> dict[str, str]:
    """View name -> why it has no frame, in the scene's order; also of views that the estimator said nothing about."""
    made = {frame.name for frame in frames}
    return {
        view.name: told.get(view.name, "the estimator gave no frame, and no reason")
        for view in scene.views
        if view.name not in made
    }


def _frame_header(frame: FrameGeometry, descriptions: dict[str, dict]) -> FrameHeader:
    return FrameHeader(
        name=frame.name,
        camera=frame.camera,
        image_hw=frame.image_hw,
        content_box=frame.content_box,
        **descriptions,
    )
