"""A histogram as SVG, for pages that load nothing."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Shaped

from warpdata.view.html import Html, element, join

WIDTH, HEIGHT = 300, 110
"""Of the bars, in the picture's own units."""

MOST_BARS = 24
AXIS = 18
"""Height of the line with the numbers."""


def histogram(values: Shaped[np.ndarray, " values"], about: str) -> Html:
    """Bars of how many values lie where, with the least, the median and the greatest written below.

    Args:
        values: those that are not finite are left out.
        about: what they are.
    """
    values = values[np.isfinite(values)].astype(np.float64)
    if not len(values):
        return element("p", "not known", class_="quiet")
    low, high = float(values.min()), float(values.max())
    bins = min(MOST_BARS, 4 + math.isqrt(len(values))) if high > low else 1
    counts, edges = np.histogram(values, bins=bins, range=(low, high) if high > low else (low - 0.5, low + 0.5))
    width = WIDTH / bins
    bars = join(
        element(
            "rect",
            element("title", f"{count} from {number(edges[k])} to {number(edges[k + 1])}"),
            x=f"{k * width + 0.5:.1f}",
            y=f"{HEIGHT - HEIGHT * count / counts.max():.1f}",
            width=f"{max(width - 1, 1):.1f}",
            height=f"{HEIGHT * count / counts.max():.1f}",
        )
        for k, count in enumerate(counts)
    )
    median = float(np.median(values))
    at = WIDTH * (median - low) / (high - low) if high > low else WIDTH / 2
    line = element("line", x1=f"{at:.1f}", x2=f"{at:.1f}", y1=0, y2=HEIGHT, class_="median")
    y = HEIGHT + AXIS - 4
    ends = [(0, low, "start"), (WIDTH, high, "end")] if high > low else []
    if all(abs(at - x) > WIDTH / 4 for x, _, _ in ends):
        ends.append((at, median, "middle"))
    numbers = join(element("text", number(value), x=f"{x:.1f}", y=y, text_anchor=anchor) for x, value, anchor in ends)
    return element(
        "svg",
        *(bars, line, numbers),
        viewBox=f"0 0 {WIDTH} {HEIGHT + AXIS}",
        role="img",
        aria_label=f"{about}: {len(values)} values, {number(low)} to {number(high)}, median {number(median)}",
    )


def number(value: float) -> str:
    """For people: three digits, no exponent where it can be helped."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 6)}f}"
