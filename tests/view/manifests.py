"""Exports for tests of what looks at them: manifests of any length, with pictures where they are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from warpdata.formats.manifest import Record, write_manifest

SIZE = (40, 30)
"""Width and height of the pictures."""

ROLES = ("splats", "reference", "target", "coverage")


def record(sample_id: str, **scores: float) -> Record:
    """A line of a manifest in the triplet folder's layout."""
    scene, name = sample_id.split("/")
    return Record(
        id=sample_id,
        scene=scene,
        reference="a",
        target="b",
        size=SIZE,
        files={role: f"{scene}/{name}_{role}.png" for role in ROLES},
        sha256=dict.fromkeys(ROLES, ""),
        bytes=dict.fromkeys(ROLES, 1),
        warp={"version": 2, **scores},
        geometry={"model": "given", "source_license": "CC0-1.0"},
    )


def some_records(count: int) -> list[Record]:
    """Records of scenes of ten, whose PSNR falls from 30 and whose holes grow."""
    return [
        record(f"s{k // 10:04d}/{k % 10}", psnr=30 - k / 10, hole_fraction=k / count, baseline=0.1 * (k % 3))
        for k in range(count)
    ]


def write_export(root: Path, records: list[Record], *, pictures: bool = True) -> list[Record]:
    """A complete triplet folder. Its pictures are noise, each its own; lengths in the records are those on the disk."""
    rng = np.random.default_rng(0)
    written = []
    for one in records:
        for role in ROLES if pictures else ():
            path = root / one.files[role]
            path.parent.mkdir(parents=True, exist_ok=True)
            shape = SIZE[::-1] if role == "coverage" else (*SIZE[::-1], 3)
            Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path)
        lengths = {role: (root / path).stat().st_size for role, path in one.files.items()} if pictures else one.bytes
        written.append(replace(one, bytes=lengths))
    root.mkdir(parents=True, exist_ok=True)
    write_manifest(root, written, {"layout": "folder", "options": {}, "fingerprint": ""}, {})
    return written
