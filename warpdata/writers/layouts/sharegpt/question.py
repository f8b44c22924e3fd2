"""A question about a sample: what is shown, what is asked, and the answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from random import Random
from typing import Any

from warpdata.formats.spacevista.drawing import Shape


class NoQuestion(Exception):
    """A sample of which a task has nothing to ask, and why."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture of a question.

    Attributes:
        role: which of the sample's.
        shapes: marks drawn into it.
    """

    role: str
    shapes: tuple[Shape, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a sample is asked.

    Attributes:
        shown: the pictures, in order.
        text: without the tags that stand for them.
        answer: without its tags.
        input_type: as SpaceVista calls it.
        facts: keys of `extra_info` that are the task's own; every question of a task has the same.
    """

    shown: tuple[Shown, ...]
    text: str
    answer: str
    input_type: str = "Image+text"
    facts: dict[str, Any] = field(default_factory=dict)


def rng_of(seed: int, sample_id: str, task: str) -> Random:
    """What is drawn for a sample; a function of the three alone."""
    return Random(int.from_bytes(hashlib.sha256(f"{seed}\0{task}\0{sample_id}".encode()).digest()[:8], "big"))


def lettered(options: list[str]) -> str:
    """Options as a question lists them."""
    return " ".join(f"{chr(ord('A') + k)}. {option}" for k, option in enumerate(options))
