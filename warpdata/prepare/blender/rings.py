"""Views on rings of one inclination around a target: so many a ring that they lie about equally dense."""

from __future__ import annotations

import math

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))

MAX_VIEWS = 1_000_000


def ring_directions(start: float, stop: float, step: float, count: int) -> list[tuple[float, float]]:
    """Inclination from +z and azimuth from +x of every view, in radians; the lowest inclination first.

    Rings stand at `start`, `start + step`, ... below `stop`. They share the views in proportion to their length, each
    has one at least, and a ring at the pole exactly one; every other ring is turned by half a gap. Fewer views than
    rings are spread over the rings evenly, each turned from the last by the golden angle.

    Raises:
        ValueError: not 0 <= start < stop <= pi/2 and step > 0, or a number of views that does not fit.
    """
    if not (0 <= start < stop <= math.pi / 2 + 1e-12 and step > 0):
        raise ValueError(
            f"rings from {start:g} to {stop:g} by {step:g} radians; expected 0 <= start < stop <= pi/2 and step > 0"
        )
    if not 1 <= count <= MAX_VIEWS:
        raise ValueError(f"{count} views; give 1 to {MAX_VIEWS:,}")
    wanted = (stop - start) / step - 1e-9
    if wanted > MAX_VIEWS:
        raise ValueError(f"a step of {step:g} makes more than {MAX_VIEWS:,} rings; give a larger one")
    bands = max(1, math.ceil(wanted))
    inclinations = [start + band * step for band in range(bands)]
    if count < bands:
        chosen = [round(k * (bands - 1) / max(count - 1, 1)) for k in range(count)]
        return [(inclinations[band], k * GOLDEN_ANGLE % math.tau) for k, band in enumerate(chosen)]
    return [
        (inclinations[band], math.tau * (j + 0.5 * (band % 2)) / views)
        for band, views in enumerate(_shared(inclinations, count))
        for j in range(views)
    ]


def _shared(inclinations: list[float], count: int) -> list[int]:
    """How many of `count` views each ring gets; there are at least as many views as rings."""
    lengths = [math.sin(inclination) for inclination in inclinations]
    pole = lengths[0] == 0
    if pole and len(lengths) == 1:
        if count > 1:
            raise ValueError(f"{count} views on one ring at the pole, where all are the same; start above 0")
        return [1]
    first = int(pole)
    quotas = [(count - first) * length / sum(lengths) for length in lengths]
    views = [1] * first + [max(1, math.floor(quota)) for quota in quotas[first:]]
    rings = range(first, len(views))
    while (missing := count - sum(views)) != 0:
        if missing > 0:
            views[max(rings, key=lambda ring: quotas[ring] - views[ring])] += 1
        else:
            views[max((ring for ring in rings if views[ring] > 1), key=lambda ring: views[ring] - quotas[ring])] -= 1
    return views
