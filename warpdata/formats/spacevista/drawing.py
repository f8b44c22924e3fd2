"""Marks drawn into frames, as models that are tuned on SpaceVista see them: one code for previews, exports, tensors.

Points are discs, boxes outlines, masks a tint; by their order red, blue, green, yellow and again. Where one mark asks
about candidates in another frame, it is red and they are blue, green, yellow, and red with the fourth; candidates carry
the letters A, B, C, ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

RED, BLUE, GREEN, YELLOW = (255, 0, 0), (0, 128, 255), (0, 255, 0), (255, 215, 0)
COLOURS = (RED, BLUE, GREEN, YELLOW)
CANDIDATE_COLOURS = (BLUE, GREEN, YELLOW, RED)

RADIUS, LEAST_RADIUS = 0.014, 8
"""Of a point's disc, as a share of the shorter side, and in pixels."""
LINE, LEAST_LINE = 0.004, 2
"""Width of a box's outline, likewise."""
TINT = 0.35
"""Share of the colour where a mask is."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A mark that can be drawn, in pixels of the picture.

    Attributes:
        colour: red, green, blue.
        point: (y, x), the first pixel's centre at (0, 0).
        box: (left, top, right, bottom).
        mask: where the object is, of any size.
        letter: stands beside it; none where empty.
    """

    colour: tuple[int, int, int]
    point: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    mask: Bool[np.ndarray, "h w"] | None = None
    letter: str = ""


def colour_of(order: int, *, is_mask: bool = False, is_candidate: bool = False) -> tuple[int, int, int]:
    """The colour of a mark by its order among its like, from 0; of masks all from the fourth on are yellow."""
    colours = CANDIDATE_COLOURS if is_candidate else COLOURS
    return colours[min(order, len(colours) - 1) if is_mask else order % len(colours)]


def draw(picture: UInt8[np.ndarray, "H W 3"], shapes: Sequence[Shape]) -> UInt8[np.ndarray, "H W 3"]:
    """A copy of a picture with marks: masks below, points and letters on top."""
    drawn = np.ascontiguousarray(picture).copy()
    H, W = drawn.shape[:2]
    side = min(H, W)
    for shape in shapes:
        if shape.mask is not None:
            _tint(drawn, shape.mask, shape.colour)
    for shape in shapes:
        if shape.box is not None:
            left, top, right, bottom = clipped(shape.box, (H, W))
            width = max(LEAST_LINE, round(LINE * side))
            cv2.rectangle(drawn, (round(left), round(top)), (round(right), round(bottom)), shape.colour, width)
    for shape in shapes:
        if shape.point is not None:
            radius = max(LEAST_RADIUS, round(RADIUS * side))
            cv2.circle(drawn, (round(shape.point[1]), round(shape.point[0])), radius, shape.colour, -1)
        if shape.letter:
            _write(drawn, shape)
    return drawn


def clipped(box: tuple[float, float, float, float], hw: tuple[int, int]) -> tuple[float, float, float, float]:
    """A box with its corners inside a picture."""
    left, top, right, bottom = box
    H, W = hw
    return (
        min(max(left, 0.0), W - 1.0),
        min(max(top, 0.0), H - 1.0),
        min(max(right, 0.0), W - 1.0),
        min(max(bottom, 0.0), H - 1.0),
    )


def _tint(drawn: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "h w"], colour: tuple[int, int, int]) -> None:
    H, W = drawn.shape[:2]
    here = mask.astype(np.uint8)
    if here.shape != (H, W):
        here = cv2.resize(here, (W, H), interpolation=cv2.INTER_NEAREST)
    where = here > 0
    mixed = (1 - TINT) * drawn[where].astype(np.float32) + TINT * np.array(colour, np.float32)
    drawn[where] = np.rint(mixed).astype(np.uint8)


def _write(drawn: UInt8[np.ndarray, "H W 3"], shape: Shape) -> None:
    """A letter right of a point, or in the upper left corner of a box; white on black, to be read on anything."""
    H, W = drawn.shape[:2]
    scale = max(0.5, min(H, W) / 600)
    if shape.point is not None:
        radius = max(LEAST_RADIUS, round(RADIUS * min(H, W)))
        x, y = round(shape.point[1]) + radius + 2, round(shape.point[0]) + round(8 * scale)
    elif shape.box is not None:
        left, top, _, _ = clipped(shape.box, (H, W))
        x, y = round(left) + 4, round(top) + round(22 * scale)
    else:
        return
    (width, height), _ = cv2.getTextSize(shape.letter, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    x, y = min(max(x, 0), max(W - width - 1, 0)), min(max(y, height + 1), H - 2)
    for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        place = {"fontScale": scale, "thickness": thickness, "lineType": cv2.LINE_AA}
        cv2.putText(drawn, shape.letter, (x, y), cv2.FONT_HERSHEY_SIMPLEX, color=colour, **place)
