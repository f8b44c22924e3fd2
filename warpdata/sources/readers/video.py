"""The source `video`: a video file is a scene, and so is each of a folder of videos; frames are chosen and kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.formats.pyav import is_video_name, unavailable
from warpdata.plugins import deferred
from warpdata.sources.table import SourceRow, Workplace
from warpdata.sources.video.options import VideoOptions

if TYPE_CHECKING:
    from warpdata.sources.scene import Scene


def read(path: Path, scene_id: str, options: VideoOptions, work: Workplace) -> Scene:
    """The frames that are chosen, as pictures in the cache. The first time the whole video is decoded.

    Raises:
        SceneError: the video cannot be used.
        CacheError: the pictures cannot be kept.
        OSError: the video cannot be read.
    """
    from warpdata.sources.scene import PictureFile, Scene, View
    from warpdata.sources.video.kept import kept_frames
    from warpdata.sources.video.unkept import UnkeptFrame

    folder, found = kept_frames(path, options, work)
    views = tuple(
        View(
            name=frame.name,
            picture=PictureFile(folder / frame.file) if folder else UnkeptFrame(str(path), frame.number, frame.hw),
            time_s=frame.time_s,
        )
        for frame in found.frames
    )
    return Scene(id=scene_id, root=folder, views=views, left_out={}, notes=found.notes)


ROW = SourceRow(
    name="video",
    about="a video file, or a folder of them, each a scene: its sharpest frames; cameras and depth are estimated",
    recognise_file=is_video_name,
    read_file=read,
    file_state=deferred("warpdata.sources.video.kept:video_state"),
    options=VideoOptions,
    unavailable=unavailable,
)
