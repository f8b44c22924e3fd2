"""The wordings of questions: a text file with a section a task, and a user's own in its place."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from random import Random

from warpdata.errors import OutputError
from warpdata.files.bounded_json import read_text

WITH_LETTERS = frozenset({"CAMERA_MOVING", "POSITION_ACROSS_FRAME"})
"""Sections whose wordings say where the options go."""

PLACE = "{options}"


class Templates:
    """Wordings by section.

    Args:
        path: a user's own, None for none; sections that it lacks are those of the project.

    Raises:
        OutputError: it cannot be read, or is no such file.
    """

    def __init__(self, path: Path | None = None):
        own = resources.files("warpdata.writers.layouts.sharegpt").joinpath("templates.txt")
        self._sections = parse(own.read_text(encoding="utf-8"))
        if path is not None:
            try:
                given = parse(read_text(path))
                if unknown := given.keys() - self._sections.keys():
                    raise ValueError(
                        f"it has sections {', '.join(sorted(unknown))}; there are {', '.join(self._sections)}"
                    )
            except (OSError, ValueError) as error:
                raise OutputError(f"{path} cannot be used as `templates`: {error}") from error
            self._sections |= given

    def draw(self, section: str, rng: Random, options: str = "") -> str:
        """A wording of a section, with its options."""
        return rng.choice(self._sections[section]).replace(PLACE, options)


def parse(text: str) -> dict[str, list[str]]:
    """Sections and their lines; empty lines and those that begin with # are nothing.

    Raises:
        ValueError: a wording stands before the first section, a section is empty or lacks the place of its options, or
            a wording holds a tag that stands for a picture.
    """
    sections: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            lines = sections.setdefault(line[1:-1].strip(), [])
        elif lines is None:
            raise ValueError(f"line {number} stands before the first section, such as [OVERLAP]")
        elif "<image>" in line or "<video>" in line:
            raise ValueError(f"line {number} holds <image> or <video>, which stand for pictures: they are added")
        else:
            lines.append(line)
    for name, wordings in sections.items():
        if not wordings:
            raise ValueError(f"section [{name}] is empty")
        for wording in wordings:
            if (PLACE in wording) != (name in WITH_LETTERS):
                wants = "needs" if name in WITH_LETTERS else "has no"
                raise ValueError(f"section [{name}] {wants} the place {PLACE}: {wording!r}")
    return sections
