"""What every export says about itself: `manifest.jsonl`, a line a sample, and `dataset.json`, written last."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from warpdata import __version__
from warpdata.errors import OutputError
from warpdata.files.atomic import sync_folder, write_atomic
from warpdata.files.bounded_json import dump_json, fingerprint, read_json, read_lines

MANIFEST = "manifest.jsonl"
DATASET = "dataset.json"
REPORT = "report.json"
"""Of a run, in its output folder."""
STATE_FOLDER = ".warpdata"
"""Of an unfinished export: what is needed to go on."""
KIND = "warpdata-export"
VERSION = 1

SAMPLE_ID = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")

IMAGE_ROLES = ("splats", "reference", "target")
"""Roles of a sample's pictures, as exports name them."""
REQUIRED_ROLES = ("splats", "target")
"""Those that every sample has; with `--pairs reproject --reference none` there is no reference."""
MASK_ROLES = ("coverage", "confidence")
"""Roles of its masks."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One sample of an export.

    Attributes:
        id: `<scene>/<name>`.
        scene: the scene's id.
        reference: the reference view's name, empty where there is none.
        target: the target view's name.
        size: width and height of its pictures, in pixels.
        files: role -> path below the export's root, or below the shard.
        sha256: role -> digest of that file.
        bytes: role -> its length.
        camera: of the views, as `formats.manifest_cameras` has them; empty where not known.
        warp: version of the warp and the triplet's scores.
        geometry: how depth and cameras were made, and licences.
        prompt: text for the trainer; None where none is given.
        time_s: role of a view -> when it was taken, in seconds after the first frame of its video; None where the
            source does not say.
        index: its number in layouts that count, from 1 over the sorted ids.
        shard: the file that holds its files, where a layout packs several samples into one.
    """

    id: str
    scene: str
    reference: str
    target: str
    size: tuple[int, int]
    files: dict[str, str]
    sha256: dict[str, str]
    bytes: dict[str, int]
    camera: dict[str, Any] = field(default_factory=dict)
    warp: dict[str, Any] = field(default_factory=dict)
    geometry: dict[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    time_s: dict[str, float] | None = None
    index: int | None = None
    shard: str | None = None

    @property
    def name(self) -> str:
        """The sample's name within its scene."""
        return self.id.split("/", 1)[1]

    @property
    def extension(self) -> str:
        """Of its pictures, with its dot, in small letters."""
        return PurePosixPath(self.files["target"]).suffix.lower()

    def as_json(self) -> dict[str, Any]:
        """Its line of the manifest; what is not given is left out."""
        return {key: value for key, value in vars(self).items() if value is not None}

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> Record:
        """The record of a line.

        Raises:
            TypeError, KeyError, ValueError: it is not a line of a manifest, or a path in it leaves the export.
        """
        record = cls(**{**line, "size": tuple(line["size"])})
        if not SAMPLE_ID.fullmatch(record.id):
            raise ValueError(f"id {record.id!r} is not <scene>/<name>")
        check_relative([*record.files.values(), record.shard or "."])
        return record


def scene_of(sample_id: str) -> str:
    """The scene's id in a sample's."""
    return sample_id.split("/", 1)[0]


def check_relative(paths: Iterable[str]) -> None:
    """Refuse paths of a file of ours that would lead out of its folder: files are removed and copied by them.

    Raises:
        ValueError: one is absolute, or holds `..` or a backslash.
    """
    for path in paths:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or "\\" in path or PureWindowsPath(path).drive:
            raise ValueError(f"path {path!r} leads out of the export")


def write_manifest(root: Path, records: Iterable[Record], dataset: dict[str, Any], files: dict[str, Any]) -> None:
    """Complete an export: the manifest, and after it `dataset.json`, whose presence says that nothing is missing.

    Args:
        dataset: what `dataset.json` says besides the counts: layout, options, fingerprint.
        files: path below the root -> {"sha256", "bytes"}, of every file that no line of the manifest names.
    """
    records = list(records)
    lines = [dump_json(record.as_json()) + "\n" for record in records]
    manifest = "".join(lines)
    write_atomic(root / MANIFEST, manifest)
    sync_folder(root)
    about = {
        "kind": KIND,
        "version": VERSION,
        "program": f"warpdata {__version__}",
        "samples": len(lines),
        "manifest_sha256": hashlib.sha256(manifest.encode()).hexdigest(),
        "files": files,
        "geometry": ways_of_making(records),
        **dataset,
    }
    write_atomic(root / DATASET, dump_json(about, indent=1) + "\n")
    sync_folder(root)


def ways_of_making(records: Iterable[Record]) -> list[dict[str, Any]]:
    """The different ways in which the geometry of the samples was made: estimator, checkpoint, licences, options."""
    ways = {}
    for record in records:
        way = {name: value for name, value in record.geometry.items() if name != "key"}
        ways[fingerprint(way)] = way
    return [ways[digest] for digest in sorted(ways) if ways[digest]]


def read_dataset(root: Path) -> dict[str, Any] | None:
    """What a folder's `dataset.json` says, or None where there is none.

    Raises:
        OutputError: there is one, and it is not of an export that this version knows.
    """
    path = root / DATASET
    try:
        about = read_json(path)
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise OutputError(f"{path} cannot be read ({error}); remove it, or choose another output folder") from error
    if not isinstance(about, dict) or about.get("kind") != KIND or about.get("version") != VERSION:
        raise OutputError(f"{path} is not that of an export of version {VERSION}; choose another output folder")
    try:
        check_relative([*about["files"], *about.get("scenes", ())])
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path} is damaged ({error}); choose another output folder") from error
    return about


def read_manifest(root: Path) -> list[Record]:
    """The samples of an export, in the order of its manifest.

    Raises:
        OutputError: there is no manifest, or it is damaged.
    """
    path = root / MANIFEST
    try:
        return [Record.from_json(json.loads(line)) for line in read_lines(path)]
    except FileNotFoundError as error:
        raise OutputError(f"{root} has no {MANIFEST}: it is not an export, or an unfinished one") from error
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise OutputError(f"{path} is damaged ({error}); make the export again with `overwrite=True`") from error
