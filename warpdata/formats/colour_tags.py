"""Code points of colour (ITU-T H.273) that files keep where Pillow does not look: AVIF, HEIF and PNG.

Both readers only follow lengths, within bounds; what is malformed is no tag.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BufferedIOBase

ColourCodes = tuple[int, int]
"""ColourPrimaries and TransferCharacteristics."""

_MAX_CHUNKS = 1000
_MAX_META_BYTES = 4_000_000


def png_colour_codes(file: BufferedIOBase) -> ColourCodes | None:
    """What a PNG's `cICP` chunk says, None where there is none before the pixels."""
    file.seek(8)
    for _ in range(_MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return None
        length, kind = struct.unpack(">I4s", header)
        if kind == b"cICP":
            codes = file.read(4)
            return (codes[0], codes[1]) if length == len(codes) == 4 else None
        if kind in (b"IDAT", b"IEND"):
            return None
        file.seek(length + 4, 1)
    return None


def heif_colour_codes(file: BufferedIOBase) -> ColourCodes | None:
    """What the primary picture of an AVIF or HEIF file says of its colours (ISO/IEC 23008-12, `colr` of type `nclx`).

    None where it says nothing or embeds an ICC profile as well, which is more exact.
    """
    try:
        meta = _meta_box(file)
        if meta is None:
            return None
        boxes = dict(_boxes(meta[4:]))  # a full box: version and flags come first
        version = boxes[b"pitm"][0]
        (primary,) = struct.unpack_from(">I" if version else ">H", boxes[b"pitm"], 4)
        properties = dict(_boxes(boxes[b"iprp"]))
        listed = list(_boxes(properties[b"ipco"]))
        own = [listed[index - 1] for index in _associations(properties[b"ipma"], primary) if 0 < index <= len(listed)]
    except (KeyError, IndexError, OverflowError, OSError, struct.error):
        return None
    colours = {body[:4]: body for kind, body in own if kind == b"colr"}
    nclx = colours.get(b"nclx", b"")
    if len(nclx) < 8 or colours.keys() & {b"prof", b"rICC"}:
        return None
    return struct.unpack_from(">HH", nclx, 4)


def _meta_box(file: BufferedIOBase) -> bytes | None:
    file.seek(0)
    for _ in range(_MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return None
        length, kind = struct.unpack(">I4s", header)
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0] - 8
        if length < 8:
            return None
        if kind == b"meta":
            return file.read(length - 8) if length <= _MAX_META_BYTES else None
        file.seek(length - 8, 1)
    return None


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and body of each box in turn."""
    place = 0
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if not 8 <= length <= len(content) - place:
            return
        yield kind, content[place + 8 : place + length]
        place += length


def _associations(ipma: bytes, item: int) -> list[int]:
    """Numbers, from 1, of the properties that belong to an item."""
    version, wide = ipma[0], ipma[3] & 1
    (count,) = struct.unpack_from(">I", ipma, 4)
    place = 8
    for _ in range(count):
        (found,) = struct.unpack_from(">I" if version else ">H", ipma, place)
        place += 4 if version else 2
        number = ipma[place]
        place += 1
        indices = struct.unpack_from(f">{number}{'H' if wide else 'B'}", ipma, place)
        place += number * (2 if wide else 1)
        if found == item:
            return [index & (0x7FFF if wide else 0x7F) for index in indices]
    return []
