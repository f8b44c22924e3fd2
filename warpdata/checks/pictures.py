"""Rules about single pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import IOBase
from pathlib import Path

from PIL import Image

from warpdata.checks.finding import Finding
from warpdata.config import MAX_IMAGE_PIXELS

ORIENTATION_TAG = 0x0112
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")


@dataclass(frozen=True)
class Picture:
    """What was found about a picture.

    Attributes:
        size: width and height; None when it cannot be decoded.
        findings: rules it breaks.
    """

    size: tuple[int, int] | None
    findings: tuple[Finding, ...]


def check_picture(name: str, file: Path | IOBase, *, multiple: int, rgb: bool = True) -> Picture:
    """Decode a picture completely and hold it against the rules.

    Args:
        name: what findings call it.
        multiple: what both sides have to be multiples of.
        rgb: whether it has to be an RGB picture; masks need not.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels are more than is decoded")
            image.load()
            return Picture(image.size, tuple(_judge(name, image, multiple, rgb)))
    except Exception as error:  # decoders raise anything on damaged files
        return Picture(None, (Finding(name, "WD303", f"cannot be decoded: {error}"),))


def _judge(name: str, image: Image.Image, multiple: int, rgb: bool) -> Iterator[Finding]:
    if image.getexif().get(ORIENTATION_TAG, 1) != 1:
        yield Finding(name, "WD304", "stored turned, with an orientation tag; store it upright")
    if rgb and image.mode != "RGB":
        yield Finding(name, "WD305", f"mode {image.mode}, expected RGB")
    if image.width % multiple or image.height % multiple:
        yield Finding(
            name,
            "WD302",
            f"{image.width}x{image.height} is not a multiple of {multiple}; make it with `multiple={multiple}`",
        )
