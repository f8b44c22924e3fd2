"""A picture of where views stand on a hemisphere around their target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

SIDE_PX, FINER = 800, 3
"""Width of the picture, and how much larger it is drawn before it is reduced."""

SEEN_FROM = (math.radians(-60), math.radians(25))
"""Azimuth and elevation that the hemisphere is looked at from, far away."""

PAPER, WIRE, FRONT, BACK = (255, 255, 255), (205, 205, 205), (200, 60, 40), (240, 185, 175)


def draw_hemisphere(directions: Sequence[tuple[float, float]]) -> Image.Image:
    """Views as dots on the wire frame of a hemisphere, paler where they are behind it; x axis red, y axis green.

    Args:
        directions: inclination from +z and azimuth from +x, in radians.
    """
    image = Image.new("RGB", (SIDE_PX * FINER, SIDE_PX * 3 // 4 * FINER), PAPER)
    draw = ImageDraw.Draw(image)
    turn = [math.tau * k / 120 for k in range(121)]
    for inclination in (math.radians(degrees) for degrees in range(15, 91, 15)):
        draw.line([_place(inclination, azimuth)[:2] for azimuth in turn], fill=WIRE, width=FINER)
    for azimuth in (math.radians(degrees) for degrees in range(0, 360, 30)):
        quarter = (math.pi / 2 * k / 40 for k in range(41))
        draw.line([_place(inclination, azimuth)[:2] for inclination in quarter], fill=WIRE, width=FINER)
    for azimuth, colour in ((0.0, (220, 40, 40)), (math.pi / 2, (40, 160, 40))):
        draw.line([_place(0.0, 0.0, 0.0)[:2], _place(math.pi / 2, azimuth)[:2]], fill=colour, width=2 * FINER)
    for x, y, away in sorted(_places(directions), key=lambda place: -place[2]):
        size = 5 * FINER
        draw.ellipse((x - size, y - size, x + size, y + size), fill=BACK if away > 0 else FRONT)
    return image.reduce(FINER)


def _places(directions: Iterable[tuple[float, float]]) -> Iterable[tuple[float, float, float]]:
    return (_place(*direction) for direction in directions)


def _place(inclination: float, azimuth: float, radius: float = 1.0) -> tuple[float, float, float]:
    """Position in the picture in pixels, and the distance behind the middle of the hemisphere."""
    around, up = SEEN_FROM
    flat, z = radius * math.sin(inclination), radius * math.cos(inclination)
    across, along = flat * math.sin(azimuth - around), flat * math.cos(azimuth - around)
    scale = 0.42 * SIDE_PX * FINER
    x = SIDE_PX * FINER / 2 + scale * across
    y = SIDE_PX * FINER * 0.5 - scale * (z * math.cos(up) - along * math.sin(up))
    return x, y, -(along * math.cos(up) + z * math.sin(up))
