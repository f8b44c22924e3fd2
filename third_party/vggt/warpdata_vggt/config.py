"""Sizes of the networks. The defaults are the published checkpoints; tests build the same networks small."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal


def _from_section(cls: type, section: dict[str, Any], where: str) -> Any:
    """A config dataclass from a JSON object; a key it does not know is an error, not a silent default."""
    names = {f.name for f in dataclasses.fields(cls)}
    unknown = sorted(set(section) - names)
    if unknown:
        raise ValueError(f"{where} has unknown keys {', '.join(unknown)}; known are {', '.join(sorted(names))}")
    # JSON has lists for tuples, and may write a float without its point.
    floats = {f.name for f in dataclasses.fields(cls) if isinstance(f.default, float)}
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in section.items()}
    return cls(**{name: float(v) if name in floats else v for name, v in values.items()})


def _from_dict(cls: type, data: dict[str, Any], family: str) -> Any:
    if data.get("family", family) != family:
        raise ValueError(f"this is a configuration of {data['family']!r}, and {cls.__name__} takes {family!r}")
    sections = {f.name: f.default_factory for f in dataclasses.fields(cls)}
    unknown = sorted(set(data) - set(sections) - {"name", "family"})
    if unknown:
        raise ValueError(f"a {cls.__name__} has the sections {', '.join(sections)}; found also {', '.join(unknown)}")
    return cls(**{name: _from_section(sections[name], data[name], name) for name in sections if name in data})


def _check_branches(channels: tuple[int, ...], layers: tuple[int, ...], depth: int) -> None:
    if len(channels) != 4 or len(layers) != 4:
        raise ValueError(f"the depth head has four branches; got channels {channels} and layers {layers}")
    if not all(0 <= layer < depth for layer in layers):
        raise ValueError(f"the depth head reads layers {layers}, and there are {depth}, counted from 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatorConfig:
    """The alternating layers, and how patches enter them (`conv`: without the encoder, for tests only)."""

    patch_embed: Literal["dinov2", "conv"] = "dinov2"
    img_size: int = 518
    patch_size: int = 14
    embed_dim: int = 1024
    depth: int = 24
    num_heads: int = 16
    mlp_ratio: float = 4.0
    num_register_tokens: int = 4
    rope_freq: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """The DINOv2 image encoder; its width is the aggregator's `embed_dim`."""

    depth: int = 24
    num_heads: int = 16
    mlp_ratio: float = 4.0
    layer_scale: bool = True
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        if not self.layer_scale:
            raise ValueError("an encoder without layer scale is not supported: every published one has it")


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraHeadConfig:
    """The iterative camera head; its width is twice `embed_dim`."""

    trunk_depth: int = 4
    num_heads: int = 16
    mlp_ratio: float = 4.0
    num_iterations: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseHeadConfig:
    """The DPT depth head: which layer outputs its four branches read, finest first, and their channels."""

    features: int = 256
    out_channels: tuple[int, ...] = (256, 512, 1024, 1024)
    intermediate_layer_idx: tuple[int, ...] = (4, 11, 17, 23)


@dataclass(frozen=True, slots=True, kw_only=True)
class VGGTConfig:
    """VGGT; `VGGTConfig()` is VGGT-1B."""

    aggregator: AggregatorConfig = field(default_factory=AggregatorConfig)
    vit: EncoderConfig = field(default_factory=EncoderConfig)
    camera_head: CameraHeadConfig = field(default_factory=CameraHeadConfig)
    depth_head: DenseHeadConfig = field(default_factory=DenseHeadConfig)

    family = "vggt"

    def __post_init__(self) -> None:
        head = self.depth_head
        _check_branches(head.out_channels, head.intermediate_layer_idx, self.aggregator.depth)

    @property
    def dense(self) -> DenseHeadConfig:
        """The depth head's sizes, under the name both families share."""
        return self.depth_head

    @property
    def num_leading_tokens(self) -> int:
        """Tokens of a frame in front of its patches: the camera token and the registers."""
        return 1 + self.aggregator.num_register_tokens

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VGGTConfig:
        """From the sections of a JSON configuration; a section left out keeps its default."""
        return _from_dict(cls, data, cls.family)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `from_dict` reads."""
        return {"family": self.family, **dataclasses.asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class OmegaAggregatorConfig:
    """The alternating layers of VGGT-Omega; some cross-frame blocks see camera and register tokens only."""

    patch_size: int = 16
    embed_dim: int = 1024
    depth: int = 24
    num_heads: int = 16
    mlp_ratio: float = 4.0
    num_register_tokens: int = 16
    register_attention_block_indices: tuple[int, ...] = (2, 6, 9, 14, 20)
    rope_base: float = 100.0
    rope_normalize: Literal["max"] = "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class OmegaEncoderConfig:
    """The DINOv3 image encoder; its width is the aggregator's `embed_dim`."""

    depth: int = 24
    num_heads: int = 16
    mlp_ratio: float = 4.0
    num_storage_tokens: int = 4
    norm_eps: float = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class OmegaCameraHeadConfig:
    """The one-pass camera head; its width is twice `embed_dim`."""

    num_blocks: int = 4
    num_heads: int = 16
    mlp_ratio: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VGGTOmegaConfig:
    """VGGT-Omega; `VGGTOmegaConfig()` is VGGT-Omega-1B without the text head."""

    aggregator: OmegaAggregatorConfig = field(default_factory=OmegaAggregatorConfig)
    vit: OmegaEncoderConfig = field(default_factory=OmegaEncoderConfig)
    camera_head: OmegaCameraHeadConfig = field(default_factory=OmegaCameraHeadConfig)
    dense_head: DenseHeadConfig = field(default_factory=DenseHeadConfig)

    family = "omega"

    def __post_init__(self) -> None:
        head = self.dense_head
        _check_branches(head.out_channels, head.intermediate_layer_idx, self.aggregator.depth)

    @property
    def dense(self) -> DenseHeadConfig:
        """The dense head's sizes, under the name both families share."""
        return self.dense_head

    @property
    def num_leading_tokens(self) -> int:
        """Tokens of a frame in front of its patches: the camera token and the registers."""
        return 1 + self.aggregator.num_register_tokens

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VGGTOmegaConfig:
        """From the sections of a JSON configuration; a section left out keeps its default."""
        return _from_dict(cls, data, cls.family)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `from_dict` reads."""
        return {"family": self.family, **dataclasses.asdict(self)}
