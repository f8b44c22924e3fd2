"""`report.html`: what a run made and what it left out, as one page that opens from the disk and loads nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.filesize import decimal

from warpdata.config.quality import SCORES
from warpdata.errors import OutputError, ViewError, group_reasons
from warpdata.files.atomic import write_atomic
from warpdata.files.bounded_json import dump_json, read_json
from warpdata.formats.manifest import IMAGE_ROLES, REPORT, REQUIRED_ROLES, Record
from warpdata.run.report import REPORT_PAGE
from warpdata.view.histogram import histogram, number
from warpdata.view.html import Html, element, join, page, picture
from warpdata.view.sample_files import SampleFiles
from warpdata.view.sample_index import SampleIndex
from warpdata.view.thumbnails import thumbnail
from warpdata.writers.output.existing import find_datasets

CHARTS = ("hole_fraction", "psnr", "baseline", "rotation_deg", "sharpness_target", "flying_fraction")
"""Scores that are shown as histograms."""

SHOWN = 3
"""Triplets that are shown as pictures, of the best, of the middle and of the worst."""

THUMBNAIL_PX = 420
"""Longest side of these pictures."""

LISTED_NAMES = 20
"""Of what was left out for one reason, so many names are listed; `report.json` has all."""


def write_report_page(
    root: Path, command: Sequence[str] | None = None, *, seconds: Mapping[str, float] | None = None
) -> Path:
    """Write the page of an output beside its `report.json`.

    Args:
        root: the output folder.
        command: words of the command line that makes it again; None where it is not known.
        seconds: stage -> how long it took; known only when a run has just ended.

    Returns:
        The page's path.

    Raises:
        OutputError: there is no `report.json`, it or a manifest is damaged, or the page cannot be written.
    """
    path = root / REPORT_PAGE
    write_atomic(path, report_page(root, command, seconds))
    return path


def read_report(root: Path) -> dict[str, Any]:
    """What the `report.json` of an output says.

    Raises:
        OutputError: there is none, or it is damaged.
    """
    path = root / REPORT
    try:
        report = read_json(path)
        if not isinstance(report["scenes"], list) or not isinstance(report["options"], dict):
            raise ValueError("it is not a report of this program")
    except FileNotFoundError as error:
        raise OutputError(
            f"{root} has no {REPORT}; give the output folder of a run of `warpdata.materialize` that came to its end"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path} cannot be used ({error}); run the command that made it again") from error
    return report


def report_page(root: Path, command: Sequence[str] | None = None, seconds: Mapping[str, float] | None = None) -> str:
    """The page's HTML; see `write_report_page`."""
    report = read_report(root)
    exports = list(find_datasets(root))
    best = min(exports, key=lambda export: export[1]["layout"] != "folder", default=None)
    sections = [_heading(root, report, exports)]
    if best is None:
        sections.append(element("p", "No triplet is on the disk.", class_="bad"))
        licences: dict[str, Any] = {}
    else:
        with closing(SampleIndex(best[0])) as index:
            licences = index.geometry
            sections += [_charts(index), _triplets(index, SampleFiles(best[0], best[1]["layout"]))]
    sections += [_scenes(report, licences), _time(seconds) if seconds else None, _again(report, command)]
    title = f"{len(report['scenes'])} scenes, {report.get('triplets', 0)} triplets"
    return page(f"{root.absolute().name}: {title}", *sections)


def _heading(root: Path, report: dict[str, Any], exports: list[tuple[Path, dict[str, Any]]]) -> Html:
    scenes = report["scenes"]
    made_from = report["options"].get("source", {}).get("input_dir", "")
    used = sum(not scene.get("error") for scene in scenes)
    psnr, holes = (_mean(scenes, score) for score in ("psnr", "hole_fraction"))
    size = sum(file["bytes"] for _, about in exports for file in about["files"].values())
    figures = {
        "triplets": f"{report.get('triplets', 0):,}",
        "scenes used": f"{used:,} of {len(scenes):,}",
        "mean PSNR where seen": None if psnr is None else f"{psnr:.1f} dB",
        "mean share of holes": None if holes is None else f"{holes:.1%}",
        "views, files or pairs left out": f"{sum(len(scene.get('left_out', ())) for scene in scenes):,}",
        "not kept for their scores": f"{sum(len(scene.get('not_kept', ())) for scene in scenes):,}",
        "rejected by hand": f"{sum(len(scene.get('rejected', ())) for scene in scenes):,}",
        "in shards": decimal(size) if any("key" in f for _, a in exports for f in a["files"].values()) else None,
    }
    optional = ("not kept for their scores", "rejected by hand")
    shown = {name: value for name, value in figures.items() if value and not (name in optional and value == "0")}
    layouts = ", ".join(sorted(about["layout"] for _, about in exports)) or "none"
    return join(
        [
            element("h1", root.absolute().name),
            element(
                "p",
                *("Made from ", element("code", made_from), f" by {report.get('program')}, on the "),
                f"{report.get('device')}" + (f" ({report['backend']})" if report.get("backend") else ""),
                f". Layouts: {layouts}.",
                class_="quiet",
            ),
            element(
                "dl",
                *(element("div", element("dt", name), element("dd", value)) for name, value in shown.items()),
                class_="figures",
            ),
        ]
    )


def _mean(scenes: Iterable[dict[str, Any]], score: str) -> float | None:
    """Of all triplets, from the means of the scenes."""
    pairs = [(scene[score], scene["triplets"]) for scene in scenes if scene.get(score) is not None]
    count = sum(triplets for _, triplets in pairs)
    return sum(mean * triplets for mean, triplets in pairs) / count if count else None


def _charts(index: SampleIndex) -> Html:
    known = {name: (index.scores[name], SCORES[name]) for name in CHARTS if name in index.scores}
    if "hole_fraction" in index.scores:
        known["overlap"] = (
            1 - index.scores["hole_fraction"],
            "share of the target that the splat shows, 1 - hole_fraction",
        )
    charts = (
        element("figure", histogram(values, name), element("figcaption", element("b", name), f": {about}"))
        for name, (values, about) in known.items()
    )
    about = element("p", "Of all triplets; the red line is the median.", class_="quiet")
    return join([element("h2", "Scores"), about, element("div", *charts, class_="charts")])


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Triplets shown together."""

    title: str
    numbers: Sequence[int]


def _triplets(index: SampleIndex, files: SampleFiles) -> Html:
    score = "psnr" if "psnr" in index.scores else ""
    order = index.chosen(sort=score, descending=True)
    groups = [_Group(title=title, numbers=numbers) for title, numbers in best_middle_worst(order)]
    shown = [
        join([element("h3", group.title), *(_triplet(index, files, int(one)) for one in group.numbers)])
        for group in groups
    ]
    by = "by PSNR where points are seen; " if score else ""
    about = element("p", f"Chosen {by}left to right: splat, reference, target.", class_="quiet")
    return join([element("h2", "Triplets"), about, *shown])


def best_middle_worst(order: Sequence[int] | np.ndarray) -> Iterator[tuple[str, list[int]]]:
    """A few of each end and of the middle of an order, none of them twice."""
    order = [int(one) for one in order]
    if len(order) <= 3 * SHOWN:
        yield "All, best first", order
        return
    middle = (len(order) - SHOWN) // 2
    yield "Best", order[:SHOWN]
    yield "Middle", order[middle : middle + SHOWN]
    yield "Worst", order[-SHOWN:]


def _triplet(index: SampleIndex, files: SampleFiles, number_: int) -> Html:
    try:
        record = index.record(number_)
    except OutputError as error:
        return element("p", str(error), class_="bad")
    views = f"{record.reference} → {record.target}" if record.reference else record.target
    scores = ", ".join(
        f"{name} {number(value)}"
        for name in ("psnr", "hole_fraction", "baseline", "rotation_deg")
        if isinstance(value := record.warp.get(name), int | float)
    )
    caption = element("figcaption", element("b", record.id), f" ({views}): {scores}")
    return element("figure", element("div", *_pictures(record, files)), caption, class_="triplet")


def _pictures(record: Record, files: SampleFiles) -> Iterator[Html]:
    for role in IMAGE_ROLES:
        if role not in record.files and role not in REQUIRED_ROLES:
            continue
        try:
            data = thumbnail(files.picture(record, role), THUMBNAIL_PX)
        except (ViewError, OutputError) as error:
            yield element("p", str(error), class_="bad")
        else:
            yield picture(data, "jpeg", f"{role} of {record.id}")


def _scenes(report: dict[str, Any], geometry: dict[str, dict[str, Any]]) -> Html:
    head = element(
        "tr",
        *(element("th", name) for name in ("scene", "geometry", "licences")),
        *(element("th", name, class_="number") for name in ("triplets", "size", "holes", "PSNR")),
        element("th", "left out"),
    )
    rows = (_scene(scene, geometry.get(scene["scene"], {})) for scene in report["scenes"])
    table = element("table", element("thead", head), element("tbody", *rows))
    return join([element("h2", "Scenes"), element("div", table, class_="scroll")])


def _scene(scene: dict[str, Any], geometry: dict[str, Any]) -> Html:
    height, width = scene.get("hw") or (None, None)
    provenance = scene.get("provenance") or {}
    licences = [("pictures", geometry.get("source_license")), ("weights", provenance.get("weights_license"))]
    holes, psnr = scene.get("hole_fraction"), scene.get("psnr")
    read_as = f"read as {scene['source']}; " if scene.get("source") else ""
    return element(
        "tr",
        element("td", scene["scene"]),
        element("td", f"{read_as}{scene.get('geometry') or 'none'}"),
        element("td", "; ".join(f"{of}: {name}" for of, name in licences if name) or "not stated"),
        element("td", scene.get("triplets", 0), class_="number"),
        element("td", f"{width} × {height}" if width else "", class_="number"),
        element("td", "" if holes is None else f"{holes:.1%}", class_="number"),
        element("td", "" if psnr is None else f"{psnr:.1f} dB", class_="number"),
        element("td", _left_out(scene)),
    )


def _left_out(scene: dict[str, Any]) -> Html | None:
    lines: list[Any] = []
    if scene.get("error"):
        lines.append(element("span", scene["error"], class_="bad"))
    for group in group_reasons(scene.get("left_out") or {}):
        lines.append(f"{_named(group.names)}: {group.reason}")
    not_kept = {name: " and ".join(failing) for name, failing in (scene.get("not_kept") or {}).items()}
    for group in group_reasons(not_kept):
        lines.append(f"{_named(group.names)}: not kept, {group.reason} does not hold")
    if rejected := scene.get("rejected"):
        lines.append(f"{_named(rejected)}: rejected by hand")
    lines += [*(scene.get("notes") or ()), *(scene.get("figures") or {}).get("warnings", ())]
    return element("ul", *(element("li", line) for line in lines)) if lines else None


def _named(names: Sequence[str]) -> str:
    rest = len(names) - LISTED_NAMES
    return ", ".join(names[:LISTED_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _time(seconds: Mapping[str, float]) -> Html:
    longest_first = sorted(seconds.items(), key=lambda item: -item[1])
    rows = [*longest_first, ("together", sum(seconds.values()))]
    table = element(
        "table",
        *(
            element("tr", element("td", stage), element("td", f"{took:,.2f} s", class_="number"))
            for stage, took in rows
        ),
    )
    about = element("p", "Of the last run alone; what was there from earlier runs took none.", class_="quiet")
    return join([element("h2", "Time"), about, element("div", table, style="max-width: 26rem")])


def _again(report: dict[str, Any], command: Sequence[str] | None) -> Html:
    options = element(
        "details",
        element("summary", "All options, as report.json has them"),
        element("pre", dump_json(report["options"], indent=1)),
    )
    if command is None:
        said = element("p", "The options hold those of a package that is not installed.", class_="quiet")
    else:
        said = element("pre", shlex.join(command))
    return join([element("h2", "To make it again"), said, options])
