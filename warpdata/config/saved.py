"""Options read back from the JSON they were saved as."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

Options = TypeVar("Options")


def from_json(kind: type[Options], values: dict[str, Any]) -> Options:
    """A dataclass of options from JSON values, nested ones too; what is not saved has its default.

    Raises:
        TypeError, ValueError: the values are not such options.
    """
    hints = get_type_hints(kind)
    known = {field.name: hints[field.name] for field in fields(kind) if field.name in values}
    return kind(**{name: _value(hint, values[name]) for name, hint in known.items()})


def _value(hint: Any, value: Any) -> Any:
    if is_dataclass(hint):
        return from_json(hint, value)
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and Path in (hint, *get_args(hint)):
        return Path(value)
    return value
