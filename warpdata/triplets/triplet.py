"""Pairs of views and the training triplets they become."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from warpdata.camera import Camera


@dataclass(frozen=True, order=True)
class Pair:
    """A reference view to warp and a target view to warp it into, by their place among the scene's frames.

    Attributes:
        reference: with `--pairs reproject` only shown beside; None for none.
        target: with `--pairs reproject` what is warped, and back.
        draw: with `--pairs reproject` the number of the drawn camera, of those of the target.
    """

    scene_id: str
    reference: int | None
    target: int
    draw: int = 0


@dataclass(frozen=True, kw_only=True)
class Triplet:
    """One training example, or with a leading dimension a batch; all images of one size (H, W), sRGB, channels first.

    Attributes:
        id: `<scene>/<name>`, unique in a data set; in a batch a list.
        splat: the reference's points seen from the target camera, holes filled and faded. With `--pairs reproject` the
            target's own points, those that the drawn camera sees.
        reference: the reference picture; None where there is none.
        target: the target picture, the truth.
        coverage: 255 where the splat shows a point, fading to 0 in holes.
        confidence: of the points' depth, on the fixed scale 255 (1 - 1/c); 0 where there is no depth.
        reference_camera: of the reference picture at (H, W); None where there is none.
        target_camera: of the target picture at (H, W).
        drawn_camera: from which the target was seen, with `--pairs reproject`; else None.
        reference_name: view name, empty where there is none; in a batch a list.
        target_name: view name; in a batch a list.
        prompt: what the trainer is told; in a batch a list.
        scores: measured figures by name, such as `hole_fraction`; in a batch tensors of shape (B,).
        backend: the renderer that made the splat.
    """

    id: str | list[str]
    splat: UInt8[Tensor, "*batch 3 H W"] | Float[Tensor, "*batch 3 H W"]
    reference: UInt8[Tensor, "*batch 3 H W"] | Float[Tensor, "*batch 3 H W"] | None
    target: UInt8[Tensor, "*batch 3 H W"] | Float[Tensor, "*batch 3 H W"]
    coverage: UInt8[Tensor, "*batch 1 H W"] | Float[Tensor, "*batch 1 H W"]
    confidence: UInt8[Tensor, "*batch 1 H W"] | Float[Tensor, "*batch 1 H W"]
    reference_camera: Camera | None
    target_camera: Camera
    reference_name: str | list[str]
    target_name: str | list[str]
    prompt: str | list[str] = ""
    scores: dict[str, float] | dict[str, Float[Tensor, " b"]] = field(default_factory=dict)
    backend: str = ""
    drawn_camera: Camera | None = None

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Triplet:
        """The same triplet with its pictures and scores on a device; cameras stay where they are."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        scores = {name: move(score) if isinstance(score, Tensor) else score for name, score in self.scores.items()}
        return replace(self.map_pictures(move), scores=scores)

    def as_float(self) -> Triplet:
        """The same triplet with pictures and masks as float32 in [0, 1]."""
        return self.map_pictures(lambda picture: picture.float() / 255 if picture.dtype == torch.uint8 else picture)

    def map_pictures(self, change: Callable[[Tensor], Tensor]) -> Triplet:
        """The same triplet with every picture and mask changed, for example cast to another type."""
        return replace(self, **{name: change(value) for name, value in self._tensors().items()})

    def record_stream(self, stream: torch.cuda.Stream) -> None:
        """Tell CUDA's allocator that a stream uses the tensors, which another stream made."""
        for tensor in self._tensors().values():
            tensor.record_stream(stream)
        for score in self.scores.values():
            score.record_stream(stream)

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


def split_batch(batch: Triplet) -> Iterator[Triplet]:
    """The triplets of a batch, one by one, on the CPU; their scores become plain numbers."""
    on_cpu = {name: value.cpu() for name, value in batch._tensors().items()}
    scores = {name: value.tolist() for name, value in batch.scores.items()}
    for index in range(len(batch.id)):
        one = {name: value[index] for name, value in vars(batch).items() if isinstance(value, list | Camera)}
        one |= {name: value[index] for name, value in on_cpu.items()}
        one["scores"] = {name: values[index] for name, values in scores.items()}
        yield replace(batch, **one)
