"""The networks: images of a scene to poses, depth and confidence.

Precision. `dtype` is what the matrix weights of the aggregator (four fifths of all) are held in, once; its matrix
products and attention run in it. The residual stream, norms, position tables and both heads are float32.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .aggregator import Aggregator, AlternatingAggregator, OmegaAggregator
from .camera_head import CameraHead, OmegaCameraHead
from .config import VGGTConfig, VGGTOmegaConfig
from .depth_head import DepthHead, OmegaDenseHead
from .dpt import DenseHead
from .layers import Block, fastest_attention
from .memory import MemoryPlan, frames_that_fit, free_bytes, memory_plan, tokens_at_a_time
from .probe import into, under


@dataclass(frozen=True, slots=True, kw_only=True)
class VGGTOutput:
    """What the network says about B scenes of S frames of H x W pixels; all float32.

    Attributes:
        pose_enc: translation, quaternion (x, y, z, w), vertical and horizontal field of view; see `decode_pose`.
        depth: z along the optical axis, > 0, in the scale of the translations.
        depth_conf: confidence, > 1.
        pose_enc_steps: `pose_enc` after each refinement step; the last one is `pose_enc`.
        camera_and_register_tokens: leading tokens of the last layer output; of VGGT-Omega only.
    """

    pose_enc: Float[Tensor, "B S 9"]
    depth: Float[Tensor, "B S H W 1"]
    depth_conf: Float[Tensor, "B S H W"]
    pose_enc_steps: tuple[Float[Tensor, "B S 9"], ...]
    camera_and_register_tokens: Float[Tensor, "B S K C"] | None = None


class GeometryNetwork(nn.Module, ABC):
    """The forward pass that VGGT and VGGT-Omega share; use one of those."""

    config: VGGTConfig | VGGTOmegaConfig
    aggregator: AlternatingAggregator
    camera_head: CameraHead | OmegaCameraHead

    @property
    @abstractmethod
    def dense(self) -> DenseHead:
        """The depth head, whatever its name in the checkpoint."""

    @property
    def dtype(self) -> torch.dtype:
        """What the matrix weights of the aggregator are held in."""
        return self.aggregator.frame_blocks[0].attn.qkv.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where images have to be."""
        return self.aggregator.camera_token.device

    @torch.no_grad()
    def forward(
        self,
        images: Float[Tensor, "B S 3 H W"] | Float[Tensor, "S 3 H W"],
        probe: dict[str, Tensor] | None = None,
        *,
        head_frames: int | None = None,
    ) -> VGGTOutput:
        """Poses, depth and confidence of every frame of each scene.

        The first frame of a scene defines its coordinate frame; the order of the others does not matter.

        Args:
            images: RGB in [0, 1], not normalised, sides multiples of the patch size; four dimensions are one scene.
            probe: receives copies of the intermediate tensors by name.
            head_frames: frames that the depth head takes at a time; None chooses from the memory that is free.

        Raises:
            ValueError: the shape of `images` does not fit, or they are on another device than the network.
        """
        images = self._checked(images)
        with fastest_attention(self.device):
            return self._forward(images, probe, head_frames)

    def _forward(
        self, images: Float[Tensor, "B S 3 H W"], probe: dict[str, Tensor] | None, head_frames: int | None
    ) -> VGGTOutput:
        scenes, frames, _, height, width = images.shape
        patch = self.config.aggregator.patch_size
        grid_hw = (height // patch, width // patch)
        leading = self.config.num_leading_tokens
        if head_frames is None:
            budget = free_bytes(self.device)
            head_frames = self.memory_plan(scenes * frames, (height, width), activation_bytes=budget).head_frames
        record = into(probe)
        heads = under(record, "depth." if self.config.family == "vggt" else "dense.")
        chunk = max(1, tokens_at_a_time(self.device) // (leading + grid_hw[0] * grid_hw[1]))

        dense, last = self.dense, self.config.aggregator.depth - 1
        read = frozenset((*dense.layers, last)) if probe is None else frozenset(range(last + 1))
        projected: dict[int, Tensor] = {}
        for layer in self.aggregator.layers(images, read, chunk, record):
            if probe is not None:
                both = torch.cat((layer.frame, layer.scene), dim=-1)
                record(f"agg.layer{layer.index}", both.unflatten(0, (scenes, frames)))
            for branch, index in enumerate(dense.layers):
                if index == layer.index:
                    projected[branch] = dense.project(branch, layer, leading, grid_hw, chunk, heads)
            if layer.index == last:
                lead = torch.cat((layer.frame[:, :leading], layer.scene[:, :leading]), dim=-1)
            del layer  # before the next layers run: it is as large as the residual stream

        lead = lead.unflatten(0, (scenes, frames))
        steps = self.camera_head(lead, record)
        depth = images.new_empty(scenes * frames, height, width, dtype=torch.float32)
        conf = torch.empty_like(depth)
        for at in range(0, scenes * frames, head_frames):
            part = slice(at, at + head_frames)
            depth[part], conf[part] = dense.decode([projected[j][part] for j in range(4)], grid_hw, heads)
        return VGGTOutput(
            pose_enc=steps[-1],
            depth=depth.unflatten(0, (scenes, frames))[..., None],
            depth_conf=conf.unflatten(0, (scenes, frames)),
            pose_enc_steps=steps,
            camera_and_register_tokens=lead if self.config.family == "omega" else None,
        )

    def memory_plan(
        self,
        frames: int,
        hw: tuple[int, int],
        *,
        activation_bytes: int | None = None,
        head_frames: int | None = None,
    ) -> MemoryPlan:
        """The peak memory of a forward pass over `frames` frames of `hw` pixels, before it is run.

        Args:
            frames: frames of all scenes of the batch together.
            hw: height and width of the images.
            activation_bytes: memory that may be used on top of the weights; the depth head's chunk is chosen to fit.
            head_frames: the chunk, if it is not to be chosen.
        """
        return memory_plan(
            self.config,
            frames,
            hw,
            dtype=self.dtype,
            device=self.device,
            weights=sum(t.nbytes for t in (*self.parameters(), *self.buffers())),
            activation_bytes=activation_bytes,
            head_frames=head_frames,
        )

    def frames_that_fit(self, hw: tuple[int, int], available: int) -> int:
        """The most frames of `hw` pixels whose images and activations take no more than `available` bytes.

        The count is exact for the tensors themselves; an allocator's fragments come on top, so leave it a tenth.
        0 if not even one frame fits.
        """
        return frames_that_fit(partial(self.memory_plan, hw=hw, head_frames=1), available)

    def compile_blocks(self, **options) -> None:
        """Compile the parts of the aggregator's blocks around the attention product with `torch.compile`; optional.

        They are the parts made of many small kernels. `options` go to `torch.compile`.
        """
        for block in self.aggregator.modules():
            if isinstance(block, Block):
                block.queries = torch.compile(block.queries, **options)
                block.finish = torch.compile(block.finish, **options)

    def _checked(self, images: Tensor) -> Float[Tensor, "B S 3 H W"]:
        if images.ndim == 4:
            images = images[None]
        patch = self.config.aggregator.patch_size
        if images.ndim != 5 or images.shape[2] != 3 or 0 in images.shape:
            raise ValueError(f"images must be [B, S, 3, H, W] or [S, 3, H, W]; got {tuple(images.shape)}")
        height, width = images.shape[-2:]
        if height % patch or width % patch:
            raise ValueError(
                f"height and width must be multiples of {patch}; got {height} x {width}: use this package's preprocess"
            )
        if not images.is_floating_point():
            raise ValueError(f"images must be floating point in [0, 1]; got {images.dtype}")
        if images.device != self.device:
            raise ValueError(f"images are on {images.device} and the network on {self.device}; move one of them")
        return images


class VGGT(GeometryNetwork):
    """VGGT, depth and cameras only; parameters carry the names of the published checkpoint.

    Args:
        config: sizes; the default is VGGT-1B.
        dtype: what the aggregator's matrix weights are held and multiplied in: float32 as in the published results,
            bfloat16 for speed on CUDA.
    """

    def __init__(self, config: VGGTConfig | None = None, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config = config or VGGTConfig()
        self.aggregator = Aggregator(self.config, dtype)
        self.camera_head = CameraHead(self.config)
        self.depth_head = DepthHead(self.config)
        self.eval()

    @property
    def dense(self) -> DepthHead:
        return self.depth_head


class VGGTOmega(GeometryNetwork):
    """VGGT-Omega, depth and cameras only (no text head); parameters carry the names of the published checkpoint.

    Args:
        config: sizes; the default is VGGT-Omega-1B.
        dtype: as for `VGGT`.
    """

    def __init__(self, config: VGGTOmegaConfig | None = None, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config = config or VGGTOmegaConfig()
        self.aggregator = OmegaAggregator(self.config, dtype)
        self.camera_head = OmegaCameraHead(self.config)
        self.dense_head = OmegaDenseHead(self.config)
        self.eval()

    @property
    def dense(self) -> OmegaDenseHead:
        return self.dense_head
