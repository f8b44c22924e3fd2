"""Safetensors files of byte tensors: written as a stream, read with every number checked before it is used.

The layout is that of https://github.com/huggingface/safetensors: 8 bytes, the length of the header as a little-endian
number; the header, JSON, with the place of every tensor and free text under `__metadata__`; the tensors, without gaps.
Any reader of safetensors opens these files. Its own library is not used because it wants all tensors in memory to
write, and maps the whole file to read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_HEADER_BYTES = 64 * 2**20
"""Longest header that is read; enough for some 50,000 frames."""

_ALIGNMENT = 8


@dataclass(frozen=True)
class TensorFile:
    """What a safetensors file's header says.

    Attributes:
        metadata: its free text.
        extents: tensor -> begin and end in the file, in bytes; inside the file.
    """

    metadata: dict[str, str]
    extents: dict[str, tuple[int, int]]


def write_tensor_file(file: BinaryIO, lengths: Mapping[str, int], content: BinaryIO, metadata: dict[str, str]) -> None:
    """Write byte tensors, whose bytes lie one after another in `content`, in the order of `lengths`."""
    header: dict[str, object] = {"__metadata__": metadata}
    begin = 0
    for name, length in lengths.items():
        header[name] = {"dtype": "U8", "shape": [length], "data_offsets": [begin, begin + length]}
        begin += length
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) + _ALIGNMENT > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {len(text)} bytes is longer than the {MAX_HEADER_BYTES} that are read back")
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    content.seek(0)
    shutil.copyfileobj(content, file, 2**20)


def read_tensor_file(path: Path) -> TensorFile:
    """Read a safetensors file's header; its tensors stay on disk. Only byte tensors are listed.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no safetensors file, or not all of one.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
            raise ValueError(f"its header would take {length} of {size} bytes")
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata is not text")
    start = 8 + length
    extents = {}
    for name, tensor in header.items():
        match tensor:
            case {"dtype": "U8", "shape": [int(count)], "data_offsets": [int(begin), int(end)]}:
                if not (0 <= begin <= end <= size - start and end - begin == count):
                    raise ValueError(f"its tensor {name!r} lies at {begin}-{end} of {size - start} bytes")
                extents[name] = (start + begin, start + end)
            case {"dtype": str(), "shape": list(), "data_offsets": list()}:
                continue
            case _:
                raise ValueError(f"its tensor {name!r} is described by {tensor!r}")
    return TensorFile(metadata, extents)
