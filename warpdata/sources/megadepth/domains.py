"""Whether a picture is a render or a photograph."""

from __future__ import annotations

import re

from warpdata.sources.readers.earth_studio import RENDERED

PHOTO = "photo"
"""Tag of views that are photographs, beside renders."""

DOMAINS = (RENDERED, PHOTO)

_RENDER = re.compile(r"(?P<scene>.+)_\d{3,}\.(jpe?g|png)(\.jpg)?", re.IGNORECASE)
"""Frames of Earth Studio, `<scene>_000.jpeg`; prepared for training `<scene>_000.jpeg.jpg`."""


def domain_of(name: str, scene: str) -> str:
    """`rendered` for `<scene>_NNN.jpeg` and `.png`, otherwise `photo`.

    Args:
        name: of the picture.
        scene: what the scene is called; "" where that is not known: any name before the number counts then.
    """
    match = _RENDER.fullmatch(name)
    return RENDERED if match and scene in ("", match["scene"]) else PHOTO
