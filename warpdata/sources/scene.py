"""What a source gives: scenes of views, with whatever geometry they ship. Nothing is opened before it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from warpdata.camera import Camera
from warpdata.errors import ViewError
from warpdata.sources.depth_map import DepthFile, DepthMap
from warpdata.sources.picture import Mask, MaskFile, Picture, PictureFile
from warpdata.sources.points import Points


@runtime_checkable
class Redraw(Protocol):
    """Gives another view in the place of one, of a world that is rendered. Pickles."""

    def __call__(self, *, seed: int, epoch: int) -> View:
        """The view of an epoch of training, of the same name and size, with camera and depth; a function of the
        arguments alone.

        Raises:
            ViewError: it cannot be rendered.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class View:
    """One picture of a scene.

    Attributes:
        name: unique within the scene, made of `A-Z a-z 0-9 _ -` alone; file names of the output are made from it.
        picture: gives its pixels.
        camera: where it was taken from, if the source knows, for the whole upright image at `camera.hw`.
        depth: its depth map, if the source ships one; covers the whole image at any resolution.
        mask: what part of the image may become points, at any resolution.
        tags: what else the source says of it, such as the split of a data set it belongs to.
        time_s: when it was taken, in seconds after the first frame of its video; None where the source does not say.
        redraw: gives the view that stands in its place in the epochs after the first; None where it is always the same.
    """

    name: str
    picture: Picture
    camera: Camera | None = None
    depth: DepthMap | None = None
    mask: Mask | None = None
    tags: tuple[str, ...] = ()
    time_s: float | None = None
    redraw: Redraw | None = None

    def camera_at(self, image_hw: tuple[int, int]) -> Camera | None:
        """The camera at the image's true size, which may differ from the one its source states by a plain resize.

        Raises:
            ViewError: the two sizes have different shapes, so the camera is for another picture.
        """
        if self.camera is None or self.camera.hw == image_hw:
            return self.camera
        scale = image_hw[1] / self.camera.hw[1]
        if abs(self.camera.hw[0] * scale - image_hw[0]) > max(1, scale):
            raise ViewError(
                f"its camera is for a picture of {self.camera.hw[1]}x{self.camera.hw[0]} pixels, and "
                f"{self.picture.label} is {image_hw[1]}x{image_hw[0]} upright; give the camera of this picture (an "
                "orientation tag turns it)"
            )
        return self.camera.resized(image_hw)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Views that show one place, in the order they were taken.

    Attributes:
        id: unique in its source, of the same characters as a view's name.
        root: the folder that all files of its views lie in; None where they have none.
        views: naturally sorted by file name, after selection.
        left_out: file or view name -> why it is not among the views.
        scale: whether given depth and cameras are in metres or in a unit of their own.
        license: of the pictures, as their source states it; None when it says nothing.
        notes: what a person should know about how the scene was read: files that were not used, and what to do.
        source: name of the source in the table that reads this scene; None for a scene made by other means.
        points: sparse points in the world of the cameras, if the source ships any; a help, never needed.
    """

    id: str
    root: Path | None
    views: tuple[View, ...]
    left_out: dict[str, str]
    scale: Literal["metric", "arbitrary"] = "arbitrary"
    license: str | None = None
    notes: tuple[str, ...] = ()
    source: str | None = None
    points: Points | None = None

    @property
    def ships_geometry(self) -> bool:
        """Whether every view brings its camera and depth."""
        return bool(self.views) and all(view.camera is not None and view.depth is not None for view in self.views)


@runtime_checkable
class Source(Protocol):
    """A collection of scenes."""

    def scene_ids(self) -> list[str]:
        """Ids of all scenes, sorted; opens no image.

        Raises:
            SourceError: the input does not exist or holds no scene.
        """
        ...

    def state(self, scene_id: str) -> str | None:
        """A token that changes when any file of a scene does, found without listing the scene.

        None where that cannot be told, for example because the scene is changing right now: it is listed each time.

        Raises:
            ValueError: there is no such scene.
        """
        ...

    def scene(self, scene_id: str) -> Scene:
        """List one scene's views; opens no image.

        Raises:
            SceneError: the scene cannot be used, for example for a malformed `transforms.json`.
            ValueError: there is no such scene.
        """
        ...


__all__ = [
    "DepthFile",
    "DepthMap",
    "Mask",
    "MaskFile",
    "Picture",
    "PictureFile",
    "Points",
    "Redraw",
    "Scene",
    "Source",
    "View",
]
