"""Items drawn by chance from a file that is read once and never held."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from warpdata.errors import SourceError
from warpdata.formats.spacevista.item import Item
from warpdata.formats.spacevista.reading import Faulty, read_items


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which items are wanted.

    Attributes:
        count: so many.
        seed: of the draw: the same file and seed give the same items.
        task, input_type: only such; empty for any.
        ids: these and no others, in this order; `count` does not matter then.
    """

    count: int = 5
    seed: int = 44
    task: str = ""
    input_type: str = ""
    ids: Sequence[str] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"`count` is {self.count}; at least one item is shown")


def choose_items(
    meta: Path, choice: Choice, *, progress: Callable[[str, int, int], None] = lambda stage, done, total: None
) -> list[Item]:
    """Items of a file that a choice wants, in the order of the file, or of the ids.

    Raises:
        SourceError: the file cannot be read, none is of the kind that is asked for, or an id is missing.
    """
    drawn: list[tuple[int, Item]] = []
    by_id: dict[str, Item] = {}
    rng = random.Random(choice.seed)
    seen, tasks, kinds = 0, set(), set()
    for number, item in enumerate(read_items(meta)):
        if number % 5000 == 0:
            progress(f"items of {meta.name}", number, 0)
        if isinstance(item, Faulty):
            continue
        tasks.add(item.task_type)
        kinds.add(item.input_type)
        if choice.ids:
            if item.id in choice.ids:
                by_id.setdefault(item.id, item)
            continue
        if (choice.task and item.task_type != choice.task) or (
            choice.input_type and item.input_type != choice.input_type
        ):
            continue
        # Reservoir sampling (Vitter, algorithm R): every item is equally likely, whatever their number.
        seen += 1
        if len(drawn) < choice.count:
            drawn.append((number, item))
        elif (place := rng.randrange(seen)) < choice.count:
            drawn[place] = (number, item)
    if choice.ids:
        if missing := [one for one in choice.ids if one not in by_id]:
            raise SourceError(f"{meta} has no item {', '.join(missing)}; ids are `problem_id`")
        return [by_id[one] for one in choice.ids]
    if not drawn:
        raise SourceError(
            f"{meta} has no item of task {choice.task or 'any'} and input type {choice.input_type or 'any'}; there are "
            f"tasks {', '.join(sorted(tasks)) or 'none'} and input types {', '.join(sorted(kinds)) or 'none'}"
        )
    return [item for _, item in sorted(drawn, key=lambda pair: pair[0])]
