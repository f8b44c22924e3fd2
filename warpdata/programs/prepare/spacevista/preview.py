"""`warpdata prepare spacevista preview`: items drawn by chance, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from warpdata.programs.main import DONE, INCOMPLETE, run_program

if TYPE_CHECKING:
    from warpdata.display import Display
    from warpdata.sources.spacevista.item_frames import ItemFrames


@dataclass(frozen=True, kw_only=True)
class SpaceVistaPreviewOptions:
    """Show items drawn by chance: their frames with the marks, the question, and the answer."""

    meta: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="META")]
    """The JSON of the items, in any of its forms; frames lie below its folder."""
    output: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Gets preview.html, or a film an item. What else is there stays."""
    count: int = 5
    """So many items."""
    seed: int = 44
    """Of the draw; the same seed shows the same items."""
    task: str = ""
    """Only items of this task, such as DEPTH."""
    input_type: str = ""
    """Only items of this input type, such as Image+point+text."""
    ids: tuple[str, ...] = ()
    """Exactly these items, by `problem_id`."""
    format: Literal["html", "mp4", "gif"] = "html"
    """A page, or a film of two frames a second for each item."""
    root: Path | None = None
    """Folder that the paths of frames are below; by default that of META."""
    point_order: Literal["yx", "xy"] = "yx"
    """How points are written: row first, as the format says, or column first."""
    overwrite: bool = False
    """Replace a preview that is there."""
    quiet: bool = False
    """Show no progress."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    return run_program("prepare spacevista preview", SpaceVistaPreviewOptions, _run, arguments)


def _run(options: SpaceVistaPreviewOptions) -> int:
    from warpdata.display import Display
    from warpdata.prepare.spacevista.choose import Choice, choose_items
    from warpdata.sources.spacevista.frame_files import FrameFiles
    from warpdata.sources.spacevista.item_frames import ItemFrames

    kind = {"task": options.task, "input_type": options.input_type}
    choice = Choice(count=options.count, seed=options.seed, ids=options.ids, **kind)
    files = FrameFiles((options.root or options.meta.parent).resolve())
    with Display(quiet=options.quiet, what="items") as display:
        chosen = choose_items(options.meta, choice, progress=display.stage)
        items = [ItemFrames(item, files, options.point_order) for item in chosen]
        paths = (
            _write_page(options, items, display) if options.format == "html" else _write_films(options, items, display)
        )
        problems = [(frames, one) for frames in items for one in (*frames.item.problems, *frames.placed.problems)]
        for frames, problem in problems:
            display.say_always(f"{frames.item.id}: {problem}")
    for path in paths:
        print(path)
    return INCOMPLETE if problems or not paths else DONE


def _refuse_to_replace(path: Path, options: SpaceVistaPreviewOptions) -> None:
    from warpdata.errors import OutputError

    if path.exists() and not options.overwrite:
        raise OutputError(f"{path} is there already; add `overwrite=True`, or choose another folder")


def _write_page(options: SpaceVistaPreviewOptions, items: list[ItemFrames], display: Display) -> list[Path]:
    from warpdata.files.atomic import write_atomic
    from warpdata.view.items_page import items_page

    path = options.output / "preview.html"
    _refuse_to_replace(path, options)
    write_atomic(path, items_page(f"{options.meta.name}: {len(items)} items", items, progress=display.stage))
    return [path]


def _write_films(options: SpaceVistaPreviewOptions, items: list[ItemFrames], display: Display) -> list[Path]:
    from warpdata.prepare.spacevista.sheets import film_frames, write_gif, write_mp4
    from warpdata.sources.naming import unique_names

    names = unique_names({str(number): frames.item.id for number, frames in enumerate(items)})
    paths = []
    for number, frames in enumerate(items):
        path = options.output / f"{names[str(number)]}.{options.format}"
        _refuse_to_replace(path, options)
        pictures, missing = film_frames(frames)
        for line in missing:
            display.say_always(f"{frames.item.id}: left out {line}")
        if pictures:
            (write_mp4 if options.format == "mp4" else write_gif)(pictures, path)
            display.say(f"=== {frames.item.id} ===\n{frames.item.question}\n{frames.item.answer}")
            paths.append(path)
        display.stage("films", number + 1, len(items))
    return paths
