"""Videos to folders of pictures to look at: the frames that the source `video` would take, and when they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from warpdata.errors import OutputError, SceneError, SourceError
from warpdata.files.digests import file_sha256
from warpdata.files.tree import is_file
from warpdata.sources.discovery import find_scene_file, find_scene_folders
from warpdata.sources.naming import natural_key, unique_names
from warpdata.sources.readers.video import ROW
from warpdata.sources.video.frames_folder import FRAMES_JSON, VideoFrames, make_frames, read_frames
from warpdata.sources.video.options import VideoOptions

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class VideoReport:
    """What came of one video.

    Attributes:
        name: what it is called among the others.
        folder: of its pictures.
        found: its frames; None where it could not be used.
        was_there: whether they were made by an earlier run.
        problem: why it could not be used.
    """

    name: str
    folder: Path
    found: VideoFrames | None = None
    was_there: bool = False
    problem: str | None = None

    def lines(self) -> Iterator[str]:
        """For a person."""
        if self.found is None:
            yield f"left out {self.name}: {self.problem}"
            return
        note, *breaks = self.found.notes
        yield f"{self.name}: {note}{', as they were' if self.was_there else ''}: {self.folder}"
        for line in breaks:
            yield f"  {line}"


def find_videos(path: Path) -> dict[str, Path]:
    """Name -> file, of the video that an input is, or of all in a folder, down to the depth at which scenes are found.

    Raises:
        SourceError: there is none.
    """
    if not path.exists():
        raise SourceError(f"there is no {path}; give a video, or a folder of them")
    found = find_scene_file(path, [ROW]) if is_file(path) and path.is_file() else find_scene_folders(path, [ROW])
    if not found:
        raise SourceError(f"{path} holds no file that is called like a video; give a video, or a folder of them")
    names = unique_names({item.place: str(PurePosixPath(item.place or path.name).with_suffix("")) for item in found})
    videos = {names[item.place]: item.path for item in found}
    return {name: videos[name] for name in sorted(videos, key=natural_key)}


def extract_frames(
    videos: dict[str, Path], output: Path, options: VideoOptions, *, dry_run: bool = False, progress: Progress
) -> Iterator[VideoReport]:
    """Write the chosen frames of each video, or go on with that; one report after another.

    Args:
        videos: name -> file.
        output: gets the pictures of a lone video, and otherwise a folder for each. Each gets `frames.json` as well.
        dry_run: choose and tell, and write nothing.

    Raises:
        OutputError: a folder cannot be written, or holds something else.
    """
    for name, path in videos.items():
        report = VideoReport(name=name, folder=output if len(videos) == 1 else output / name)
        try:
            if not path.is_file():
                raise SceneError(f"{path} lies in an archive: unpack it")
            video = {"name": path.name, "sha256": file_sha256(path)}
            there = _earlier(report.folder, video, options)
            found = make_frames(path, video, options, None if dry_run else report.folder, progress=progress)
            yield replace(report, found=found, was_there=there == found)
        except (SceneError, OSError) as error:
            yield replace(report, problem=str(error))


def _earlier(folder: Path, video: dict[str, str], options: VideoOptions) -> VideoFrames | None:
    """What an earlier run left in a folder.

    Raises:
        OutputError: it holds something else.
    """
    try:
        if not any(folder.iterdir()):
            return None
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise OutputError(f"{folder} is a file; choose another folder") from error
    there = read_frames(folder)
    if there is None:
        raise OutputError(f"{folder} holds other files, and no {FRAMES_JSON} of this program; choose another folder")
    if there.video["sha256"] != video["sha256"] or there.options != asdict(options):
        raise OutputError(
            f"{folder} holds frames of {there.video['name']}, chosen by {there.options}: remove it, or choose another"
        )
    return there
