"""Options read back from the JSON they were saved as, and written as the Python that makes them."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
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


def as_python(options: Any) -> str:
    """The expression that makes options, fields with their defaults left out: `SizeOptions(multiple=16)`."""
    if isinstance(options, Path):
        return f"Path({str(options)!r})"
    if not is_dataclass(options):
        return repr(options)
    stated = []
    for part in fields(options):
        value = getattr(options, part.name)
        default = part.default if part.default_factory is MISSING else part.default_factory()
        if default is MISSING or value != default:
            stated.append(f"{part.name}={as_python(value)}")
    return f"{type(options).__name__}({', '.join(stated)})"
