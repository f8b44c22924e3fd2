"""The source `bundler`: photographs with the cameras of Bundler, `bundle.out` and `list.txt`, without depth.

The format is that of https://www.cs.cornell.edu/~snavely/bundler/bundler-v0.4-manual.html, section "Output format": the
camera looks along its negative z axis, y points up, and the principal point is the middle of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from warpdata.camera import Camera
    from warpdata.sources.scene import Scene

BUNDLE, LIST = "bundle.out", "list.txt"
MAX_CAMERAS = 100_000


@dataclass(frozen=True, kw_only=True)
class BundlerOptions:
    """How scenes of Bundler are read."""

    bundle_max_distortion: float = 0.02
    """Views whose lens has radial distortion (k1 or k2) above this are left out: a pinhole camera cannot show them."""


def recognise(listing: FolderListing) -> bool:
    """Whether both files are there."""
    return BUNDLE in listing.files and LIST in listing.files


def read(root: Path, scene_id: str, options: BundlerOptions) -> Scene:
    """The views that the list names, with their cameras.

    Raises:
        ViewError: one of the two files is not what it should be; costs the scene.
    """
    from dataclasses import replace

    from warpdata.errors import ViewError
    from warpdata.files.bounded_json import read_text
    from warpdata.files.paths import resolve_inside
    from warpdata.sources import PictureFile, Scene, View
    from warpdata.sources.naming import named_files

    try:
        numbers = _camera_numbers(read_text(root / BUNDLE))
        names = [line.split()[0] for line in read_text(root / LIST).splitlines() if line.strip()]
    except ValueError as error:
        raise ViewError(f"{root / BUNDLE} cannot be read ({error}); export it again") from error
    if len(names) != len(numbers):
        raise ViewError(
            f"{LIST} names {len(names)} pictures and {BUNDLE} has {len(numbers)} cameras; export both again"
        )
    views: dict[Path, View] = {}
    left_out: dict[str, str] = {}
    for name, values in zip(names, numbers, strict=True):
        try:
            picture = PictureFile(resolve_inside(root, name))
            camera = _camera(values, picture.hw(), options)
            views[picture.path] = View(name=name, picture=picture, camera=camera)
        except ViewError as error:
            left_out[name] = str(error)
    named = tuple(replace(views[path], name=name) for name, path in named_files(root, views))
    return Scene(id=scene_id, root=root, views=named, left_out=left_out)


def _camera_numbers(text: str) -> list[list[float]]:
    """Fifteen numbers a camera: focal length, k1, k2, the rotation row by row, the translation."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    count = int(lines[0].split()[0])
    if not 0 <= count <= MAX_CAMERAS:
        raise ValueError(f"it says that it has {count} cameras; up to {MAX_CAMERAS:,} are read")
    values = [float(word) for line in lines[1 : 1 + 5 * count] for word in line.split()]
    if len(values) != 15 * count:
        raise ValueError(f"{count} cameras have {15 * count} numbers, found {len(values)}")
    return [values[15 * k : 15 * (k + 1)] for k in range(count)]


def _camera(values: list[float], hw: tuple[int, int], options: BundlerOptions) -> Camera:
    import torch

    from warpdata.camera import Camera, check_camera
    from warpdata.errors import ViewError

    focal, k1, k2 = values[:3]
    if focal == 0:
        raise ViewError("Bundler found no camera for it")
    if max(abs(k1), abs(k2)) > options.bundle_max_distortion:
        raise ViewError(f"its lens is distorted (k1 = {k1:g}, k2 = {k2:g}); undistort the photographs first")
    numbers = torch.tensor(values[3:], dtype=torch.float64)
    cam_from_world = torch.eye(4, dtype=torch.float64)
    opencv_from_bundler = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)
    cam_from_world[:3, :3] = opencv_from_bundler[:, None] * numbers[:9].reshape(3, 3)
    cam_from_world[:3, 3] = opencv_from_bundler * numbers[9:]
    K = torch.tensor([[focal, 0, hw[1] / 2], [0, focal, hw[0] / 2], [0, 0, 1]], dtype=torch.float64)
    camera = Camera(K=K, cam_from_world=cam_from_world, hw=hw)
    if problem := check_camera(camera):
        raise ViewError(f"its camera cannot be used: {problem}")
    return camera


ROW = SourceRow(
    name="bundler",
    about="photographs with the cameras of Bundler: bundle.out and list.txt",
    recognise=recognise,
    read=read,
    options=BundlerOptions,
)
