"""What warpdata and a foreign estimator's process say to each other; docs/estimators.md describes it for authors.

The program is started once a run. A job is a JSON file whose path it reads, a line each, from its standard input; it
answers on its standard output with lines that begin with `LINE`, and whatever else it or its packages print there goes
into a log. Results are files: JSON for `describe`, safetensors for `estimate`, which hold no code.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open

from warpdata.camera import Camera
from warpdata.errors import GeometryError
from warpdata.files.bounded_json import read_json
from warpdata.geometry.network.network import Prediction

PROTOCOL = 1

LINE = "warpdata:"
"""Begins a line that is an answer: `progress DONE TOTAL`, `done`, or `failed MESSAGE`."""

MAX_DESCRIPTION_BYTES = 1 << 20
HEADER_BYTES = 1 << 20
"""More than the header of a result needs."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a program says of itself before it loads anything large.

    Attributes:
        name: of the estimator.
        version: of its package.
        weights: what they are called: a repository and revision, or a file's name; None where it has none.
        weights_sha256: digest of the weights' file.
        license: that binds those who use what it makes.
        scale: `metric` where its depth is in metres.
        longest_side: of its input, pixels.
        multiple_of: what both sides of its input are multiples of.
        gives_poses: whether it finds cameras; otherwise depth alone, view by view, with intrinsics.
        options: what its result depends on besides.
    """

    name: str
    version: str
    weights: str | None
    weights_sha256: str | None
    license: str
    scale: Literal["metric", "arbitrary"]
    longest_side: int
    multiple_of: int = 1
    gives_poses: bool = True
    options: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        kinds = {
            "name": str,
            "version": str,
            "weights": (str, type(None)),
            "weights_sha256": (str, type(None)),
            "license": str,
            "longest_side": int,
            "multiple_of": int,
            "gives_poses": bool,
            "options": (dict, type(None)),
        }
        for name, kind in kinds.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ValueError(f"its `{name}` is {value!r}")
        if self.scale not in ("metric", "arbitrary"):
            raise ValueError(f"its `scale` is {self.scale!r}, neither metric nor arbitrary")
        if not 1 <= self.multiple_of <= self.longest_side <= 1 << 16:
            raise ValueError(
                f"its `longest_side` is {self.longest_side} and `multiple_of` {self.multiple_of}; sides must be "
                "positive multiples"
            )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def describe_job(result: Path, *, weights: str | None, device: str) -> dict[str, Any]:
    """Asks a program what it is."""
    return {"protocol": PROTOCOL, "task": "describe", "weights": weights, "device": device, "result": str(result)}


def estimate_job(
    pictures: list[Path], hw: tuple[int, int], cameras: Camera | None, result: Path, *, weights: str | None, device: str
) -> dict[str, Any]:
    """Asks a program for depth and cameras of pictures of one size.

    Args:
        cameras: of the pictures, a batch; None where they are not known.
    """
    known = None
    if cameras is not None:
        known = {"K": cameras.K.tolist(), "cam_from_world": cameras.cam_from_world.tolist()}
    return {
        "protocol": PROTOCOL,
        "task": "estimate",
        "pictures": [str(path) for path in pictures],
        "hw": list(hw),
        "cameras": known,
        "weights": weights,
        "device": device,
        "result": str(result),
    }


def read_description(path: Path, program: str) -> Description:
    """A program's own description.

    Raises:
        GeometryError: it wrote none, or one of another protocol.
    """
    if not path.is_file():
        raise GeometryError(f"{program} said that it was done and wrote no description")
    if path.stat().st_size > MAX_DESCRIPTION_BYTES:
        raise GeometryError(f"{program} wrote a description of {path.stat().st_size} bytes")
    try:
        content = read_json(path)
        if not isinstance(content, dict):
            raise ValueError("it is not an object")
        if content.get("protocol") != PROTOCOL:
            raise ValueError(f"its protocol is {content.get('protocol')!r}, this version of warpdata speaks {PROTOCOL}")
        known = {field.name for field in fields(Description)}
        return Description(**{name: value for name, value in content.items() if name in known})
    except (ValueError, TypeError) as error:
        raise GeometryError(f"{program} does not describe itself as docs/estimators.md says: {error}") from error


def read_prediction(path: Path, program: str, count: int, hw: tuple[int, int], *, gives_poses: bool) -> Prediction:
    """A program's result, checked: shapes, types and sizes before memory is taken, numbers after.

    Depth that is not finite or not positive is taken as none. Without confidence all depth is sure; without poses each
    camera stands at the origin, and it is for the caller to place it.

    Raises:
        GeometryError: what is wrong with it.
    """
    shapes = {"depth": (count, *hw), "confidence": (count, *hw), "K": (count, 3, 3), "cam_from_world": (count, 4, 4)}
    needed = {"depth", "K", *(["cam_from_world"] if gives_poses else [])}
    largest = 8 * sum(torch.Size(shape).numel() for shape in shapes.values()) + HEADER_BYTES
    if not path.is_file():
        raise GeometryError(f"{program} said that it was done and wrote no result")
    if path.stat().st_size > largest:
        raise GeometryError(f"{program} wrote {path.stat().st_size} bytes; {largest} would hold all of it")
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            found = {name: tuple(file.get_slice(name).get_shape()) for name in names & set(shapes)}
            if missing := sorted(needed - set(found)):
                raise GeometryError(f"{program} gave no {' and no '.join(missing)}, only {', '.join(sorted(names))}")
            for name, shape in found.items():
                if shape != shapes[name]:
                    raise GeometryError(f"{program} gave `{name}` of shape {list(shape)}, asked for {shapes[name]}")
            tensors = {name: file.get_tensor(name) for name in found}
    except SafetensorError as error:
        raise GeometryError(f"{program} wrote a result that is not whole, or no safetensors file: {error}") from error
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise GeometryError(f"{program} gave `{name}` as {tensor.dtype}, asked for floating-point numbers")
    K = tensors["K"].double()
    poses = tensors.get("cam_from_world", torch.eye(4).expand(count, 4, 4)).double()
    for name, tensor in (("K", K), ("cam_from_world", poses)):
        if not tensor.isfinite().all():
            raise GeometryError(f"{program} gave `{name}` with numbers that are not finite")
    depth = tensors["depth"].float()
    depth = depth.where(depth.isfinite() & (depth > 0), 0)
    if not (depth > 0).any():
        raise GeometryError(f"{program} gave no depth: none of its numbers is finite and positive")
    confidence = tensors["confidence"].float() if "confidence" in tensors else torch.full_like(depth, 2.0)
    return Prediction(K=K, cam_from_world=poses, depth=depth, confidence=confidence.nan_to_num(1.0).clamp_min(1))
