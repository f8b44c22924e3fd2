"""From reflectances or other numbers to 8 bits a band: the modes of the original, and one alike for all tiles.

A mode makes bytes; a stretch between percentiles may follow. Masked pixels take no part in any minimum, maximum or
percentile, and come out as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8

from warpdata.formats.reflectance import reflectance_255

Mode = Literal["band", "joint", "raw", "reflectance"]


@dataclass(frozen=True, kw_only=True)
class StretchOptions:
    """How numbers become bytes."""

    mode: Mode = "band"
    """band: each band from its minimum to its maximum, which destroys the balance of colours; joint: all bands from
    their common minimum to their common maximum; raw: values are 0 to 255 already; reflectance: 0 to 0.3 through the
    sRGB curve, the same for all tiles."""
    stretch: float | None = None
    """Percent cut off at either end afterwards, 0 for none. None: 1, but 0 with mode reflectance."""
    stretch_scope: Literal["joint", "band"] = "joint"
    """Whether the percentiles are those of all bands together, or of each."""
    seed_rounding: bool = False
    """Cut fractions off, as the original does, in place of rounding."""

    def __post_init__(self) -> None:
        if self.stretch is not None and not 0 <= self.stretch < 50:
            raise ValueError(f"`stretch` is {self.stretch}; it must be at least 0 and below 50 percent")

    @property
    def percent(self) -> float:
        """Percent cut off at either end."""
        if self.stretch is not None:
            return self.stretch
        return 0.0 if self.mode == "reflectance" else 1.0


@dataclass(frozen=True, kw_only=True)
class Stretched:
    """An image of 8 bits.

    Attributes:
        pixels: colours, 0 where masked.
        notes: what a person should know: bands without contrast.
    """

    pixels: UInt8[np.ndarray, "bands h w"]
    notes: tuple[str, ...]


def stretch(
    values: Shaped[np.ndarray, "bands h w"], valid: Bool[np.ndarray, "h w"], options: StretchOptions
) -> Stretched:
    """An image as bytes.

    Args:
        values: as stored; not looked at where not `valid`.

    Raises:
        ValueError: nothing is valid.
    """
    if not valid.any():
        raise ValueError("no pixel holds data")
    notes: list[str] = []
    seen = values[:, valid].astype(np.float64)
    if options.mode == "reflectance":
        seen = reflectance_255(seen)
    elif options.mode == "raw":
        seen = np.clip(seen, 0, 255)
    else:
        seen = _between(seen, options.mode, 0.0, notes)
    bytes_ = _whole(seen, options)
    if options.percent > 0:
        bytes_ = _whole(_between(bytes_.astype(np.float64), options.stretch_scope, options.percent, notes), options)
    pixels = np.zeros(values.shape, np.uint8)
    pixels[:, valid] = bytes_
    return Stretched(pixels=pixels, notes=tuple(dict.fromkeys(notes)))


def _between(
    seen: Float[np.ndarray, "bands n"], scope: Literal["band", "joint"], percent: float, notes: list[str]
) -> Float[np.ndarray, "bands n"]:
    """From the lower to the upper percentile, to 0 to 255; percentiles are interpolated linearly."""
    axis = None if scope == "joint" else 1
    lowest = np.percentile(seen, percent, axis=axis, keepdims=True)
    highest = np.percentile(seen, 100 - percent, axis=axis, keepdims=True)
    span = highest - lowest
    flat = np.broadcast_to(span == 0, (len(seen), 1))[:, 0]
    if flat.any():
        which = "all bands" if flat.all() else f"band {', '.join(str(band + 1) for band in np.flatnonzero(flat))}"
        notes.append(f"{which} without contrast, made 0")
    return np.where(span == 0, 0.0, (np.clip(seen, lowest, highest) - lowest) / np.where(span == 0, 1.0, span) * 255)


def _whole(values: Float[np.ndarray, "bands n"], options: StretchOptions) -> UInt8[np.ndarray, "bands n"]:
    return (values if options.seed_rounding else np.rint(values)).astype(np.uint8)
