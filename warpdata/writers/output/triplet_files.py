"""The triplet folder: `<scene>/<name>_<role>.<ext>`. People look at it, and all other layouts are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from warpdata.files.atomic import sync_folder, write_atomic
from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES, Record, scene_of
from warpdata.formats.manifest_cameras import cameras_to_json
from warpdata.formats.ply import PointCloud, encode_ply
from warpdata.triplets.triplet import Triplet
from warpdata.writers.output.encoder import Encoded, Encoder


@dataclass(frozen=True, kw_only=True)
class FolderLayout:
    """Which files a triplet has.

    Attributes:
        extension: of the three pictures; masks are always PNG.
        coverage: whether the coverage mask is among them.
        confidence: whether the confidence mask is among them.
        ply: whether the points are among them.
        reference: whether there is a reference.
    """

    extension: Literal["jpg", "jpeg", "png"]
    coverage: bool = True
    confidence: bool = True
    ply: bool = False
    reference: bool = True

    def as_json(self) -> dict[str, Any]:
        """What of it the bytes of an output depend on; of the reference only that there is none, as before there was a
        choice."""
        values = asdict(self)
        if self.reference:
            del values["reference"]
        return values

    @property
    def picture_roles(self) -> list[str]:
        """Roles of the pictures and masks of a triplet."""
        pictures = [role for role in IMAGE_ROLES if role != "reference" or self.reference]
        return [*pictures, *(role for role in MASK_ROLES if getattr(self, role))]

    def files(self, sample_id: str) -> dict[str, str]:
        """Role -> path below the root."""
        extensions = {role: self.extension if role in IMAGE_ROLES else "png" for role in self.picture_roles}
        files = {role: f"{sample_id}_{role}.{extension}" for role, extension in extensions.items()}
        return files | ({"points": f"{sample_id}_reference.ply"} if self.ply else {})

    def encode(self, triplet: Triplet, points: PointCloud | None, encoder: Encoder) -> dict[str, Future[Encoded]]:
        """Begin to compress a triplet's files; frames that an earlier triplet showed are taken from it.

        Raises:
            ValueError: points are to be written and none are given.
        """
        scene = scene_of(triplet.id)
        hw = tuple(triplet.target.shape[-2:])
        kind = "png" if self.extension == "png" else "jpg"
        encoded = {
            "splats": encoder.submit(triplet.splat, kind),
            "target": encoder.submit(triplet.target, kind, (scene, triplet.target_name, hw)),
        }
        if self.reference:
            encoded["reference"] = encoder.submit(triplet.reference, kind, (scene, triplet.reference_name, hw))
        if self.coverage:
            encoded["coverage"] = encoder.submit(triplet.coverage, "png")
        if self.confidence:
            points_of = triplet.reference_name if triplet.drawn_camera is None else triplet.target_name
            key = (scene, points_of, hw, "confidence")
            encoded["confidence"] = encoder.submit(triplet.confidence, "png", key)
        if self.ply:
            if points is None:
                raise ValueError(f"{triplet.id}: its points are to be written, and none are given")
            encoded["points"] = encoder.submit_bytes(lambda: encode_ply(points))
        return encoded


def describe(
    triplet: Triplet,
    files: dict[str, str],
    *,
    warp_version: int,
    geometry: dict[str, Any],
    prompt: str | None,
    time_s: Mapping[str, float] | None = None,
) -> Record:
    """The record of a triplet whose files are not written yet; digests and lengths are still missing.

    Args:
        time_s: of views by name, as far as it is known.
    """
    height, width = triplet.target.shape[-2:]
    names = {"reference": triplet.reference_name, "target": triplet.target_name}
    times_s = {role: time_s[name] for role, name in names.items() if time_s and name in time_s}
    return Record(
        id=triplet.id,
        scene=scene_of(triplet.id),
        reference=triplet.reference_name,
        target=triplet.target_name,
        size=(width, height),
        files=files,
        sha256={},
        bytes={},
        camera=cameras_to_json(triplet.reference_camera, triplet.target_camera, triplet.drawn_camera),
        warp={"version": warp_version, **triplet.scores},
        geometry=geometry,
        prompt=prompt,
        time_s=times_s or None,
    )


def store(root: Path, files: dict[str, str], encoded: dict[str, Encoded]) -> None:
    """Write a triplet's files, and make their names durable.

    Raises:
        OutputError: one cannot be written; names it.
    """
    folders = set()
    for role, path in files.items():
        write_atomic(root / path, encoded[role].data)
        folders.add((root / path).parent)
    for folder in folders:
        sync_folder(folder)
