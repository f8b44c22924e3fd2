"""How the GPU kernels are compiled and launched. Importing this imports NVIDIA Warp.

Kernels are written in Warp, which compiles them on first use and keeps what it compiled (`WARP_CACHE_PATH` moves that).
They run on tensors where they lie, on CUDA or, slowly, on the CPU.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import warp as wp
from torch import Tensor

from warpdata.errors import BackendError

wp.config.log_level = max(wp.config.log_level, wp.LOG_WARNING)  # Warp would print a banner and every compilation.

MODULE_OPTIONS = {
    "enable_backward": False,
    "fast_math": False,
    "fuse_fp": False,
}
"""Every operation is rounded by itself, as in the definition: no contraction into multiply-adds, exact division."""


class Queue:
    """Launches kernels for tensors of one device, on its current stream."""

    def __init__(self, device: torch.device):
        self.device = warp_device(device)
        self.stream = None
        if device.type == "cuda":
            self.stream = warp_stream(device, torch.cuda.current_stream(device).cuda_stream)

    def launch(self, kernel: wp.Kernel, dim: tuple[int, ...], *arguments) -> None:
        if min(dim) > 0:
            wp.launch(kernel, dim=dim, inputs=arguments, device=self.device, stream=self.stream)


@lru_cache(maxsize=64)
def warp_stream(device: torch.device, handle: int) -> wp.Stream:
    """Warp's name for PyTorch's current stream, whose handle tells it from others."""
    return wp.stream_from_torch(device)


def warp_device(
    device: torch.device, *, otherwise: str = "choose backend='torch', which runs on any device"
) -> wp.Device:
    """Warp's name for a device of PyTorch.

    Args:
        otherwise: what a person can do without Warp.

    Raises:
        BackendError: Warp cannot use it.
    """
    try:
        wp.init()
        if device.type == "cuda" and not wp.is_cuda_available():
            raise RuntimeError("NVIDIA Warp found no CUDA driver it can use")
        return wp.get_device(str(device))
    except Exception as error:  # Warp raises bare exceptions of several kinds for what it cannot start.
        raise BackendError(
            f"the warp backend cannot run on {device}: {error}; update the NVIDIA driver, or {otherwise}"
        ) from error


def array(tensor: Tensor, dtype: type | None = None):
    """A tensor as a kernel's argument, where it lies."""
    return wp.from_torch(tensor, dtype=dtype, requires_grad=False, return_ctype=True)
