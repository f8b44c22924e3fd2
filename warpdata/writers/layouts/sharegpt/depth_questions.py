"""Questions that depth answers: how far a point is, where a place is seen again, how much two views share."""

from __future__ import annotations

from random import Random
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from warpdata.formats.spacevista.drawing import CANDIDATE_COLOURS, LEAST_RADIUS, LETTERS, RADIUS, Shape, colour_of
from warpdata.writers.layouts.sharegpt.question import NoQuestion, Question, Shown, lettered
from warpdata.writers.layouts.sharegpt.sample_depth import AGREEING, SampleDepth
from warpdata.writers.layouts.sharegpt.templates import Templates

TRIES = 400
"""Places drawn until enough are fit for a question."""

BORDER = 0.05
"""Marks keep away from the border by this share of the shorter side."""

APART = 0.12
"""Candidates keep away from each other by this share of the picture's diagonal."""

NUM_CANDIDATES = 4

OVERLAP_PIXELS = 100_000
"""Overlap is measured on about so many pixels."""


def ask_depth(depth: SampleDepth, hw: tuple[int, int], rng: Random, templates: Templates) -> Question:
    """How far a point of the target is, in metres; or how many times as far as another one, without metres.

    Raises:
        NoQuestion: the target has too little depth.
    """
    count = 1 if depth.is_metric else 2
    pixels = _draw(hw, rng, TRIES)
    z = depth.target.at(pixels)
    chosen = _apart(pixels[z > 0], count, _distance(hw))
    if len(chosen) < count:
        raise NoQuestion("the target has no depth where a point could be asked for")
    known = depth.target.at(chosen).tolist()
    shapes = tuple(Shape(colour=colour_of(k), point=_row_column(pixel)) for k, pixel in enumerate(chosen))
    facts: dict[str, Any] = {
        "units": "metres" if depth.is_metric else "ratio",
        "rounded_to": 0.01,
        "input_point": {"image_path": "{target}", "points": [list(map(int, _row_column(pixel))) for pixel in chosen]},
    }
    section, value = ("DEPTH_METRIC", known[0]) if depth.is_metric else ("DEPTH_RATIO", known[0] / known[-1])
    return Question(
        shown=(Shown(role="target", shapes=shapes),),
        text=templates.draw(section, rng),
        answer=f"{value:.2f}",
        input_type="Image+point+text",
        facts=facts,
    )


def ask_position(depth: SampleDepth, hw: tuple[int, int], rng: Random, templates: Templates) -> Question:
    """Which of four points in the target is the place of a point in the reference.

    Raises:
        NoQuestion: no place is seen in both, with room for three others.
    """
    pixels = _draw(hw, rng, TRIES)
    z = depth.reference.at(pixels)
    pixels, z = pixels[z > 0], z[z > 0]
    there, z_there = depth.target.project(depth.reference.world(pixels, z))
    surface = depth.target.at(there)
    fit = (z_there > 0) & (surface > 0) & ((surface / z_there - 1).abs() < AGREEING) & _inside(there, hw)
    if not fit.any():
        raise NoQuestion("no place is seen in both pictures")
    first = int(fit.nonzero()[0])
    place = (there[first].floor() + 0.5)[None]
    others = _apart(torch.cat([place, _draw(hw, rng, TRIES)]), NUM_CANDIDATES, APART * (hw[0] ** 2 + hw[1] ** 2) ** 0.5)
    if len(others) < NUM_CANDIDATES:
        raise NoQuestion("the picture is too small for four points apart from each other")
    order = list(range(NUM_CANDIDATES))
    rng.shuffle(order)
    candidates = [others[k] for k in order]
    shapes = tuple(
        Shape(colour=CANDIDATE_COLOURS[k], point=_row_column(pixel), letter=LETTERS[k])
        for k, pixel in enumerate(candidates)
    )
    asked = _row_column(pixels[first])
    facts: dict[str, Any] = {
        "units": "letter",
        "input_point": {
            "image_path_1": "{reference}",
            "point_1": list(map(int, asked)),
            "image_path_2": "{target}",
            "points_2": [list(map(int, _row_column(pixel))) for pixel in candidates],
        },
    }
    names = ("blue", "green", "yellow", "red")
    return Question(
        shown=(
            Shown(role="reference", shapes=(Shape(colour=colour_of(0), point=asked),)),
            Shown(role="target", shapes=shapes),
        ),
        text=templates.draw("POSITION_ACROSS_FRAME", rng, lettered([f"the {name} point" for name in names])),
        answer=LETTERS[order.index(0)],
        input_type="Image+point+text",
        facts=facts,
    )


def ask_overlap(depth: SampleDepth, rng: Random, templates: Templates) -> Question:
    """How much of the target the reference sees, in percent.

    Raises:
        NoQuestion: the target has no depth.
    """
    share = overlap(depth)
    if share is None:
        raise NoQuestion("the target has no depth")
    return Question(
        shown=(Shown(role="reference"), Shown(role="target")),
        text=templates.draw("OVERLAP", rng),
        answer=f"{100 * share:.1f}",
        facts={"units": "percent", "rounded_to": 0.1},
    )


def overlap(depth: SampleDepth) -> float | None:
    """Share of the target's pixels with depth whose surface the reference sees; None where none has."""
    frame = depth.target.frame
    h, w = frame.depth.shape
    step = max(1, round((h * w / OVERLAP_PIXELS) ** 0.5))
    rows, columns = torch.meshgrid(torch.arange(0, h, step), torch.arange(0, w, step), indexing="ij")
    z = frame.depth[rows, columns].double().flatten()
    known = z > 0
    if not known.any():
        return None
    pixels = torch.stack([columns.flatten(), rows.flatten()], dim=-1).double() + 0.5
    view = type(depth.target)(camera=frame.camera, frame=frame)
    return depth.reference.sees(view.world(pixels[known], z[known])).double().mean().item()


def _draw(hw: tuple[int, int], rng: Random, count: int) -> Float64[Tensor, "n 2"]:
    """Centres of pixels (x, y) away from the border, at random."""
    H, W = hw
    border = _border(hw)
    drawn = [
        (rng.randint(border, max(border, W - 1 - border)), rng.randint(border, max(border, H - 1 - border)))
        for _ in range(count)
    ]
    return torch.tensor(drawn, dtype=torch.float64) + 0.5


def _border(hw: tuple[int, int]) -> int:
    return min(max(round(BORDER * min(hw)), _radius(hw)), (min(hw) - 1) // 2)


def _radius(hw: tuple[int, int]) -> int:
    return max(LEAST_RADIUS, round(RADIUS * min(hw)))


def _distance(hw: tuple[int, int]) -> float:
    return 3.0 * _radius(hw)


def _inside(pixels: Float64[Tensor, "n 2"], hw: tuple[int, int]) -> Tensor:
    border = _border(hw)
    x, y = pixels.unbind(-1)
    return (x >= border) & (x < hw[1] - border) & (y >= border) & (y < hw[0] - border)


def _apart(pixels: Float64[Tensor, "n 2"], count: int, distance: float) -> Float64[Tensor, "m 2"]:
    """The first pixels, at most so many, each at least so far from those before it."""
    kept: list[Tensor] = []
    for pixel in pixels:
        if all((pixel - other).norm().item() >= distance for other in kept):
            kept.append(pixel)
            if len(kept) == count:
                break
    return torch.stack(kept) if kept else pixels[:0]


def _row_column(pixel: Float64[Tensor, "2"]) -> tuple[float, float]:
    """Indices (y, x) of the pixel, whose own centre they stand for."""
    return float(pixel[1].floor()), float(pixel[0].floor())
