"""Checks of the layouts that list their samples in a metadata file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warpdata.checks.finding import Finding
from warpdata.checks.samples import Sample, check_samples
from warpdata.errors import ViewError
from warpdata.files.bounded_json import read_text
from warpdata.files.paths import resolve_inside
from warpdata.formats.manifest import IMAGE_ROLES

ROLE = re.compile(rf"(?:^|[_/])({'|'.join(IMAGE_ROLES)})(?=[_/.]|$)")
"""A role in a path, by which controls that changed places are noticed."""


def check_diffsynth(root: Path, multiple: int) -> Iterator[Finding]:
    """DiffSynth-Studio: `metadata.json` or `.jsonl`."""
    path = next((root / name for name in ("metadata.json", "metadata.jsonl") if (root / name).exists()), None)
    if path is None:
        yield Finding(str(root), "WD701", "there is neither metadata.json nor metadata.jsonl")
        return
    yield from _check_entries(path, path.parent, "image", ("edit_image", "kontext_images"), "prompt", multiple)


def check_imagefolder(root: Path, multiple: int) -> Iterator[Finding]:
    """Hugging Face imagefolder: `metadata.jsonl` beside the pictures of every split."""
    paths = sorted(root.glob("*/metadata.jsonl")) + sorted(root.glob("metadata.jsonl"))
    if not paths:
        yield Finding(str(root), "WD701", "there is no metadata.jsonl in a folder of a split")
    for path in paths:
        controls = ("splats_file_name", "reference_file_name", "control_file_names")
        target = "file_name" if '"file_name"' in _first_line(path) else "target_file_name"
        yield from _check_entries(path, path.parent, target, controls, "prompt", multiple)


def check_sharegpt(root: Path, multiple: int) -> Iterator[Finding]:
    """ShareGPT conversations: pictures there, as many tags as pictures, turns that alternate."""
    for path in sorted(root.glob("train*.json")):
        try:
            entries = _entries(path)
        except ValueError as error:
            yield Finding(str(path), "WD701", str(error))
            continue
        for number, entry in enumerate(entries):
            turns = [turn.get("value", turn.get("content", "")) for turn in _turns(entry)]
            for tag, media in (("<image>", entry.get("images", [])), ("<video>", entry.get("videos", []))):
                if (tags := sum(turn.count(tag) for turn in turns)) != len(media):
                    yield Finding(f"{path}[{number}]", "WD704", f"{tags} times {tag} for {len(media)} of them")
        samples = [
            Sample(str(number), files[-1], tuple(files[:-1]))
            for number, entry in enumerate(entries)
            if (files := [root / name for name in _pictures(entry)])
        ]
        yield from check_samples(root, samples, multiple=multiple)


def _pictures(entry: dict[str, Any]) -> list[str]:
    """Paths of an item's pictures, the target last: what `extra_info` calls so, else its last picture."""
    info = entry.get("extra_info")
    target = info.get("target") if isinstance(info, dict) else None
    videos = [path for video in entry.get("videos", []) if isinstance(video, list) for path in video]
    shown = [path for path in dict.fromkeys([*entry.get("images", []), *videos]) if path != target]
    return [*shown, *([target] if isinstance(target, str) else [])]


def _check_entries(
    metadata: Path, base: Path, target: str, controls: tuple[str, ...], prompt: str, multiple: int
) -> Iterator[Finding]:
    try:
        entries = _entries(metadata)
    except ValueError as error:
        yield Finding(str(metadata), "WD701", str(error))
        return
    samples, orders, columns = [], set(), None
    for number, entry in enumerate(entries):
        where = f"{metadata}[{number}]"
        columns = columns or entry.keys()
        if entry.keys() != columns:
            yield Finding(where, "WD703", f"has {', '.join(sorted(entry))}; the first has {', '.join(sorted(columns))}")
        if not isinstance(entry.get(target), str):
            yield Finding(where, "WD702", f"has no {target}")
            continue
        listed = [path for key in controls if key in entry for path in _as_list(entry[key])]
        paths = []
        for path in (entry[target], *listed):
            try:
                paths.append(resolve_inside(base.resolve(), path))
            except ViewError as error:
                yield Finding(where, "WD702", str(error))
        orders.add(tuple(match.group(1) if (match := ROLE.search(path)) else "?" for path in listed))
        if len(orders) > 1:
            kinds = {len(order) for order in orders}
            code = "WD204" if len(kinds) > 1 else "WD203"
            yield Finding(where, code, f"controls are {' '.join(map(str, sorted(orders)))}")
            orders = {min(orders)}
        if not str(entry.get(prompt) or "").strip():
            yield Finding(where, "WD502", f"{prompt} is empty")
        if len(paths) == 1 + len(listed):
            samples.append(Sample(Path(entry[target]).stem, paths[0], tuple(paths[1:])))
    yield from check_samples(base, samples, multiple=multiple)


def _entries(path: Path) -> list[dict[str, Any]]:
    text = read_text(path)
    entries = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("expected a list of objects")
    return entries


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline(2**20)


def _turns(entry: dict[str, Any]) -> list[dict[str, Any]]:
    return entry.get("conversations") or entry.get("messages") or []


def _as_list(value: Any) -> list[str]:
    return [path for path in (value if isinstance(value, list) else [value]) if isinstance(path, str)]
