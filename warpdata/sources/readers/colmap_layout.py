"""Where things lie in a folder with a COLMAP model: the models, the pictures, masks and depth maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from warpdata.files.tree import is_file, is_folder
from warpdata.formats.colmap.read import kinds_in
from warpdata.sources.image_folder import IMAGES, image_folder
from warpdata.sources.listing import FolderListing
from warpdata.sources.naming import natural_key

PLACES = ("sparse", "colmap/sparse", "colmap", "")
"""Where models lie below a scene's folder, or in folders there: `sparse/0`. The scene's own folder may be one."""

MASKS = "masks"
DEPTH_MAPS = "stereo/depth_maps"
DENSE = "dense"

NAMES_TRIED = 64
"""So many pictures of a model decide which folder its names are below."""


def model_folders(root: Path) -> list[Path]:
    """The folders at and below a scene's that hold a sparse model, in natural order of each place.

    Raises:
        OSError: a folder cannot be listed.
    """
    found: list[Path] = []
    for place in PLACES:
        folder = root / place
        if not is_folder(folder):
            continue
        inside = [] if place == "" else sorted(FolderListing.read(folder).folders, key=natural_key)
        found += [path for path in (folder, *(folder / name for name in inside)) if kinds_in(path)]
    return list(dict.fromkeys(found))


def picture_folder(root: Path, model: Path, names: Sequence[str]) -> Path:
    """The folder that a model's names of pictures are below: where most of them are, of those that come into question.

    COLMAP is told it on its command line, and no file says it. `images` beside the model comes first.

    Raises:
        OSError, ViewError: a folder cannot be listed, or is a link that leads out of the scene's.
    """
    candidates = [*(folder / IMAGES for folder in _above(root, model)), image_folder(root), root / "input", root, model]
    tried = names[:: max(1, len(names) // NAMES_TRIED)]
    there = [folder for folder in dict.fromkeys(candidates) if is_folder(folder)]
    return max(there, key=lambda folder: sum(_is_file(folder / name) for name in tried))


def mask_of(folders: Sequence[Path], name: str) -> Path | None:
    """The mask of a picture: COLMAP's `masks/<name>.png`, or one of the picture's own name or stem.

    Args:
        folders: where masks may lie.
        name: of the picture, below the folder of pictures.
    """
    written = Path(name)
    spellings = (f"{name}.png", str(written.with_suffix(".png")), name)
    return next((path for folder in folders for one in spellings if _is_file(path := folder / one)), None)


def mask_folders(root: Path, model: Path, pictures: Path) -> list[Path]:
    """The folders of masks: beside that of the pictures, then beside the model."""
    near = [pictures.parent] if pictures.is_relative_to(root) and pictures != root else []
    return [path for folder in dict.fromkeys((*near, *_above(root, model))) if is_folder(path := folder / MASKS)]


def depth_of(folders: Sequence[Path], name: str) -> Path | None:
    """The dense depth map of a picture: the geometric one, which views have agreed on, else the photometric one."""
    spellings = (f"{name}.geometric.bin", f"{name}.photometric.bin")
    return next((path for one in spellings for folder in folders if _is_file(path := folder / one)), None)


def depth_folders(root: Path, model: Path) -> list[Path]:
    """The folders of dense depth maps, beside the model."""
    return [path for folder in _above(root, model) if is_folder(path := folder / DEPTH_MAPS)]


def dense_workspaces(root: Path) -> list[Path]:
    """Folders in `dense` (or it) that hold undistorted pictures with depth, a scene of their own."""
    dense = root / DENSE
    if not is_folder(dense):
        return []
    inside = sorted(FolderListing.read(dense).folders, key=natural_key)
    return [path for path in (dense, *(dense / name for name in inside)) if is_folder(path / DEPTH_MAPS)]


def _above(root: Path, model: Path) -> Iterator[Path]:
    """The folders around a model's, the nearest first, up to the scene's; its own where it is the scene's."""
    yield from (folder for folder in model.parents if folder == root or folder.is_relative_to(root))
    if model == root:
        yield root


def _is_file(path: Path) -> bool:
    try:
        return is_file(path)
    except (OSError, ValueError):  # a name that can be that of no file
        return False
