"""Which frames are one scene: those listed together, by the folder that they have in common."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

FRAME_FOLDER = re.compile(r"images(_\d+)?|rgb")
"""Last folders of a frame's path that say nothing of its scene."""


def scene_folder(frames: Sequence[str]) -> str:
    """The folder of the scene that a list of frames shows, with `/`; empty where they have none in common."""
    folders = {path.replace("\\", "/").rpartition("/")[0] or "." for path in frames}
    folders = {_without_frame_folder(PurePosixPath(folder)) for folder in folders}
    try:
        common = os.path.commonpath([str(folder) for folder in folders])
    except ValueError:  # absolute and relative ones
        return ""
    return "" if common == "." else PurePosixPath(common.replace(os.sep, "/")).as_posix()


def _without_frame_folder(folder: PurePosixPath) -> PurePosixPath:
    return folder.parent if FRAME_FOLDER.fullmatch(folder.name) else folder


def dataset_of(folder: str) -> str:
    """The data set that a scene is of: the first folder of its path, without `_frames`."""
    first = PurePosixPath(folder).parts[:1]
    return first[0].removesuffix("_frames") if first else ""


def scene_name(folder: str) -> str:
    """`<dataset>_<scene>`, still to be cleaned: no two folders need have different ones."""
    parts = PurePosixPath(folder).parts
    return "_".join([dataset_of(folder), *parts[1:]]) if parts else "scene"
