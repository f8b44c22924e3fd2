"""The one size of splat, reference and target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """The one size of splat, reference and target."""

    max_megapixels: float = 1.0
    """Largest output in millions of pixels; larger views are reduced, in memory, once (0: no limit)."""
    resize_width: int = 0
    """Output width in pixels, together with --resize-height; reduced if above --max-megapixels (0: the views' own)."""
    resize_height: int = 0
    """Output height in pixels, together with --resize-width (0: the views' own)."""
    multiple: int = 1
    """Make both sides multiples of N by rounding down; many trainers want 16 or 32."""
    preprocess_mode: Literal["crop", "pad"] = "crop"
    """How a view is fitted to a size of another aspect ratio, for the network and for the output alike:
    crop fills the frame and cuts what hangs over; pad keeps the whole picture on white, which never becomes points."""
    upsample_depth: bool = False
    """Bring depth to the output size before rendering, sharp at silhouettes. Without it the splat is rendered at the
    depth's own size, if that is smaller, and the picture is enlarged."""

    def __post_init__(self) -> None:
        if not self.max_megapixels >= 0:
            raise ValueError(f"`max_megapixels` is {self.max_megapixels}; use 0 for no limit or a positive number")
        if (self.resize_width > 0) != (self.resize_height > 0) or min(self.resize_width, self.resize_height) < 0:
            raise ValueError(
                f"`resize_width` {self.resize_width} and `resize_height` {self.resize_height} go together: "
                "give both as positive numbers, or neither"
            )
        if self.multiple < 1:
            raise ValueError(f"`multiple` is {self.multiple}; it must be at least 1")
