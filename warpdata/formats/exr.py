"""Depth in OpenEXR files: reading and writing, and which of a file's channels is the depth."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import OpenEXR

from warpdata.errors import ViewError
from warpdata.files.tree import local_file, open_file

_MAGIC = b"\x76\x2f\x31\x01"
_FLAT = (OpenEXR.scanlineimage, OpenEXR.tiledimage)
_NO_DEPTH_ALONE = frozenset({"A", "G", "B", "X", "U"})
"""Channels, after the last dot, that are no depth even where they are the only one: parts of a colour or a vector."""


_OTHER_MEASURE = re.compile(r"inv|disp|mist", re.IGNORECASE)
"""In names of channels that grow with nearness, or fade with distance."""


class Channel(NamedTuple):
    """One channel of a file that may hold several parts, each with channels of its own."""

    part: int
    part_name: str
    name: str

    @property
    def layers(self) -> list[str]:
        """Its full name, split at dots: part, layers, and last what it is in its layer ("Z", "R", "V")."""
        own = self.name.split(".")
        part = self.part_name.split(".") if self.part_name else []
        return own if not part or own[: len(part)] == part else part + own

    @property
    def label(self) -> str:
        return ".".join(self.layers)


def write_depth_exr(depth: np.ndarray, path: Path) -> None:
    """Write depth, shape (h, w), as the float channel `Y` that readers of WAI scenes expect; makes folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"Y": np.ascontiguousarray(depth, np.float32)}) as file:
        file.write(str(path))


def read_depth_exr(path: Path, check_hw: Callable[[tuple[int, int]], None]) -> np.ndarray:
    """The depth channel, shape (h, w), in the type it is stored in: float32, float16 or uint32.

    Args:
        check_hw: called with (height, width) of every part before memory is taken; raises to refuse it.

    Raises:
        ViewError: the file is no OpenEXR, has no channel that is depth or several, or is damaged.
        Exception: as the library raises it for damaged headers.
    """
    with open_file(path) as file:
        if file.read(4) != _MAGIC:  # the library would write about it on stderr
            raise ViewError(f"depth {path} is not an OpenEXR file; export it again")
    with local_file(path) as local:
        return _read_local(local, path, check_hw)


def _read_local(local: Path, path: Path, check_hw: Callable[[tuple[int, int]], None]) -> np.ndarray:
    """As `read_depth_exr`, of a copy that the library can open."""
    channels: list[Channel] = []
    with OpenEXR.File(str(local), separate_channels=True, header_only=True) as file:
        for number, part in enumerate(file.parts):
            first, last = part.header["dataWindow"]
            if not np.array_equal((first, last), part.header["displayWindow"]):
                raise ViewError(f"depth {path} stores a part of its picture only; export the whole picture")
            check_hw((int(last[1]) - int(first[1]) + 1, int(last[0]) - int(first[0]) + 1))
            if part.type() not in _FLAT:
                raise ViewError(f"depth {path} is a deep image, many depths a pixel; export it flat")
            channels += [Channel(number, part.name() or "", channel.name) for channel in part.header["channels"]]
    wanted = depth_channel(channels)
    if wanted is None:
        raise ViewError(
            f"depth {path} has the channels {sorted(channel.label for channel in channels)}; expected a single one, "
            "or one that is named depth or Z, and no inverse depth, disparity or mist; export depth alone"
        )
    with OpenEXR.File(str(local), separate_channels=True) as file:
        found = file.parts[wanted.part].channels
        if wanted.name in found:  # the library leaves channels out that it cannot decode
            return found[wanted.name].pixels
    raise ViewError(f"depth {path} cannot be read (its pixels are damaged); copy it again or remove it")


def depth_channel(channels: Sequence[Channel]) -> Channel | None:
    """The one channel that is depth, None where none is or several could be.

    The first of these that a single channel meets: a layer or channel called exactly `depth`; `Z` that is not the third
    part of a vector; a name with `depth` in it; being the only channel, and no part of a colour but `R`. Of a layer of
    several channels called depth, `Z` and `V` (value) count, not its alpha or colours. What is called inverse depth,
    disparity or mist is never depth.
    """
    channels = [channel for channel in channels if not _OTHER_MEASURE.search(channel.label)]
    rules = (_is_called_depth, _is_z, _has_depth_in_its_name)
    for rule in rules:
        found = [channel for channel in channels if rule(channel, channels)]
        if len(found) > 1:
            found = [channel for channel in found if channel.layers[-1].upper() in ("Z", "V")] or found
        if found:
            return found[0] if len(found) == 1 else None
    if len(channels) == 1 and channels[0].layers[-1].upper() not in _NO_DEPTH_ALONE:
        return channels[0]
    return None


def _is_called_depth(channel: Channel, _: Sequence[Channel]) -> bool:
    return "depth" in (layer.lower() for layer in channel.layers) and channel.layers[-1].upper() != "A"


def _is_z(channel: Channel, channels: Sequence[Channel]) -> bool:
    """Whether it is the `Z` of a layer that has no `X`: neither a normal nor a position."""
    *layer, last = channel.layers
    others = {tuple(other.layers) for other in channels}
    return last.upper() == "Z" and not {(*layer, "X"), (*layer, "x")} & others


def _has_depth_in_its_name(channel: Channel, _: Sequence[Channel]) -> bool:
    name = channel.label.lower()
    return "depth" in name and channel.layers[-1].upper() != "A"
