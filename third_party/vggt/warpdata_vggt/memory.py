"""Peak memory of a forward pass, counted from the sizes of its tensors before it runs.

Letters: N frames, P tokens of a frame, p of them patches, C width, b bytes of the dtype that products run in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from .config import VGGTConfig, VGGTOmegaConfig

# Frames the depth head takes at a time where memory allows. More gain nothing: a GPU is busy with these, and a CPU
# with one.
HEAD_FRAMES = {"cuda": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """What a forward pass will hold, in bytes, on the device of the network.

    Attributes:
        frames: frames of the pass.
        hw: height and width of its images.
        head_frames: frames that the depth head takes at a time.
        weights: parameters and buffers.
        images: the input.
        phases: the most that each phase holds besides weights and images.
    """

    frames: int
    hw: tuple[int, int]
    head_frames: int
    weights: int
    images: int
    phases: dict[str, int]

    @property
    def activations(self) -> int:
        """The most that is held besides weights and images."""
        return max(self.phases.values())

    @property
    def total(self) -> int:
        """The peak: weights, images and activations."""
        return self.weights + self.images + self.activations


def tokens_at_a_time(device: torch.device) -> int:
    """Tokens whose wide intermediate tensors exist together: enough to fill the device, few enough to stay small."""
    return 32768 if device.type == "cuda" else 4096


def free_bytes(device: torch.device) -> int | None:
    """Memory that a pass may still take on a CUDA device; None elsewhere, where nobody can say."""
    if device.type != "cuda":
        return None
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + cached


def frames_that_fit(plan: Callable[[int], MemoryPlan], available: int) -> int:
    """The most frames whose images and activations take no more than `available` bytes; 0 if one is too many."""

    def fits(frames: int) -> bool:
        made = plan(frames)
        return made.images + made.activations <= available

    if not fits(1):
        return 0
    low, high = 1, 2
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def memory_plan(
    config: VGGTConfig | VGGTOmegaConfig,
    frames: int,
    hw: tuple[int, int],
    *,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    weights: int,
    activation_bytes: int | None = None,
    head_frames: int | None = None,
) -> MemoryPlan:
    """The peak memory of a forward pass; see `GeometryNetwork.memory_plan`, which knows `weights`."""
    device = torch.device(device)
    patch, leading = config.aggregator.patch_size, config.num_leading_tokens
    if frames < 1 or hw[0] < patch or hw[1] < patch or hw[0] % patch or hw[1] % patch:
        raise ValueError(f"at least one frame and sides that are multiples of {patch} are needed; got {frames} of {hw}")
    b, width = dtype.itemsize, config.aggregator.embed_dim
    patches = (hw[0] // patch) * (hw[1] // patch)
    chunk = min(frames, max(1, tokens_at_a_time(device) // (leading + patches)))
    part = chunk * (leading + patches) * width
    every = frames * (leading + patches) * width

    # Inside a block, of one chunk. In float32 a conversion makes no copy.
    cast = 0 if b == 4 else b * part
    plain = 4 * part + 3 * b * part + 3 * 4 * part
    rotated = plain + 2 * 4 * part
    finish = 4 * part + cast + int(config.aggregator.mlp_ratio) * 2 * b * part
    inside = max(rotated, finish + b * part)
    # The block across frames holds queries, keys, values or the attended tokens of all frames.
    queries = rotated if config.family == "vggt" else plain
    across = max(3 * b * every + queries if chunk < frames else queries, 6 * b * every, b * every + finish)

    stream, kept = 4 * every, 4 * frames * patches * sum(config.dense.out_channels)
    pixels = chunk * 3 * hw[0] * hw[1] * (4 + 4 + (0 if b == 4 else b)) + b * part
    project = 16 * part + 4 * chunk * patches * max(config.dense.out_channels)
    lead = 4 * frames * leading * 2 * width
    camera = 4 * frames * 2 * width * (leading if config.family == "omega" else 1)
    head = kept + lead + 8 * frames * hw[0] * hw[1]
    if head_frames is None:
        head_frames = HEAD_FRAMES.get(device.type, 1)
        while activation_bytes is not None and head_frames > 1:
            if head + _decode_bytes(config, patches, head_frames) <= activation_bytes:
                break
            head_frames -= 1
    head_frames = max(1, min(head_frames, frames))
    return MemoryPlan(
        frames=frames,
        hw=hw,
        head_frames=head_frames,
        weights=weights,
        images=4 * frames * 3 * math.prod(hw),
        phases={
            "encoder": stream + max(4 * part + inside, pixels),
            "layers": 2 * stream + kept + max(inside, across),
            "projection": 2 * stream + kept + project,
            "camera head": kept + lead + 12 * camera,
            "depth head": head + _decode_bytes(config, patches, head_frames),
        },
    )


def _decode_bytes(config: VGGTConfig | VGGTOmegaConfig, patches: int, frames: int) -> int:
    """The most that the depth head holds of some frames, beside its input; maps are counted in values per patch."""
    features, channels = config.dense.features, config.dense.out_channels
    maps = frames * patches
    # A convolution brings its weights into an order of its own.
    branching = maps * 21 * features + 9 * max(max(channels) * features, channels[3] ** 2)
    fusing = maps * 16 * features * 6
    if config.family == "omega":
        return 4 * max(branching, fusing)
    full = config.aggregator.patch_size**2
    doubled = 64 * features + 64 * features // 2
    widened = 64 * features // 2 + full * features // 2
    last = full * (features // 2 + 32 + 4)
    return 4 * max(branching, fusing, maps * max(doubled, widened, last))
