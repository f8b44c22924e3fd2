"""Options of the layout. Light to import: command lines read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Task = Literal["edit", "CAMERA_ROTATION", "CAMERA_MOVING", "DEPTH", "POSITION_ACROSS_FRAME", "OVERLAP"]


@dataclass(frozen=True, kw_only=True)
class ShareGptOptions:
    """Conversations for vision-language models."""

    task: Task = "edit"
    """edit shows the splat and the reference and answers with the target; all others are questions that geometry
    answers."""
    dialect: Literal["messages", "conversations"] = "messages"
    """messages: role, content; conversations: from, value. `edit` in conversations writes both, and the target as a
    third picture."""
    media: Literal["images", "videos"] = "images"
    """Pictures one by one, or as one list of frames, an even number of them."""
    flatten: bool = False
    """Write extra_info with texts in place of lists and objects, as SpaceVista's flattened form has it."""
    undrawn: bool = False
    """Also write pictures without the marks of the question; extra_info says where they are."""
    empty_think: bool = False
    """Begin answers with an empty <think></think>. No reasoning is ever made up."""
    templates: Path | None = None
    """Questions of your own, in place of those of the tasks that the file names; docs/spacevista.md has its form."""
    question_seed: int = 0
    """Of what is drawn for questions: the wording, points, the order of options."""
