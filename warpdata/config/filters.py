"""Which reference pixels never become points."""

from __future__ import annotations

from dataclasses import dataclass


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
