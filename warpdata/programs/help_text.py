"""Help texts from the docstrings of fields, without the line breaks that they have in the source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import tyro

Options = TypeVar("Options")


def join_help_lines(options_type: type[Options]) -> type[Options]:
    """The dataclass itself, its fields and those of the dataclasses in it annotated with their help in one line.

    tyro reads the docstrings of fields by itself, but keeps their line breaks.
    """
    for kind in _dataclasses_in(options_type):
        texts = field_docstrings(kind)
        hints = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            if field.name in texts and field.name in inspect.get_annotations(kind):
                kind.__annotations__[field.name] = _with_help(hints[field.name], texts[field.name])
    return options_type


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
    return [hint, *(kind for field in fields(hint) for kind in _dataclasses_in(hints[field.name]))]


def _with_help(hint: Any, text: str) -> Any:
    plain, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    named = tyro.conf.arg(help=text)
    others = []
    for extra in extras:
        if isinstance(extra, type(named)):
            named = replace(extra, help=text)
        else:
            others.append(extra)
    return Annotated[(plain, *others, named)]
