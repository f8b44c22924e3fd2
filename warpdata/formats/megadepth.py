"""Where MegaDepth has its files. Light to import: sources are recognised by it.

MegaDepth_v1_SfM/<scene>/sparse/manhattan/<sub>/{cameras,images,points3D}.txt
phoenix/S6/zl548/MegaDepth_v1/<scene>/dense<sub>/imgs/<name>.jpg
phoenix/S6/zl548/MegaDepth_v1/<scene>/dense<sub>/depths/<stem>.h5
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

MODELS, PHOENIX = "MegaDepth_v1_SfM", "phoenix"
"""Two folders, side by side."""

LICENSE = "non-commercial; see Google Earth Studio terms / MegaDepth"


def model_folder(root: Path, scene: str, subscene: str) -> Path:
    """The folder of a sub-scene's COLMAP model; `root` holds the two folders."""
    return root / MODELS / scene / "sparse" / "manhattan" / subscene


def dense_folder(root: Path, scene: str, subscene: str) -> Path:
    """The folder of a sub-scene's undistorted photographs and depth."""
    return root / PHOENIX / "S6" / "zl548" / "MegaDepth_v1" / scene / f"dense{subscene}"


def photo_path(root: Path, scene: str, subscene: str, name: str) -> Path:
    """An undistorted photograph."""
    return dense_folder(root, scene, subscene) / "imgs" / name


def depth_path(root: Path, scene: str, subscene: str, name: str) -> Path:
    """The depth of a photograph."""
    return dense_folder(root, scene, subscene) / "depths" / f"{PurePosixPath(name).stem}.h5"
