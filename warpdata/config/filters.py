"""Which reference pixels never become points."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from warpdata.config.render import RenderOptions


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """Which reference pixels never become points, besides those without depth."""

    filter_sky: bool = False
    """Drop sky, found by a segmentation network (extra `sky`)."""
    sky_model: str = "JianyuanWang/skyseg/skyseg.onnx"
    """Network for --filter-sky: an .onnx file, or one of a Hugging Face repository, `owner/name/file[@revision]`."""
    filter_black_bg: bool = False
    """Drop nearly black pixels: R + G + B < 16."""
    filter_white_bg: bool = False
    """Drop nearly white pixels: R, G and B all above 240."""
    edge_threshold: float | Literal["auto", "off"] = "auto"
    """Drop pixels beside silhouettes, which make points that hang in the air: those in whose 5 x 5 window depth ranges
    over more than this share of its mean. auto: off for exact geometry, on for networks and stereo, each with a
    threshold of its own (docs/quality.md); off also for version 1 of the warp."""

    def __post_init__(self) -> None:
        threshold = self.edge_threshold
        if threshold not in ("auto", "off") and not (math.isfinite(threshold) and threshold > 0):
            raise ValueError(f"`edge_threshold` is {threshold}; it must be auto, off, or a positive number")

    def beside(self, render: RenderOptions) -> FilterOptions:
        """The same for splats rendered with these options: version 1 goes on without what it did not have."""
        if self.edge_threshold == "auto" and render.version == 1:
            return replace(self, edge_threshold="off")
        return self
