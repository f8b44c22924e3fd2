"""Items of SpaceVista as one page: frames with their marks, the question, the answer. It opens from the disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch

from warpdata.errors import ViewError
from warpdata.formats.jpeg_png import encode_picture
from warpdata.prepare.spacevista.sheets import SHEET_SIDE, reduced, sheet_numbers
from warpdata.sources.spacevista.item_frames import ItemFrames
from warpdata.view.html import Html, element, join, page, picture

_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
_MEDIA = re.compile(r"<(video|image)>")
_ANSWER = re.compile(r"</?answer>")


def items_page(title: str, items: Sequence[ItemFrames], *, progress: Callable[[str, int, int], None]) -> str:
    """The page of some items.

    Args:
        title: of the page.
        progress: is told how many are done.
    """
    sections: list[Html] = [element("h1", title)]
    for done, frames in enumerate(items, start=1):
        sections.append(_item(frames))
        progress("items drawn", done, len(items))
    return page(title, *sections)


def _item(frames: ItemFrames) -> Html:
    item = frames.item
    thought = "\n".join(one.strip() for one in _THINK.findall(item.answer))
    answer = _ANSWER.sub("", _THINK.sub("", item.answer)).strip()
    kinds = ", ".join(part for part in (item.task_type, item.input_type, f"{len(frames)} frames") if part)
    missing, shown = [], []
    for number in sheet_numbers(frames):
        try:
            small = reduced(frames.drawn(number), SHEET_SIDE)
        except ViewError as error:
            missing.append(f"{item.frames[number]}: {error}")
            continue
        data = encode_picture(torch.from_numpy(small).permute(2, 0, 1).contiguous(), "jpg")
        marked = " (marked)" if frames.shapes(number) else ""
        about = f"frame {number + 1}{marked}"
        shown.append(element("figure", picture(data, "jpeg", about), element("figcaption", about)))
    problems = [*item.problems, *frames.placed.problems, *missing]
    if item.video_files:
        problems.append(f"its video is a file, which is not shown: {', '.join(item.video_files)}")
    return join(
        [
            element("h2", item.id),
            element("p", kinds, class_="quiet"),
            element("div", *shown, class_="frames"),
            element("p", element("b", "Question"), "\n", _MEDIA.sub("", item.question).strip(), class_="said"),
            element("details", element("summary", "Reasoning"), element("p", thought, class_="said"))
            if thought
            else None,
            element("p", element("b", "Answer"), "\n", answer, class_="said"),
            element("ul", *(element("li", one, class_="bad") for one in problems)) if problems else None,
        ]
    )
