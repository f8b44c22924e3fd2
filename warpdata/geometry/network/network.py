"""The networks behind an interface of few words. This is the only file that knows `warpdata_vggt`, and only while it
loads a network: reading cached geometry never comes here."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from warpdata.camera import Camera
from warpdata.errors import BackendError, WeightsError
from warpdata.geometry.network.weights import NetworkName, ResolvedWeights
from warpdata.geometry.types import ContentBox

SPARE_MEMORY = 0.1
"""Part of the free memory left alone: an allocator's fragments come on top of the tensors that are counted."""

PreprocessMode = Literal["crop", "pad", "balanced"]
"""How a network's input is made of a picture: `crop` and `pad` are VGGT's ways, `balanced` is VGGT-Omega's."""

OMEGA_RESOLUTIONS = {"vggt_omega_1b_416_reproduce.pt": 416, "vggt_omega_1b_256_text.pt": 256}
"""Published checkpoints trained at another resolution than 512."""


@dataclass(frozen=True, kw_only=True)
class NetworkInput:
    """One picture as the network sees it.

    Attributes:
        pixels: (3, h, w), padding white.
        content: left, top, right, bottom of the picture in it, in whole pixels.
        content_box: what [0, w] x [0, h] spans of the original picture, padding included.
    """

    pixels: UInt8[Tensor, "3 h w"]
    content: tuple[int, int, int, int]
    content_box: ContentBox

    def padded(self, hw: tuple[int, int]) -> NetworkInput:
        """The same picture in the middle of a larger white input; the odd pixel goes right or below."""
        height, width = self.pixels.shape[-2:]
        top, left = (hw[0] - height) // 2, (hw[1] - width) // 2
        if (height, width) == hw:
            return self
        pixels = torch.full((3, *hw), 255, dtype=torch.uint8)
        pixels[:, top : top + height, left : left + width] = self.pixels
        x0, y0, x1, y1 = self.content
        box = self.content_box
        pixel_width, pixel_height = (box.right - box.left) / width, (box.bottom - box.top) / height
        return NetworkInput(
            pixels=pixels,
            content=(x0 + left, y0 + top, x1 + left, y1 + top),
            content_box=ContentBox(
                left=box.left - left * pixel_width,
                top=box.top - top * pixel_height,
                right=box.left + (hw[1] - left) * pixel_width,
                bottom=box.top + (hw[0] - top) * pixel_height,
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a network says about n frames, in one world; on the CPU, as it came: any of it may be unusable.

    Attributes:
        K: intrinsics in pixels of the input, float64; infinite for a field of view of 0.
        cam_from_world: float64.
        depth: planar z-depth.
        confidence: at least 1.
    """

    K: Float[Tensor, "n 3 3"]
    cam_from_world: Float[Tensor, "n 4 4"]
    depth: Float[Tensor, "n h w"]
    confidence: Float[Tensor, "n h w"]


@runtime_checkable
class DepthNetwork(Protocol):
    """Poses, depth and confidence from pictures that are seen together."""

    @property
    def precision(self) -> str:
        """What its matrix products run in, and where: for the report."""
        ...

    def input_size(self, picture_hw: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the input that a picture of this size becomes."""
        ...

    def prepare(self, picture: UInt8[Tensor, "3 H W"]) -> NetworkInput:
        """An upright picture at network size.

        Raises:
            ValueError: it is too flat to be seen.
        """
        ...

    def frames_that_fit(self, hw: tuple[int, int]) -> int | None:
        """How many inputs of this size fit into the memory that is free now; None where nobody can say."""
        ...

    def __call__(self, images: Float[Tensor, "n 3 h w"], known: Camera | None = None) -> Prediction:
        """Everything about n frames, RGB in [0, 1]; the first defines the world.

        Args:
            known: the frames' cameras, a batch, where the scene brings them: of use to networks that take cameras.
        """
        ...


class VGGTNetwork:
    """VGGT or VGGT-Omega with the weights of a checkpoint.

    Args:
        weights: the checkpoint.
        preprocess_mode: how its input is made of a picture; one of the network's own ways.
        device: where it runs.
        compiled: compile it, where it runs on a GPU.

    Raises:
        WeightsError: the checkpoint does not fit the network, or not into the device's memory.
        BackendError: it is to be compiled and there is nothing to do it with.
    """

    def __init__(
        self, weights: ResolvedWeights, preprocess_mode: PreprocessMode, device: torch.device, *, compiled: bool = False
    ):
        import warpdata_vggt

        compiled = compiled and device.type == "cuda"
        if compiled and importlib.util.find_spec("triton") is None:
            raise BackendError(
                "`compile_network` was asked for and Triton, which compiles it, is not installed; install `triton` "
                "(`triton-windows` on Windows), or leave `compile_network` away"
            )

        try:
            self._network = warpdata_vggt.load_network(weights.path, device=device)
        except warpdata_vggt.CheckpointError as error:
            raise WeightsError(f"`weights` {weights.id} cannot be used: {error}") from error
        except torch.cuda.OutOfMemoryError as error:
            raise WeightsError(
                f"the weights of {weights.network} do not fit into the memory that is free on {device}; close what "
                'else uses it, or use `device="cpu"`'
            ) from error
        if compiled:
            self._network.compile_blocks()
        if weights.network == "vggt":
            self._input_size = functools.partial(warpdata_vggt.input_size, mode=preprocess_mode)
            self._preprocess = functools.partial(warpdata_vggt.preprocess, mode=preprocess_mode)
        else:
            resolution = OMEGA_RESOLUTIONS.get(Path(weights.id).name, 512)
            self._input_size = functools.partial(warpdata_vggt.input_size_omega, resolution=resolution)
            self._preprocess = functools.partial(warpdata_vggt.preprocess_omega, resolution=resolution)
        self._decode_pose = warpdata_vggt.decode_pose

    @property
    def precision(self) -> str:
        return f"{str(self._network.dtype).removeprefix('torch.')} on {self._network.device.type}"

    def input_size(self, picture_hw: tuple[int, int]) -> tuple[int, int]:
        return self._input_size(picture_hw)

    def prepare(self, picture: UInt8[Tensor, "3 H W"]) -> NetworkInput:
        images, (box,) = self._preprocess([Image.fromarray(picture.permute(1, 2, 0).numpy())])
        height, width = box.input_hw
        # The package's box is the picture in the input; ours is the input in the picture.
        whole = replace(box, box=(0, 0, width, height))
        left, top, right, bottom = whole.picture_box
        return NetworkInput(
            pixels=(images[0] * 255).round().to(torch.uint8),
            content=box.box,
            content_box=ContentBox(left=left, top=top, right=right, bottom=bottom),
        )

    def frames_that_fit(self, hw: tuple[int, int]) -> int | None:
        free = free_memory(self._network.device)
        return None if free is None else self._network.frames_that_fit(hw, int(free * (1 - SPARE_MEMORY)))

    def __call__(self, images: Float[Tensor, "n 3 h w"], known: Camera | None = None) -> Prediction:
        output = self._network(images.to(self._network.device)[None])
        cam_from_world, K = self._decode_pose(output.pose_enc[0].double().cpu(), tuple(images.shape[-2:]))
        last_row = torch.tensor([[0, 0, 0, 1]], dtype=torch.float64).expand(len(images), 1, 4)
        return Prediction(
            K=K,
            cam_from_world=torch.cat([cam_from_world, last_row], dim=1),
            depth=output.depth[0, ..., 0].float().cpu(),
            confidence=output.depth_conf[0].float().cpu(),
        )


@functools.lru_cache(maxsize=1)
def shared_network(
    weights: ResolvedWeights, preprocess_mode: PreprocessMode, device: torch.device, *, compiled: bool = False
) -> DepthNetwork:
    """The network of these weights; the last one loaded stays, so that the scenes of a run share it."""
    return VGGTNetwork(weights, preprocess_mode, device, compiled=compiled)


def peak_bytes(network: NetworkName, frames: int, hw: tuple[int, int], device: torch.device) -> int:
    """What the published network takes on a device at the peak, weights included, in bytes; before anything is loaded.

    Args:
        frames: seen together.
        hw: height and width of its input, multiples of its patches.
    """
    import warpdata_vggt
    from warpdata_vggt.memory import memory_plan

    dtype = warpdata_vggt.default_dtype(device)
    with torch.device("meta"):  # sizes without memory
        if network == "vggt":
            empty = warpdata_vggt.VGGT(warpdata_vggt.VGGTConfig(), dtype=dtype)
        else:
            empty = warpdata_vggt.VGGTOmega(warpdata_vggt.VGGTOmegaConfig(), dtype=dtype)
    weights = sum(tensor.nbytes for tensor in (*empty.parameters(), *empty.buffers()))
    return memory_plan(empty.config, frames, hw, dtype=dtype, device=device, weights=weights).total


def free_memory(device: torch.device) -> int | None:
    """Bytes that may still be taken on a device; None where nobody can say."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    if sys.platform != "linux":
        return None
    lines = Path("/proc/meminfo").read_text().splitlines()
    available = next((line for line in lines if line.startswith("MemAvailable:")), None)
    return None if available is None else int(available.split()[1]) * 1024


LoadNetwork = Callable[[], DepthNetwork]
"""Gives a network when it is needed, and not before."""
