"""Help texts from the docstrings of fields, without the line breaks that they have in the source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import tyro


def annotate_fields(options_type: type, choices: Mapping[str, Sequence[str]]) -> None:
    """Annotate the fields of a dataclass, and of those in it, with their help in one line and the names they take.

    tyro reads the docstrings of fields by itself, but keeps their line breaks.

    Args:
        choices: field -> names to show in place of the type.
    """
    for kind in _dataclasses_in(options_type):
        texts = field_docstrings(kind)
        hints = get_type_hints(kind, include_extras=True)
        for name in inspect.get_annotations(kind):
            if name in hints and (name in texts or name in choices):
                changes = {"help": texts[name]} if name in texts else {}
                if name in choices:
                    several = get_origin(_plain(hints[name])) is tuple
                    changes["metavar"] = "{" + ",".join(choices[name]) + "}" + (" [...]" if several else "")
                kind.__annotations__[name] = _annotated(hints[name], changes)


def field_docstrings(kind: type) -> dict[str, str]:
    """Field -> its docstring in one line, of the fields that a class states itself; empty where there is no source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return {}
    body = tree.body[0].body
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }


def _dataclasses_in(hint: Any) -> list[type]:
    if get_origin(hint) is not None:
        return [kind for part in get_args(hint) for kind in _dataclasses_in(part)]
    if not (isinstance(hint, type) and is_dataclass(hint)):
        return []
    hints = get_type_hints(hint)
    bases = [base for base in hint.__mro__[1:] if is_dataclass(base)]
    return [hint, *bases, *(kind for field in fields(hint) for kind in _dataclasses_in(hints[field.name]))]


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _annotated(hint: Any, changes: dict[str, str]) -> Any:
    plain, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    described = tyro.conf.arg(**changes)
    others = []
    for extra in extras:
        if isinstance(extra, type(described)):
            described = replace(extra, **changes)
        else:
            others.append(extra)
    return Annotated[(plain, *others, described)]
