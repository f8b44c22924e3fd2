"""One file of conversations about samples: pictures beside it, marks drawn, answers from geometry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from warpdata.config import default_cache_dir
from warpdata.files.atomic import place_file, sync_folder, write_atomic
from warpdata.files.bounded_json import dump_json
from warpdata.formats.jpeg_png import encode_picture
from warpdata.formats.manifest import Record
from warpdata.formats.spacevista.drawing import draw
from warpdata.sources.decode import load_image
from warpdata.writers.layouts.layout import Place, Samples, Written
from warpdata.writers.layouts.sharegpt.both_dialects import DEFAULT_QUESTION, QUESTION_WITHOUT_REFERENCE
from warpdata.writers.layouts.sharegpt.camera_questions import ask_moving, ask_rotation
from warpdata.writers.layouts.sharegpt.depth_questions import ask_depth, ask_overlap, ask_position
from warpdata.writers.layouts.sharegpt.options import ShareGptOptions
from warpdata.writers.layouts.sharegpt.question import NoQuestion, Question, Shown, rng_of
from warpdata.writers.layouts.sharegpt.sample_depth import SampleDepths, sample_cameras
from warpdata.writers.layouts.sharegpt.templates import Templates
from warpdata.writers.layouts.tree import write_text

TRAIN, DATASET_INFO, UNASKED = "train.json", "dataset_info.json", "unasked.json"
DRAWN = "drawn"
"""Role of a picture with marks is the picture's own with this behind it."""


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A sample with its question, and the paths of its pictures below the root."""

    record: Record
    question: Question
    paths: dict[str, str]


class _Asker:
    """Asks what the options say about samples."""

    def __init__(self, options: ShareGptOptions, cache_dir: Path):
        self._options = options
        self._depths = SampleDepths(cache_dir)

    @cached_property
    def _templates(self) -> Templates:
        return Templates(self._options.templates)

    def ask(self, record: Record) -> Question:
        """The question about a sample.

        Raises:
            NoQuestion: there is nothing to ask.
            OutputError: its cameras or its geometry are not there.
        """
        task, templates = self._options.task, self._templates
        if task == "edit":
            return self._edit(record)
        rng = rng_of(self._options.question_seed, record.id, task)
        if task in ("CAMERA_ROTATION", "CAMERA_MOVING"):
            cameras = sample_cameras(record)
            ask = ask_rotation if task == "CAMERA_ROTATION" else ask_moving
            return ask(cameras["reference"], cameras["target"], rng, templates)
        depth, hw = self._depths.of(record), record.size[::-1]
        if task == "OVERLAP":
            return ask_overlap(depth, rng, templates)
        return (ask_depth if task == "DEPTH" else ask_position)(depth, hw, rng, templates)

    @staticmethod
    def _edit(record: Record) -> Question:
        roles = [role for role in ("splats", "reference") if role in record.files]
        default = DEFAULT_QUESTION if "reference" in roles else QUESTION_WITHOUT_REFERENCE
        # A tag inside a prompt would count as a picture.
        text = (record.prompt or default).replace("<image>", "image").replace("<video>", "video")
        return Question(shown=tuple(Shown(role=role) for role in roles), text=text, answer="{target}")


def write_questions(samples: Samples, options: ShareGptOptions, place: Place) -> Written:
    """Write the layout; see `LayoutRow`.

    Raises:
        OutputError: a file cannot be written, a template cannot be used, or geometry that a question needs is missing.
    """
    asker = _Asker(options, samples.cache_dir or default_cache_dir())
    asked, unasked = [], {}
    for record in samples.records:
        try:
            asked.append(_placed(record, asker.ask(record), options))
        except NoQuestion as error:
            unasked[record.id] = str(error)
            empty = Question(shown=(), text="", answer="")
            asked.append(_Asked(record=record, question=empty, paths={"target": _path(record, "target")}))
    texts = {
        TRAIN: _train(asked, options),
        DATASET_INFO: dump_json(_dataset_info(options), indent=1) + "\n",
        **({UNASKED: dump_json(unasked, indent=1) + "\n"} if unasked else {}),
    }
    place.begin([*(path for one in asked for path in one.paths.values()), *texts])
    records = [_write_pictures(samples, one, place.root) for one in asked]
    files = {path: write_text(place.root / path, text) for path, text in texts.items()}
    for folder in sorted({(place.root / path).parent for one in asked for path in one.paths.values()} | {place.root}):
        sync_folder(folder)
    commands = f"LLaMA-Factory: dataset_dir: {place.root}, media_dir: {place.root}, dataset: warpdata"
    if unasked:
        commands += (
            f"\n{len(unasked)} of {len(samples.records)} triplets have no question of the task {options.task}; "
            f"{UNASKED} says why"
        )
    return Written(records=records, files=files, commands=commands)


def _path(record: Record, role: str) -> str:
    extension = ".png" if record.extension == ".png" else ".jpg"
    return f"images/{record.scene}/{record.name}_{role}{extension}"


def _placed(record: Record, question: Question, options: ShareGptOptions) -> _Asked:
    """Where the pictures of a sample go: those shown, the target, and those without marks that are asked for."""
    paths = {"target": _path(record, "target")}
    for shown in question.shown:
        if shown.shapes:
            paths[f"{shown.role}_{DRAWN}"] = _path(record, f"{shown.role}_{DRAWN}")
        if not shown.shapes or options.undrawn:
            paths[shown.role] = _path(record, shown.role)
    return _Asked(record=record, question=question, paths=paths)


def _write_pictures(samples: Samples, one: _Asked, root: Path) -> Record:
    """Place the pictures of a sample; its record in this layout."""
    record, sha256, lengths = one.record, {}, {}
    shapes = {f"{shown.role}_{DRAWN}": shown for shown in one.question.shown if shown.shapes}
    for role, path in one.paths.items():
        if role in shapes:
            data = _drawn(samples.path(record, shapes[role].role), shapes[role], path)
            write_atomic(root / path, data)
            sha256[role], lengths[role] = hashlib.sha256(data).hexdigest(), len(data)
        else:
            place_file(samples.path(record, role), root / path, link=samples.link)
            sha256[role], lengths[role] = record.sha256[role], record.bytes[role]
    return replace(record, files=dict(one.paths), sha256=sha256, bytes=lengths)


def _drawn(source: Path, shown: Shown, path: str) -> bytes:
    picture = np.ascontiguousarray(load_image(source).permute(1, 2, 0).numpy())
    drawn = torch.from_numpy(draw(picture, shown.shapes)).permute(2, 0, 1).contiguous()
    return encode_picture(drawn, "png" if path.endswith(".png") else "jpg")


def _train(asked: list[_Asked], options: ShareGptOptions) -> str:
    items = [_item(one, options) for one in asked if one.question.shown]
    return dump_json(items, indent=1) + "\n"


def _item(one: _Asked, options: ShareGptOptions) -> dict[str, Any]:
    question, record = one.question, one.record
    shown = [one.paths[f"{part.role}_{DRAWN}" if part.shapes else part.role] for part in question.shown]
    if options.media == "videos":
        frames = [*shown, *shown[-1:]] if len(shown) % 2 else shown
        tags, media = "<video>", {"videos": [frames]}
    else:
        tags, media = "<image>" * len(shown), {"images": shown}
    answer = question.answer.replace("{target}", one.paths["target"])
    said = f"<answer>{answer}</answer>"
    turns = (
        ("user", f"{tags}{question.text}"),
        ("assistant", f"<think></think>{said}" if options.empty_think else said),
    )
    if options.dialect == "messages":
        talk = {"messages": [{"role": role, "content": text} for role, text in turns]}
    else:
        names = {"user": "human", "assistant": "gpt"}
        talk = {"conversations": [{"from": names[role], "value": text} for role, text in turns]}
    return {"problem_id": record.id, **talk, **media, "extra_info": _extra_info(one, options)}


def _extra_info(one: _Asked, options: ShareGptOptions) -> dict[str, Any]:
    """What SpaceVista's readers find besides; the same keys in every item."""
    question, record = one.question, one.record
    info: dict[str, Any] = {
        "task_type": "EDIT" if options.task == "edit" else options.task,
        "input_type": question.input_type,
        "target": one.paths["target"],
        "hole_fraction": record.warp.get("hole_fraction"),
        "scale": record.geometry.get("scale"),
        "units": None,
        **question.facts,
    }
    if "input_point" in info:
        shown = {"{target}": _marked_path(one, "target"), "{reference}": _marked_path(one, "reference")}
        info["input_point"] = {
            key: shown.get(value, value) if isinstance(value, str) else value
            for key, value in info["input_point"].items()
        }
    if options.undrawn:
        info["undrawn"] = [one.paths[shown.role] for shown in question.shown if shown.shapes] or None
    return dict(_flattened(info)) if options.flatten else info


def _marked_path(one: _Asked, role: str) -> str | None:
    """The picture that a mark is on, as the item lists it."""
    return one.paths.get(f"{role}_{DRAWN}")


def _flattened(info: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """SpaceVista's flattened form: marks dissolved, lists and objects as texts."""
    for key, value in info.items():
        if key.startswith("input_") and isinstance(value, dict):
            part = key.removeprefix("input_")
            for name, inner in value.items():
                yield f"{part}_{name}", inner if isinstance(inner, str) else json.dumps(inner)
        else:
            yield key, json.dumps(value) if isinstance(value, dict | list) else value


def _dataset_info(options: ShareGptOptions) -> dict[str, Any]:
    """The registration for LLaMA-Factory."""
    messages = options.dialect == "messages"
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    about: dict[str, Any] = {
        "file_name": TRAIN,
        "formatting": "sharegpt",
        "columns": {"messages": options.dialect, options.media: options.media},
    }
    return {"warpdata": about | ({"tags": tags} if messages else {})}
