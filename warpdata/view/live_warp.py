"""The warp of training, from wherever the page's camera stands, and how to get exactly that picture elsewhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import UInt8

from warpdata.camera import Camera, check_camera
from warpdata.config import FilterOptions, RenderOptions, SizeOptions
from warpdata.config.saved import as_python
from warpdata.files.bounded_json import dump_json
from warpdata.formats.transforms import transforms_of
from warpdata.run.splat_options import SplatOptions
from warpdata.triplets.nearest_view import nearest_view
from warpdata.triplets.path_frames import PathFrames
from warpdata.triplets.render import SplatPicture
from warpdata.triplets.scene_pairs import ScenePairs

CAMERAS_FILE = "camera.json"
"""What the file of the camera is called in the command that makes the same picture."""

Arguments = Callable[[SplatOptions], Sequence[str]]
"""Options of `splat` -> the words of its command line."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One picture that the page asks for.

    Attributes:
        transform_matrix: camera to world, OpenGL axes, row by row: as transforms.json has it.
        reference: name of the view whose points are seen; None takes the nearest.
        render: options of the warp.
        edge_threshold: as `FilterOptions` has it.
    """

    transform_matrix: tuple[tuple[float, ...], ...]
    reference: str | None = None
    render: RenderOptions = field(default_factory=RenderOptions)
    edge_threshold: float | Literal["auto", "off"] = "auto"

    @classmethod
    def from_json(cls, body: Any) -> Asked:
        """What a request's body asks for.

        Raises:
            ValueError: it is not such a body, or an option is out of its range.
        """
        if not isinstance(body, dict):
            raise ValueError("a picture is asked for by an object")
        reference, edge = body.get("reference"), body.get("edge_threshold", "auto")
        if not isinstance(reference, str | None):
            raise ValueError("reference has to be a view's name")
        if edge not in ("auto", "off"):
            edge = _number(edge, "edge_threshold")
        version = body.get("version", RenderOptions.version)
        if version not in (1, 2):
            raise ValueError("version has to be 1 or 2")
        s0 = body.get("s0", "auto")
        render = RenderOptions(
            sigma=_number(body.get("sigma", RenderOptions.sigma), "sigma"),
            confidence_threshold=_number(
                body.get("confidence_threshold", RenderOptions.confidence_threshold), "confidence_threshold"
            ),
            s0=s0 if s0 == "auto" else _number(s0, "s0"),
            version=version,
        )
        FilterOptions(edge_threshold=edge)
        return cls(
            transform_matrix=_matrix(body.get("transform_matrix")),
            reference=reference,
            render=render,
            edge_threshold=edge,
        )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A picture, and what it was made with.

    Attributes:
        reference: name of the view whose points are seen.
        picture: the splat.
    """

    reference: str
    picture: SplatPicture

    def numbers(self) -> dict[str, Any]:
        """What is measured on it."""
        visible, coverage = self.picture.visible, self.picture.coverage
        return {
            "reference": self.reference,
            "hole_fraction": 1 - visible.double().mean().item(),
            "coverage": coverage.double().mean().item() / 255,
            "backend": self.picture.backend,
        }

    def rgba(self) -> bytes:
        """The picture's rows, four bytes a pixel, as a canvas takes them."""
        rgb: UInt8[np.ndarray, "h w 3"] = self.picture.rgb.permute(1, 2, 0).cpu().numpy()
        return np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], axis=2).tobytes()


class LiveWarp:
    """Pictures of one scene from any camera. Not safe to share between threads.

    Args:
        pairs: of the scene.
        device: where to render.
    """

    def __init__(self, pairs: ScenePairs, device: torch.device):
        self._pairs, self._device = pairs, device
        self._cameras = [pairs.entry.camera(number).image_camera for number in range(len(pairs.entry))]
        self._frames: tuple[tuple[int, RenderOptions, Any], PathFrames] | None = None

    def see(self, asked: Asked) -> Seen:
        """A picture.

        Raises:
            ValueError: there is no such view, or the camera cannot be used.
            ViewError: the reference's picture cannot be decoded.
        """
        number = self._reference(asked)
        camera = camera_at(asked.transform_matrix, self._cameras[number])
        key = (number, asked.render, asked.edge_threshold)
        if self._frames is None or self._frames[0] != key:
            filters = replace(self._pairs.filters, edge_threshold=asked.edge_threshold).beside(asked.render)
            frames = PathFrames(replace(self._pairs, filters=filters), number, (), asked.render, device=self._device)
            self._frames = key, frames
        return Seen(reference=self._pairs.entry.names[number], picture=self._frames[1].seen_from(camera))

    def _reference(self, asked: Asked) -> int:
        names = self._pairs.entry.names
        if asked.reference is not None:
            if asked.reference not in names:
                raise ValueError(f"there is no view {asked.reference[:80]!r} with depth")
            return names.index(asked.reference)
        if len(names) == 1:
            return 0
        here = camera_at(asked.transform_matrix, self._cameras[0])
        return nearest_view([*self._cameras, here], len(names))


def how_to_repeat(asked: Asked, seen: str, scene: Path, options: SplatOptions, arguments: Arguments) -> dict[str, str]:
    """The file, the command line and the Python call that give exactly a picture.

    Args:
        seen: name of the reference that was taken.
        scene: the scene's folder.
        options: of `splat` that hold for every picture: size, geometry.
        arguments: words of the command line.
    """
    chosen = replace(
        options,
        scene=scene,
        output_path=Path("splat"),
        reference=seen,
        cameras=Path(CAMERAS_FILE),
        render=asked.render,
        filters=FilterOptions(edge_threshold=asked.edge_threshold),
    )
    matrix = [list(row) for row in asked.transform_matrix]
    return {
        "file": CAMERAS_FILE,
        "camera": dump_json({"frames": [{"transform_matrix": matrix}]}),
        "command": shlex.join(["python", "-m", "warpdata.splat", *arguments(chosen)]),
        "python": "splat(" + as_python(chosen) + ")",
        "gives": "splat/images/00000.png",
    }


def camera_at(transform_matrix: Sequence[Sequence[float]], like: Camera) -> Camera:
    """The camera of a pose as transforms.json has it, with another's intrinsics and size.

    Raises:
        ValueError: the pose cannot be used.
    """
    frame = {"file_path": "camera", "transform_matrix": [list(row) for row in transform_matrix]}
    entries = transforms_of({"camera_convention": "opengl", "frames": [frame]}, Path(CAMERAS_FILE))
    if not entries.entries:
        raise ValueError(f"the camera cannot be used: {next(iter(entries.left_out.values()))}")
    camera = replace(like, cam_from_world=entries.entries[0].cam_from_world)
    if (problem := check_camera(camera)) is not None:
        raise ValueError(f"the camera cannot be used: {problem}")
    return camera


def splat_options(size: SizeOptions, **groups: Any) -> SplatOptions:
    """Options of `splat` that hold for every picture of a viewer."""
    return SplatOptions(scene=Path("scene"), output_path=Path("splat"), size=size, **groups)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} has to be a number")
    return float(value)


def _matrix(rows: Any) -> tuple[tuple[float, ...], ...]:
    try:
        matrix = tuple(tuple(_number(value, "transform_matrix") for value in row) for row in rows)
    except TypeError as error:
        raise ValueError("transform_matrix has to be four rows of four numbers") from error
    if [len(row) for row in matrix] != [4, 4, 4, 4]:
        raise ValueError("transform_matrix has to be four rows of four numbers")
    json.dumps(matrix, allow_nan=False)
    return matrix
