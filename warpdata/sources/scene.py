"""What a source gives: scenes of views, with whatever geometry they ship. Nothing is opened before it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from warpdata.camera import Camera
from warpdata.errors import ViewError


@dataclass(frozen=True, kw_only=True)
class DepthFile:
    """A depth map on disk: planar z-depth, 0 or not finite where there is none.

    Attributes:
        path: 16-bit PNG, `.npy` or `.exr`.
        unit: what a stored value of 1 is worth in scene units.
    """

    path: Path
    unit: float = 1.0


@dataclass(frozen=True, kw_only=True)
class View:
    """One picture of a scene.

    Attributes:
        name: unique within the scene, made of `A-Z a-z 0-9 _ -` alone; file names of the output are made from it.
        path: the image file.
        camera: where it was taken from, if the source knows, for the whole upright image at `camera.hw`.
        depth: its depth map, if the source ships one; covers the whole image at any resolution.
        mask: one-channel image of any resolution, 0 where the picture is not to become points.
    """

    name: str
    path: Path
    camera: Camera | None = None
    depth: DepthFile | None = None
    mask: Path | None = None

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
                f"its camera is for a picture of {self.camera.hw[1]}x{self.camera.hw[0]} pixels, and {self.path} is "
                f"{image_hw[1]}x{image_hw[0]} upright; give the camera of this picture (an orientation tag turns it)"
            )
        return self.camera.resized(image_hw)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Views that show one place, in the order they were taken.

    Attributes:
        id: unique in its source, of the same characters as a view's name.
        root: the scene's folder; every path of its views lies inside.
        views: naturally sorted by file name, after selection.
        left_out: file or view name -> why it is not among the views.
        scale: whether given depth and cameras are in metres or in a unit of their own.
        license: of the pictures, as their source states it; None when it says nothing.
    """

    id: str
    root: Path
    views: tuple[View, ...]
    left_out: dict[str, str]
    scale: Literal["metric", "arbitrary"] = "arbitrary"
    license: str | None = None

    @property
    def ships_geometry(self) -> bool:
        """Whether every view brings its camera and depth."""
        return bool(self.views) and all(view.camera is not None and view.depth is not None for view in self.views)


@runtime_checkable
class Source(Protocol):
    """A collection of scenes on disk."""

    def scene_ids(self) -> list[str]:
        """Ids of all scenes, sorted; opens no image.

        Raises:
            SourceError: the folder does not exist or holds no scene.
        """
        ...

    def scene_folder(self, scene_id: str) -> Path:
        """The folder that all files of a scene lie in, and nothing else that the scene depends on lies elsewhere."""
        ...

    def scene(self, scene_id: str) -> Scene:
        """List one scene's views; opens no image.

        Raises:
            SceneError: the scene cannot be used, for example for a malformed `transforms.json`.
        """
        ...
