"""HTML as text: whatever comes from data is escaped, once and everywhere the same way."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from importlib import resources
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


def page(title: str, *sections: Any) -> str:
    """A page that opens from the disk and loads nothing, in the style of reports."""
    style = resources.files("warpdata.view").joinpath("report.css").read_text(encoding="utf-8")
    head = element(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\">"
        ),
        element("title", title),
        Html(f"<style>{style}</style>"),
    )
    return f"<!doctype html>\n{element('html', head, element('body', *sections), lang='en')}\n"


def _escaped(child: Any) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Html) else html.escape(str(child))
