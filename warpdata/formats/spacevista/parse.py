"""From an entry of a `meta.json` to an `Item`, in any of the three forms: nested, flattened, benchmark.

What cannot be understood is named in `Item.problems` and left out; nothing is guessed.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from warpdata.formats.spacevista.item import Form, Item, Mark

ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system"}
PARTS = ("point", "bbox", "mask")
MOST_MARKS = 10_000
"""Of an item; one with more is damaged."""

MOST_PIXELS = 10**9
"""Coordinates beyond are no pixels."""

PYTHONS = {"True": "true", "False": "false", "None": "null"}
_PYTHONS_WORDS = re.compile(r'"(?:[^"\\]|\\.)*"|\b(True|False|None)\b')


class _Problem(ValueError):
    """A part of an item that cannot be understood."""


def parse_item(value: Any, number: int) -> Item:
    """The item of an entry.

    Args:
        value: the entry, as JSON gives it.
        number: its place in the file, from 0.

    Raises:
        ValueError: it is no item at all: no object, or without frames or conversation.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"entry {number} is {_kind_of(value)}, not an object")
    form = _form(value)
    problems: list[str] = []
    images = _images(value.get("images"), number)
    given_videos = value.get("videos", value.get("video"))
    videos = () if images and not given_videos else _videos(given_videos, number)
    if form == "benchmark":
        messages = (("user", _text(value.get("question"))), ("assistant", _text(value.get("answer"))))
        about = value.get("metadata") if isinstance(value.get("metadata"), Mapping) else {}
        found = _benchmark_marks(value.get("annotations") or {}, problems)
        task, kind = _text(about.get("original_type")), _text(value.get("input_type"))
        taken = {"id", "videos", "question", "answer", "input_type", "annotations"}
        extra = {key: one for key, one in value.items() if key not in taken}
    else:
        messages = _messages(value.get("messages", value.get("conversations")), number)
        info = value.get("extra_info") or {}
        if not isinstance(info, Mapping):
            problems.append(f"extra_info is {_kind_of(info)}, not an object")
            info = {}
        if form == "flattened":
            info = _nested(info, problems)
        found = _marks(info, problems)
        task, kind = _text(info.get("task_type")), _text(info.get("input_type"))
        taken = {"task_type", "input_type", *(f"input_{part}" for part in PARTS)}
        extra = {key: one for key, one in info.items() if key not in taken}
    if len(found) > MOST_MARKS:
        problems.append(f"{len(found):,} marks, more than {MOST_MARKS:,}: all are left out")
        found = []
    given = value.get("problem_id", value.get("id"))
    return Item(
        id=str(given) if isinstance(given, str | int) and str(given).strip() else f"item{number:04d}",
        messages=messages,
        videos=videos,
        images=images,
        task_type=task,
        input_type=kind,
        marks=tuple(found),
        extra=extra,
        form=form,
        problems=tuple(problems),
    )


def _form(value: Mapping[str, Any]) -> Form:
    if "question" in value and "messages" not in value and "conversations" not in value:
        return "benchmark"
    info = value.get("extra_info")
    if isinstance(info, Mapping) and any(key.split("_")[0] in PARTS for key in info):
        return "flattened"
    return "nested"


def _text(value: Any) -> str:
    """A text, or a number as one; what is neither says nothing."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _short(value: Any) -> str:
    """A value for a message, however large it is."""
    return _kind_of(value) if isinstance(value, list | dict) else reprlib.repr(value)


def _kind_of(value: Any) -> str:
    names = {type(None): "nothing", str: "a text", list: "a list", dict: "an object", bool: "a truth value"}
    return names.get(type(value), "a number")


def _videos(value: Any, number: int) -> tuple[tuple[str, ...] | str, ...]:
    """Lists of frames, or video files."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not given:
        raise ValueError(f"entry {number} has no `videos`, a list of lists of frames")
    if all(isinstance(one, str) for one in given) and not any(_is_video(one) for one in given):
        given = [given]  # one list of frames, not in another list
    videos: list[tuple[str, ...] | str] = []
    for one in given:
        if isinstance(one, str):
            videos.append(one)
        elif isinstance(one, list) and one and all(isinstance(path, str) and path for path in one):
            videos.append(tuple(one))
        else:
            raise ValueError(f"entry {number} has a video that is neither a list of frames nor a file")
    return tuple(videos)


def _images(value: Any, number: int) -> tuple[str, ...]:
    """Single pictures; conversations have these, or videos."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(path, str) and path for path in value):
        raise ValueError(f"entry {number} has `images` that are no list of paths")
    return tuple(value)


def _is_video(path: str) -> bool:
    return path.lower().endswith((".mp4", ".mov", ".avi", ".mkv", ".webm", ".gif"))


def _messages(value: Any, number: int) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"entry {number} has no `messages`, a list of turns")
    turns = []
    for turn in value:
        role = turn.get("role", turn.get("from")) if isinstance(turn, Mapping) else None
        text = turn.get("content", turn.get("value")) if isinstance(turn, Mapping) else None
        if not isinstance(role, str) or role not in ROLES or not isinstance(text, str):
            raise ValueError(f"entry {number} has a turn without a role that is known or without text")
        turns.append((ROLES[role], text))
    return tuple(turns)


def _nested(info: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """A flattened `extra_info` as it was before: lists and objects are texts there."""
    nested: dict[str, Any] = {}
    for key, value in info.items():
        part, _, rest = key.partition("_")
        if part in PARTS and rest:
            if value is None or value == "":
                continue
            try:
                nested.setdefault(f"input_{part}", {})[rest] = _unpacked(value)
            except _Problem as error:
                problems.append(f"{key} {error}")
        else:
            nested[key] = value
    return nested


def _unpacked(value: Any) -> Any:
    """A list or object that was written as text; other texts stay."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    for text in (value, _PYTHONS_WORDS.sub(lambda found: PYTHONS.get(found[1], found[0]), value)):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            continue
    raise _Problem(f"is no JSON: {value[:60]!r}")


def _marks(info: Mapping[str, Any], problems: list[str]) -> list[Mark]:
    """Points, boxes and masks of a nested `extra_info`."""
    found: list[Mark] = []
    readers = {"input_point": _points, "input_bbox": _boxes, "input_mask": _masks}
    for key, read in readers.items():
        values = info.get(key)
        if values is None:
            continue
        for one in values if isinstance(values, list) else [values]:
            try:
                if not isinstance(one, Mapping):
                    raise _Problem(f"is {_kind_of(one)}, not an object")
                found += read(one)
            except _Problem as error:
                problems.append(f"{key} {error}")
    return found


def _points(value: Mapping[str, Any]) -> Iterator[Mark]:
    yield from _points_in(value, "image_path", "points", is_candidate=False)
    yield from _points_in(value, "image_path_1", "point_1", is_candidate=False)
    yield from _points_in(value, "image_path_2", "points_2", is_candidate=True)


def _points_in(value: Mapping[str, Any], path: str, key: str, *, is_candidate: bool) -> Iterator[Mark]:
    if value.get(key) is None:
        return
    for point in _pairs(value[key]):
        yield Mark(kind="point", point=point, frame_path=_path(value, path), is_candidate=is_candidate)


def _pairs(value: Any) -> list[tuple[float, float]]:
    """[y, x], a list of them, or a list of such lists."""
    if _is_numbers(value, 2):
        return [(float(value[0]), float(value[1]))]
    if isinstance(value, list):
        return [pair for one in value for pair in _pairs(one)]
    raise _Problem(f"has a point that is not two numbers of pixels: {_short(value)}")


def _is_numbers(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(_is_number(one) for one in value)


def _is_number(value: Any) -> bool:
    """Whether it is a number that a picture could have a pixel at; no NaN, no whole number of a thousand digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST_PIXELS


def _boxes(value: Mapping[str, Any]) -> Iterator[Mark]:
    groups = (("image_path", "bboxes", False), ("image_path_1", "bbox_1", False), ("image_path_2", "bboxes_2", True))
    for path, key, is_candidate in groups:
        if value.get(key) is None:
            continue
        given = value[key]
        for one in given if isinstance(given, list) and not _is_numbers(given, 4) else [given]:
            yield Mark(kind="box", box=_box(one), frame_path=_path(value, path), is_candidate=is_candidate)


def _box(value: Any) -> tuple[float, float, float, float]:
    """Corners in any order, or corner and size, as left, top, right, bottom."""
    if _is_numbers(value, 4):
        x1, y1, x2, y2 = value
    elif isinstance(value, Mapping) and all(_is_number(value.get(key)) for key in ("x1", "y1", "x2", "y2")):
        x1, y1, x2, y2 = (value[key] for key in ("x1", "y1", "x2", "y2"))
    elif isinstance(value, Mapping) and all(_is_number(value.get(key)) for key in ("x", "y", "w", "h")):
        x1, y1, x2, y2 = value["x"], value["y"], value["x"] + value["w"], value["y"] + value["h"]
    else:
        raise _Problem(f"has a box without x1, y1, x2, y2 or x, y, w, h: {_short(value)}")
    return float(min(x1, x2)), float(min(y1, y2)), float(max(x1, x2)), float(max(y1, y2))


def _masks(value: Mapping[str, Any]) -> Iterator[Mark]:
    paths = value.get("mask_path")
    for path in paths if isinstance(paths, list) else [paths]:
        if not isinstance(path, str) or not path:
            raise _Problem("has no mask_path")
        yield Mark(
            kind="mask", mask_path=path, object_ids=_ids(value.get("object_ids")), frame_path=_path(value, "image_path")
        )


def _ids(value: Any) -> tuple[int, ...] | tuple[bool, ...] | None:
    if value is None:
        return None
    given = value if isinstance(value, list) else [value]
    if given and (all(isinstance(one, bool) for one in given) or all(type(one) is int for one in given)):
        return tuple(given)
    raise _Problem(f"has object_ids that are neither whole numbers nor truth values: {_short(value)}")


def _path(value: Mapping[str, Any], key: str) -> str:
    path = value.get(key)
    if not isinstance(path, str) or not path:
        raise _Problem(f"has no {key}")
    return path


def _benchmark_marks(value: Any, problems: list[str]) -> list[Mark]:
    """Of the benchmark's `annotations`."""
    if not isinstance(value, Mapping):
        problems.append(f"annotations are {_kind_of(value)}, not an object")
        return []
    found: list[Mark] = []
    for key in ("points", "bboxes", "masks", "dual_bbox"):
        given = value.get(key) or []
        for one in given if isinstance(given, list) else [given]:
            try:
                if not isinstance(one, Mapping):
                    raise _Problem(f"hold {_kind_of(one)}, not an object")
                found += _benchmark_mark(key, one)
            except _Problem as error:
                problems.append(f"annotations: {key} {error}")
    return found


def _benchmark_mark(key: str, value: Mapping[str, Any]) -> Iterator[Mark]:
    if key == "masks":
        yield from _masks(value)
    elif key == "dual_bbox":
        yield Mark(kind="box", box=_box(value.get("source_bbox")), frame_path=_path(value, "source_image"))
        targets = value.get("target_bboxes") or []
        for one in targets if isinstance(targets, list) and not _is_numbers(targets, 4) else [targets]:
            yield Mark(kind="box", box=_box(one), frame_path=_path(value, "target_image"), is_candidate=True)
    else:
        number = value.get("image_index")
        if type(number) is not int:
            raise _Problem("have no image_index")
        if key == "bboxes":
            yield Mark(kind="box", box=_box(value.get("coords")), frame_number=number)
            return
        for point in _pairs(value.get("coords")):
            yield Mark(kind="point", point=point, frame_number=number)
