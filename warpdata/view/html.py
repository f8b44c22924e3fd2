"""HTML as text: whatever comes from data is escaped, once and everywhere the same way."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from typing import Any


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: Any, **attributes: Any) -> Html:
    """An element; children and attributes that are not `Html` are escaped.

    Args:
        attributes: with a trailing underscore where Python has the word (`class_`), `_` for `-`; None leaves one out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[Any]) -> Html:
    """Children one after another, escaped where they are not `Html`; None is nothing."""
    return Html("".join(_escaped(child) for child in children))


def picture(data: bytes, kind: str, about: str, **attributes: Any) -> Html:
    """A picture that is part of the page.

    Args:
        kind: jpeg or png.
        about: what it shows, for those who do not see it.
    """
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    written = "".join(f' {name}="{html.escape(str(value))}"' for name, value in attributes.items())
    return Html(f'<img src="{source}" alt="{html.escape(about)}"{written}>')


def _escaped(child: Any) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Html) else html.escape(str(child))
