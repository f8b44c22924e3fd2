"""SpaceVista's frames as scenes: frames that items list together are one, by the folder that they have in common."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError, ViewError, listed
from warpdata.files.bounded_json import fingerprint
from warpdata.formats.spacevista.grouping import dataset_of, scene_name
from warpdata.sources.folder_state import folder_state
from warpdata.sources.naming import natural_key, unique_names
from warpdata.sources.picture_names import is_image_name
from warpdata.sources.scene import PictureFile, Scene, View
from warpdata.sources.select import select_views
from warpdata.sources.spacevista.frame_files import FrameFiles
from warpdata.sources.spacevista.index import Index, IndexedScene, in_order, open_index
from warpdata.sources.spacevista.object_masks import ObjectMask
from warpdata.sources.spacevista.options import SpaceVistaOptions
from warpdata.sources.spacevista.poses_beside import Poses, poses_beside
from warpdata.sources.table import Workplace

logger = logging.getLogger(__name__)

LICENCES = {
    "dl3dv": "SpaceVista preview: frames of DL3DV, under the terms of that data set (research use)",
    "wildrgbd": "SpaceVista preview: frames of WildRGBD, under the terms of that data set (research use)",
    "uco3d": "SpaceVista preview: frames of uCO3D, under the terms of that data set (research use)",
}
"""Data set, in small letters -> what can be said of its licence without guessing."""


@dataclass(frozen=True)
class _Found:
    folder: str
    indexed: IndexedScene


class SpaceVistaSource:
    """The scenes of a `meta.json`. See `Source`.

    Args:
        options: whose `input_dir` the paths of the items are below.
        own: options of this source.
        work: where the index is kept.
    """

    def __init__(self, options: SourceOptions, own: SpaceVistaOptions, work: Workplace):
        self._options, self._own, self._work = options, own, work
        self._root = options.input_dir.resolve()
        self._files = FrameFiles(self._root)

    def scene_ids(self) -> list[str]:
        return sorted(self._scenes, key=natural_key)

    def state(self, scene_id: str) -> str | None:
        found = self._found(scene_id)
        folder = self._files.folder(found.folder)
        if folder is None or self._own.object_mask != "none":  # masks lie elsewhere
            return None
        files = folder_state(folder)
        return None if files is None else fingerprint([files, sorted(found.indexed.frames), self._own.min_frames])

    def scene(self, scene_id: str) -> Scene:
        found = self._found(scene_id)
        folder = self._files.folder(found.folder)
        poses = Poses() if folder is None else poses_beside(self._root, folder)
        frames = in_order(found.indexed.frames)
        names = unique_names({key: PurePosixPath(key).stem for key in frames})
        views, left_out, notes = [], {}, list(poses.notes)
        for key in sorted(frames, key=lambda key: (natural_key(PurePosixPath(key).name), key)):
            try:
                view = self._view(names[key], frames[key])
            except (OSError, ViewError) as error:
                left_out[frames[key][0]] = str(error)
                continue
            views.append(self._posed(view, poses, notes))
        if len(views) < self._own.min_frames:
            raise SceneError(
                f"scene {scene_id} has {len(views)} of the {len(frames)} frames that its {len(found.indexed.items)} "
                f"items list, fewer than `min_frames={self._own.min_frames}`: " + _why(left_out)
            )
        if self._own.object_mask != "none":
            views, masked = self._masked(views, found.indexed, left_out)
            notes.append(f"{masked} of {len(views)} frames have a mask of objects; the others are used whole")
        dataset = dataset_of(found.folder)
        return Scene(
            id=scene_id,
            root=self._root,
            views=select_views(views, self._options),
            left_out=left_out,
            license=LICENCES.get(
                dataset.casefold(), f"SpaceVista: frames of {dataset}, under the terms of that data set"
            ),
            notes=tuple(dict.fromkeys(notes)),
        )

    @cached_property
    def index(self) -> Index:
        """What the items say; read once."""
        return open_index(self._meta(), self._work)

    def _meta(self) -> Path:
        inside = self._root / self._own.meta
        return inside if inside.is_file() else self._own.meta

    @cached_property
    def _scenes(self) -> dict[str, _Found]:
        wanted = {name.casefold().removesuffix("_frames") for name in self._own.subset}
        all_sets = {dataset_of(folder) for folder in self.index.scenes}
        if unknown := wanted - {name.casefold() for name in all_sets}:
            raise SourceError(
                f"{self._meta()} has no scene of `subset` {', '.join(sorted(unknown))}; there are "
                f"{', '.join(sorted(all_sets)) or 'none'}"
            )
        chosen = {
            folder: _Found(folder, scene)
            for folder, scene in self.index.scenes.items()
            if (not wanted or dataset_of(folder).casefold() in wanted)
            and len(in_order(scene.frames)) >= self._own.min_frames
        }
        self._tell(wanted, chosen)
        if not chosen:
            raise SourceError(
                f"none of the {len(self.index.scenes)} groups of frames in {self._meta()} has "
                f"{self._own.min_frames} frames (`min_frames`){self._faults()}"
            )
        ids = unique_names({folder: scene_name(folder) for folder in chosen})
        return {ids[folder]: found for folder, found in chosen.items()}

    def _tell(self, wanted: set[str], chosen: dict[str, _Found]) -> None:
        """Say in the log what of the items gives no scene."""
        index, meta = self.index, self._meta()
        short = [
            folder
            for folder in index.scenes
            if folder not in chosen and (not wanted or dataset_of(folder).casefold() in wanted)
        ]
        if short:
            logger.warning(
                "left out of %s for fewer than %d frames (`min_frames`): %s",
                *(meta, self._own.min_frames, f"{listed(short)} ({len(short)} in all)"),
            )
        if index.num_faulty:
            logger.warning("%s: %s", meta, self._faults().removeprefix("; "))
        if index.num_video_files:
            logger.warning(
                "%d items of %s have a video file for their frames, which is not read", index.num_video_files, meta
            )
        for problem, count in index.problems.items():
            logger.warning("%d items of %s: %s", count, meta, problem)

    def _faults(self) -> str:
        if not self.index.num_faulty:
            return ""
        first = next(iter(self.index.faulty.values()))
        return f"; {self.index.num_faulty} of {self.index.num_items} entries are no items, the first: {first}"

    def _found(self, scene_id: str) -> _Found:
        if scene_id not in self._scenes:
            raise ValueError(f"{self._options.input_dir} holds no scene {scene_id!r}; `scene_ids()` lists them")
        return self._scenes[scene_id]

    def _view(self, name: str, spellings: list[str]) -> View:
        """The view of a frame, at the first of its sizes that is there.

        Raises:
            ViewError: it is missing, no picture, or leads out of the root.
        """
        problem: ViewError | None = None
        for written in spellings:
            try:
                path = self._files.find(written)
            except ViewError as error:
                problem = problem or error
                continue
            if not is_image_name(path.name):
                raise ViewError(f"{path.suffix or 'a file without suffix'} is not read: convert it to PNG or JPEG")
            return View(name=name, picture=PictureFile(path))
        raise problem or ViewError("the file is missing")

    @staticmethod
    def _posed(view: View, poses: Poses, notes: list[str]) -> View:
        pose = poses.of.get(Path(view.picture.label).stem.casefold())
        if pose is None:
            return view
        try:
            return pose(view)
        except ViewError as error:
            notes.append(f"the camera of a frame is not used: {error}")
            return view

    def _masked(self, views: list[View], indexed: IndexedScene, left_out: dict[str, str]) -> tuple[list[View], int]:
        """The views with the masks of their objects, and how many have one."""
        parts: dict[Path, list] = {}
        for frame, masks in indexed.masks.items():
            for written, objects in masks:
                try:
                    frame_path, path = self._files.find(frame), self._files.find(written)
                except ViewError as error:
                    left_out[written] = str(error)
                    continue
                parts.setdefault(frame_path, []).append((path, None if objects is None else tuple(objects)))
        keep = self._own.object_mask == "keep"
        masked = []
        for view in views:
            found = parts.get(view.picture.files[0])
            masked.append(view if found is None else replace(view, mask=ObjectMask(tuple(found), keep)))
        return masked, sum(view.mask is not None for view in masked)


def _why(left_out: dict[str, str]) -> str:
    if not left_out:
        return "it lists no more"
    name, reason = next(iter(left_out.items()))
    return f"{len(left_out)} cannot be used, the first, {name}, because: {reason}"
