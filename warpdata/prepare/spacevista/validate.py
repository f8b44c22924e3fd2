"""What is wrong with the items of a file: tags, turns, files, marks. Nothing is changed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from warpdata.errors import ViewError
from warpdata.formats.spacevista.item import Item
from warpdata.formats.spacevista.reading import Faulty, read_items
from warpdata.formats.spacevista.shapes import PointOrder
from warpdata.sources.spacevista.frame_files import FrameFiles
from warpdata.sources.spacevista.item_frames import ItemFrames

NAMED = 5
"""Of the items with one fault, so many are named."""


@dataclass(kw_only=True)
class Validation:
    """What was found.

    Attributes:
        num_items: entries of the file.
        count: kind of fault -> how many items have it.
        named: kind of fault -> the first items that have it, with the details.
        tasks: task -> how many items.
    """

    num_items: int = 0
    count: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[str]] = field(default_factory=dict)
    tasks: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, item: str, detail: str) -> None:
        """One item with a fault."""
        self.count[kind] += 1
        named = self.named.setdefault(kind, [])
        if len(named) < NAMED:
            named.append(f"{item}: {detail}" if detail else item)

    def lines(self) -> list[str]:
        """For a person."""
        lines = []
        for kind, count in sorted(self.count.items(), key=lambda pair: (-pair[1], pair[0])):
            lines.append(f"{kind}: {count:,} item{'' if count == 1 else 's'}")
            lines += [f"    {one}" for one in self.named[kind]]
            if count > len(self.named[kind]):
                lines.append(f"    and {count - len(self.named[kind]):,} more")
        tasks = ", ".join(f"{count:,} {task or 'without a task'}" for task, count in self.tasks.most_common())
        faults = f"{sum(self.count.values()):,} faults" if self.count else "no fault"
        return [*lines, f"{self.num_items:,} items ({tasks or 'none'}), {faults} found"]

    def as_json(self) -> dict[str, object]:
        return {"items": self.num_items, "tasks": dict(self.tasks), "faults": dict(self.count), "named": self.named}


def validate(
    path: Path,
    root: Path,
    *,
    point_order: PointOrder = "yx",
    check_files: bool = True,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Validation:
    """Look at every item of a file.

    Args:
        root: the folder that paths are below.
        check_files: also look whether frames and masks are there, and marks inside of them.

    Raises:
        SourceError: the file cannot be read as a list of items.
    """
    found, files = Validation(), FrameFiles(root.resolve())
    ids: set[bytes] = set()
    for number, item in enumerate(read_items(path)):
        found.num_items += 1
        if number % 1000 == 0:
            progress("items looked at", number, 0)
        if isinstance(item, Faulty):
            found.add("no item", f"entry {item.number}", item.reason)
            continue
        found.tasks[item.task_type] += 1
        digest = hashlib.blake2b(item.id.encode("utf-8", "surrogatepass"), digest_size=12).digest()
        if digest in ids:
            found.add("an id that another item has", item.id, "")
        ids.add(digest)
        for kind, detail in _faults(item, files, point_order, check_files):
            found.add(kind, item.id, detail)
    return found


def _faults(item: Item, files: FrameFiles, point_order: PointOrder, check_files: bool) -> Iterator[tuple[str, str]]:
    yield from (("a part that cannot be understood", problem) for problem in item.problems)
    if item.form != "benchmark":  # whose questions have no tags
        for tag, media in (("<video>", len(item.videos)), ("<image>", len(item.images))):
            tags = sum(text.count(tag) for _, text in item.messages)
            if tags != media:
                yield "tags and media differ in number", f"{tags} times {tag} for {media}"
    roles = [role for role, _ in item.messages if role != "system"]
    if not roles or any(role != ("user", "assistant")[k % 2] for k, role in enumerate(roles)):
        yield "turns that do not alternate from the user on", ", ".join(roles)
    if not check_files:
        return
    frames = ItemFrames(item, files, point_order)
    missing = [name for number, name in enumerate(item.frames) if frames.hw(number) is None]
    if missing:
        yield "frames that are missing or damaged", f"{len(missing)} of {len(frames)}, the first {missing[0]}"
    for name in item.video_files:
        try:
            files.find(name)
        except ViewError as error:
            yield "a video that is missing", f"{name}: {error}"
    yield from (("a mark that cannot be placed", problem) for problem in frames.placed.problems)
