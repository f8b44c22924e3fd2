"""A foreign estimator as the network that windows of pictures are shown to."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from warpdata.camera import Camera
from warpdata.errors import GeometryError
from warpdata.files.child_process import ChildError
from warpdata.geometry.external.child import EstimatorProcess
from warpdata.geometry.external.protocol import (
    Description,
    describe_job,
    estimate_job,
    read_description,
    read_prediction,
)
from warpdata.geometry.network.network import NetworkInput, Prediction
from warpdata.geometry.types import ContentBox


class ExternalNetwork:
    """Depth and cameras by a program of another package.

    Args:
        process: runs it.
        program: what it is called in messages.
        weights: as its options name them.
        device: where it shall run.

    Raises:
        GeometryError: it cannot be started, or does not say what it is.
    """

    def __init__(self, process: EstimatorProcess, *, program: str, weights: str | None, device: torch.device):
        self._process = process
        self._program = program
        self._weights = weights
        self._device = str(device)
        with tempfile.TemporaryDirectory(prefix="warpdata-estimator-") as name:
            result = Path(name) / "description.json"
            self._run(describe_job(result, weights=weights, device=self._device), Path(name))
            self.description: Description = read_description(result, program)

    @property
    def precision(self) -> str:
        return f"{self.description.name} {self.description.version} on {self._device}, in a process of its own"

    def input_size(self, picture_hw: tuple[int, int]) -> tuple[int, int]:
        """Its longest side is the program's, or less for a small picture; both sides are its multiples."""
        step, longest = self.description.multiple_of, self.description.longest_side
        scale = min(1.0, longest / max(picture_hw))
        height, width = (min(max(round(side * scale / step), 1) * step, longest // step * step) for side in picture_hw)
        return height, width

    def prepare(self, picture: UInt8[Tensor, "3 H W"]) -> NetworkInput:
        """The whole picture at input size; its aspect gives way to the multiples."""
        image = Image.fromarray(picture.permute(1, 2, 0).numpy())
        height, width = self.input_size((image.height, image.width))
        if (image.width, image.height) != (width, height):
            resized = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
        else:
            resized = image
        pixels = torch.frombuffer(bytearray(resized.tobytes()), dtype=torch.uint8).view(height, width, 3)
        return NetworkInput(
            pixels=pixels.permute(2, 0, 1).contiguous(),
            content=(0, 0, width, height),
            content_box=ContentBox(left=0.0, top=0.0, right=float(image.width), bottom=float(image.height)),
        )

    def frames_that_fit(self, hw: tuple[int, int]) -> int | None:
        """Nobody can say."""
        return None

    def __call__(self, images: Float[Tensor, "n 3 h w"], known: Camera | None = None) -> Prediction:
        """What the program says.

        Args:
            known: the cameras of the images, a batch, where the scene brings them.

        Raises:
            GeometryError: it failed, or its result cannot be used.
        """
        count, _, height, width = images.shape
        if not self.description.gives_poses and known is None and count > 1:
            raise GeometryError(
                f"{self._program} finds no cameras, only the depth of single pictures; use it with "
                '`poses="given"` on a scene that brings cameras, or on scenes of one picture'
            )
        with tempfile.TemporaryDirectory(prefix="warpdata-estimator-") as name:
            folder = Path(name)
            pictures = []
            for index, image in enumerate((images * 255).round().to(torch.uint8)):
                pictures.append(folder / f"{index:06d}.png")
                Image.fromarray(image.permute(1, 2, 0).numpy()).save(pictures[-1], compress_level=1)
            result = folder / "result.safetensors"
            hw = (height, width)
            self._run(estimate_job(pictures, hw, known, result, weights=self._weights, device=self._device), folder)
            found = read_prediction(result, self._program, count, hw, gives_poses=self.description.gives_poses)
        if self.description.gives_poses or known is None:
            return found
        return Prediction(
            K=found.K, cam_from_world=known.cam_from_world.double(), depth=found.depth, confidence=found.confidence
        )

    def _run(self, job: dict, folder: Path) -> None:
        try:
            self._process.run(job, folder / "job.json")
        except ChildError as error:
            raise GeometryError(f"{self._program} {error}") from error
