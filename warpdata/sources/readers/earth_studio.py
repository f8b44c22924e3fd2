"""The source `earth-studio`: renders of Google Earth Studio in a folder `footage`, beside the JSON of their track."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from warpdata.formats.earth_studio import Track
    from warpdata.sources.scene import Scene, View

FOOTAGE, FRAMES_JSON = "footage", "frames.json"

RENDERED = "rendered"
"""Tag of views that are renders and no photographs."""

LICENSE = "non-commercial; see Google Earth Studio terms / MegaDepth"

SIZE_TOLERANCE_PX = 1.0
"""Encoders cut a pixel off odd sides; sizes may differ by so much after scaling."""


def recognise(listing: FolderListing) -> bool:
    """Whether there is a folder `footage`, and a JSON file called like the scene."""
    return FOOTAGE in listing.folders and f"{listing.path.name}.json" in listing.files


def read(root: Path, scene_id: str, options: None = None) -> Scene:
    """The pictures of `footage` with metric cameras; which frame each is, its number says.

    Args:
        root: the scene's folder, resolved.

    Raises:
        SceneError: the track cannot be read, or is of another film.
        OSError: a folder cannot be listed.
    """
    from warpdata.errors import SceneError, ViewError
    from warpdata.files.paths import check_inside
    from warpdata.formats.earth_studio import read_track
    from warpdata.sources.naming import named_files
    from warpdata.sources.scene import Scene

    try:
        track = read_track(root / f"{root.name}.json")
        said = origin_of(root)
        origin = track.origin(said)
    except ValueError as error:
        raise SceneError(str(error)) from error
    views: dict[Path, View] = {}
    left_out: dict[str, str] = {}
    for name in FolderListing.read(root / FOOTAGE).pictures:
        path = root / FOOTAGE / name
        try:
            check_inside(root, path)
            views[path] = _view(path, track, origin)
        except (OSError, ViewError) as error:
            left_out[name] = str(error)
    return Scene(
        id=scene_id,
        root=root,
        views=tuple(_named(views[path], name) for name, path in named_files(root, views)),
        left_out=left_out,
        scale="metric",
        license=LICENSE,
        notes=(f"its frame is x east, y north, z up, in metres, from the origin {said}",),
    )


def _view(path: Path, track: Track, origin: object) -> View:
    from warpdata.errors import ViewError
    from warpdata.sources.scene import PictureFile, View

    number = path.stem.rpartition("_")[2]
    if not number.isdecimal() or len(number) > 9:
        raise ViewError(f"{path.name} has no number of a frame at its end, as NAME_012 has")
    if int(number) >= len(track.frames):
        raise ViewError(f"{path.name} is frame {int(number)}, and the track has {len(track.frames)}")
    picture = PictureFile(path)
    hw = picture.hw()
    scale = max(hw[0] / track.hw[0], hw[1] / track.hw[1])
    if any(
        abs(side * scale - actual) > max(1, scale) * SIZE_TOLERANCE_PX
        for side, actual in zip(track.hw, hw, strict=True)
    ):
        raise ViewError(
            f"{path.name} is {hw[1]}x{hw[0]} pixels and the track is of {track.hw[1]}x{track.hw[0]}, another shape"
        )
    camera = track.frames[int(number)].camera(track.hw, origin).resized(hw)
    return View(name=PurePosixPath(path.name).stem, picture=picture, camera=camera, tags=(RENDERED,))


def _named(view: View, name: str) -> View:
    from dataclasses import replace

    return replace(view, name=name)


def origin_of(root: Path) -> str:
    """What `prepare earth-studio` was told of the origin; the first frame where it says nothing.

    Raises:
        ValueError: the record cannot be read.
    """
    from warpdata.files.bounded_json import read_json

    path = root / FRAMES_JSON
    content = read_json(path) if path.is_file() else {}
    said = content.get("origin", "first") if isinstance(content, dict) else None
    if not isinstance(said, str):
        raise ValueError(f"{path} is not the record of `prepare earth-studio`; remove it")
    return said


ROW = SourceRow(
    name="earth-studio",
    about="renders of Google Earth Studio with their tracking JSON: metric cameras, depth is estimated",
    recognise=recognise,
    read=read,
)
