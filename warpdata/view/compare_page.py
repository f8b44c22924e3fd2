"""The page of a comparison of estimators: their figures in a table, and the same pairs by each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from rich.filesize import decimal

from warpdata.run.compare import Compared, Shown
from warpdata.view.html import Html, element, page, picture
from warpdata.view.points import depth_picture
from warpdata.view.thumbnails import thumbnail

THUMBNAIL_PX = 420
"""Longest side of the pictures."""

DIFFERENCE_GAIN = 3
"""What the difference of splat and target is multiplied with, so that it can be seen."""

HEADS = {
    "frames": "views",
    "seconds": "time",
    "peak": "memory",
    "agreeing": "confirmed",
    "psnr": "PSNR",
    "seen": "seen",
    "covered": "covered",
    "flying_fraction": "flying",
}
"""Columns of the table."""


MEANINGS = (
    "views: with geometry; confirmed: depth that neighbouring views agree with; PSNR: of splat and target where points "
    "are seen; seen: share of the target; covered: seen or within two pixels of it; flying: points that hang between "
    "two surfaces. Means over pairs."
)


def compare_page(scene: str, rows: Sequence[Compared]) -> str:
    """The page's HTML."""
    return page(
        f"{scene}: {', '.join(row.name for row in rows)}",
        element("h1", scene),
        element("p", "One scene by several estimators; each view is warped into the next.", class_="quiet"),
        _table(rows),
        element("p", MEANINGS, class_="quiet"),
        *_pairs(rows),
    )


def cells(row: Compared) -> dict[str, str]:
    """A row's figures for people; empty where they are not known."""
    figures = row.figures
    seen = {"seen": 1 - figures["hole_fraction"]} if "hole_fraction" in figures else {}
    shares = {name: f"{value:.1%}" for name, value in {**figures, **seen}.items() if name not in ("psnr",)}
    made = row.error is None
    return {
        **{name: "" for name in HEADS},
        "frames": f"{row.frames} of {row.of_frames}" if made else "none",
        "seconds": "from the cache" if made and row.seconds is None else f"{row.seconds:,.1f} s" if made else "",
        "peak": "" if row.peak_bytes is None else decimal(row.peak_bytes),
        "psnr": f"{figures['psnr']:.1f} dB" if "psnr" in figures else "",
        **{name: value for name, value in shares.items() if name in HEADS},
    }


def _table(rows: Sequence[Compared]) -> Html:
    head = element("tr", element("th", "estimator"), *(element("th", text, class_="number") for text in HEADS.values()))
    body = []
    for row in rows:
        said = row.error or row.reason
        name = element("td", element("b", row.name), element("div", said, class_="bad" if row.error else "quiet"))
        body.append(element("tr", name, *(element("td", text, class_="number") for text in cells(row).values())))
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="scroll")


def _pairs(rows: Sequence[Compared]) -> Iterator[Html]:
    pairs = dict.fromkeys((one.reference_name, one.target_name) for row in rows for one in row.shown)
    for reference, target in pairs:
        yield element("h2", f"{reference} → {target}")
        truth = next(
            one for row in rows for one in row.shown if (one.reference_name, one.target_name) == (reference, target)
        )
        yield _figure("the photographs", [("reference", truth.reference), ("target", truth.target)], "")
        for row in rows:
            for one in row.shown:
                if (one.reference_name, one.target_name) == (reference, target):
                    yield _by(row, one)


def _by(row: Compared, one: Shown) -> Html:
    colours, near, far = depth_picture(one.depth.numpy())
    depth = torch.from_numpy(colours).permute(2, 0, 1)
    said = f"depth {near:.3g} (red) to {far:.3g} (blue); PSNR where seen {one.scores['psnr']:.1f} dB, "
    said += f"{1 - one.scores['hole_fraction']:.1%} of the target seen; right: {DIFFERENCE_GAIN} times |splat - target|"
    off = (one.splat.int() - one.target.int()).abs().mul(DIFFERENCE_GAIN).clamp(max=255).to(torch.uint8)
    return _figure(row.name, [("depth", depth), ("splat", one.splat), ("difference", off)], said)


def _figure(name: str, pictures: Sequence[tuple[str, torch.Tensor]], said: str) -> Html:
    shown = [picture(thumbnail(image, THUMBNAIL_PX), "jpeg", f"{what}, {name}") for what, image in pictures]
    caption = element("figcaption", element("b", name), f": {said}" if said else None)
    return element("figure", element("div", *shown), caption, class_="triplet")


def lines(rows: Sequence[Compared]) -> Iterator[str]:
    """The table as text."""
    table = [["estimator", *HEADS.values()], *([row.name, *cells(row).values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells_of_row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells_of_row, widths, strict=True)).rstrip()
    for row in rows:
        if row.error:
            yield f"{row.name}: {row.error}"
