"""What a scene format is: a row of `SCENE_FORMATS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def _always() -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class SceneFormatRow:
    """A format in which whole scenes are exported.

    Attributes:
        name: what `--export-scenes` calls it.
        about: what it is, in a line.
        write: called with a `SceneFrames`, an empty folder, and the value of `options` (None where there are none);
            writes the scene into the folder, or raises `SceneError` where the format cannot hold it.
        options: dataclass of options that are its own; None where it has none.
        unavailable: why it cannot be written on this machine, or None.
    """

    name: str
    about: str
    write: Callable[[Any, Path, Any], None]
    options: type | None = None
    unavailable: Callable[[], str | None] = _always
