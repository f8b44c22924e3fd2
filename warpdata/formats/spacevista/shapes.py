"""The marks of an item as shapes on its frames. A mark that cannot be placed is named, never drawn elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from warpdata.errors import ViewError
from warpdata.formats.spacevista.drawing import LETTERS, Shape, colour_of
from warpdata.formats.spacevista.item import Item, Mark
from warpdata.formats.spacevista.mask_arrays import read_object_mask

PointOrder = Literal["yx", "xy"]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Shapes by the place of their frame among the item's, and what is wrong with the others."""

    shapes: dict[int, list[Shape]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def place_marks(
    item: Item,
    *,
    hw_of: Callable[[int], tuple[int, int] | None],
    find: Callable[[str], Path],
    point_order: PointOrder = "yx",
) -> Placed:
    """Where the marks of an item lie on its frames.

    Args:
        hw_of: height and width of a frame, by its place; None where it is not there.
        find: the file of a mask, by the path that the item has; raises a `ViewError`.
        point_order: whether points are written (y, x), as the format has them, or the other way round.
    """
    placed = Placed()
    has_candidates = any(mark.is_candidate for mark in item.marks)
    counted: dict[tuple[str, bool], int] = {}
    for mark in item.marks:
        order = counted.get((mark.kind, mark.is_candidate), 0)
        counted[mark.kind, mark.is_candidate] = order + 1
        number = item.frame_of(mark)
        where = mark.frame_path or f"frame {mark.frame_number}"
        if number is None:
            placed.problems.append(f"a {mark.kind} is on {where}, which is none of its frames, or several")
            continue
        hw = hw_of(number)
        if hw is None:
            placed.problems.append(f"a {mark.kind} is on {where}, which is missing")
            continue
        colour = colour_of(order, is_mask=mark.kind == "mask", is_candidate=mark.is_candidate)
        letter = LETTERS[order % len(LETTERS)] if mark.is_candidate and has_candidates else ""
        try:
            shape = _shape(mark, hw, find, point_order, colour=colour, letter=letter)
        except (ViewError, OSError, ValueError) as error:
            placed.problems.append(f"a {mark.kind} on {where}: {error}")
        else:
            placed.shapes.setdefault(number, []).append(shape)
    return placed


def _shape(
    mark: Mark,
    hw: tuple[int, int],
    find: Callable[[str], Path],
    point_order: PointOrder,
    *,
    colour: tuple[int, int, int],
    letter: str,
) -> Shape:
    H, W = hw
    if mark.point is not None:
        y, x = mark.point if point_order == "yx" else mark.point[::-1]
        if not (0 <= y < H and 0 <= x < W):
            hint = "; exchanged it would lie inside: see `point_order`" if 0 <= x < H and 0 <= y < W else ""
            raise ValueError(f"({y:g}, {x:g}) lies outside of its {W}x{H} pixels{hint}")
        return Shape(colour=colour, point=(y, x), letter=letter)
    if mark.box is not None:
        left, top, right, bottom = mark.box
        if right < 0 or bottom < 0 or left > W - 1 or top > H - 1:
            raise ValueError(f"{mark.box} lies outside of its {W}x{H} pixels")
        return Shape(colour=colour, box=mark.box, letter=letter)
    if mark.mask_path is None:
        raise ValueError("it has neither point, box nor mask")
    return Shape(colour=colour, mask=read_object_mask(find(mark.mask_path), mark.object_ids), letter=letter)
