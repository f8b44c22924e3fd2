"""Files of cameras that lie beside pictures and are not read, so that nobody believes they were."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from warpdata.files.tree import list_folder

_CONVERT = "convert it to a transforms.json (nerfstudio's ns-process-data does)"
_COMPLETE = (
    "a COLMAP model is read (`source` auto or colmap) where cameras and images, both as .bin or as .txt, lie in "
    "{folder}/sparse/0 or the like"
)

CAMERA_FILES: tuple[tuple[str, str], ...] = (
    ("transforms_*.json", "copy the one you want to {folder}/transforms.json, whose pictures are then used with it"),
    ("transforms*.json", "rename it to transforms.json"),
    ("cameras.json", _CONVERT),
    ("camera.json", _CONVERT),
    ("camera_*.json", _CONVERT),
    ("poses.json", _CONVERT),
    ("meta_data.json", _CONVERT),
    ("sfm_data.json", _CONVERT),
    ("reconstruction.json", _CONVERT),
    ("cameras.sfm", _CONVERT),
    ("cameras.xml", _CONVERT),
    ("cameras.txt", _COMPLETE),
    ("cameras.bin", _COMPLETE),
    ("cameras.npz", _CONVERT),
    ("cameras_*.npz", _CONVERT),
    ("poses_bounds.npy", _CONVERT),
    ("*.nvm", _CONVERT),
    ("bundle*.out", _CONVERT),
    ("sparse", _COMPLETE),
    ("colmap", _COMPLETE),
    ("images.txt", _COMPLETE),
    ("database.db", _COMPLETE),
    *((name, _CONVERT) for name in "pose poses cams groundtruth.txt calib.txt intrinsics extrinsics".split()),
    *((name, _CONVERT) for name in "poses*.txt poses*.npy traj*.txt intrinsic*.txt extrinsic*.txt".split()),
    *((name, _CONVERT) for name in "intrinsic*.json extrinsic*.json cameras.csv cam_params.json rig.json".split()),
    *((name, _CONVERT) for name in "*.pose.txt transforms.json.*".split()),
)
"""Name of a file or folder, as a pattern in lower case -> what to do. The first that matches counts."""


def unread_cameras(folders: Iterable[Path]) -> tuple[str, ...]:
    """A sentence about every file of cameras in some folders, sorted by folder.

    Args:
        folders: the scene's, that of its pictures, and the one around it if that belongs to the input.
    """
    return tuple(note for folder in dict.fromkeys(folders) for note in _in_folder(folder))


@lru_cache(maxsize=64)
def _in_folder(folder: Path) -> tuple[str, ...]:
    notes: dict[str, list[str]] = {}
    try:
        inside = list_folder(folder)
    except OSError:
        return ()
    for name in sorted((*inside.files, *inside.folders)):
        advice = next((todo for pattern, todo in CAMERA_FILES if fnmatch.fnmatchcase(name.lower(), pattern)), None)
        if advice is not None:
            notes.setdefault(advice, []).append(str(folder / name))
    return tuple(
        f"{' and '.join(paths)} may hold cameras, and {'is' if len(paths) == 1 else 'are'} not read: the pictures are "
        f"used without cameras; {advice.format(folder=folder)}"
        for advice, paths in notes.items()
    )
