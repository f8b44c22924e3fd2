"""The source `blender`: renders `NNN_render.*` of a model beside `camera_intrinsics.txt`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.sources.listing import FolderListing
from warpdata.sources.table import SourceRow

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from warpdata.formats.blender_renders import RenderedScene
    from warpdata.sources.scene import Scene, View

INTRINSICS, SCENE_JSON = "camera_intrinsics.txt", "scene.json"

RENDER = re.compile(r"(\d{1,9})_render\.[A-Za-z]+")


def recognise(listing: FolderListing) -> bool:
    """Whether there is a `NNN_render.*` and the intrinsics."""
    return INTRINSICS in listing.files and any(map(RENDER.fullmatch, listing.files))


def read(root: Path, scene_id: str, options: None = None) -> Scene:
    """The renders with their cameras, the depth that is OpenEXR, and the masks.

    Args:
        root: the scene's folder, resolved.

    Raises:
        SceneError: the intrinsics or `scene.json` cannot be read.
        OSError: the folder cannot be listed.
    """
    from warpdata.errors import SceneError, ViewError
    from warpdata.files.paths import check_inside
    from warpdata.formats.blender_renders import RenderedScene, read_matrix, read_rendered_scene
    from warpdata.sources.naming import named_files
    from warpdata.sources.scene import Scene

    files = FolderListing.read(root).files
    try:
        for name in (INTRINSICS, *([SCENE_JSON] if SCENE_JSON in files else [])):
            check_inside(root, root / name)
        K = read_matrix(root / INTRINSICS, 3, 3)
        said = read_rendered_scene(root / SCENE_JSON) if SCENE_JSON in files else RenderedScene()
    except (OSError, ValueError, ViewError) as error:
        raise SceneError(str(error)) from error
    folder = _Renders(root, files, K, said)
    views: dict[Path, View] = {}
    left_out: dict[str, str] = {}
    for name in filter(RENDER.fullmatch, files):
        try:
            views[root / name] = folder.view(name)
        except (OSError, ValueError, ViewError) as error:
            left_out[name] = str(error)
    return Scene(
        id=scene_id,
        root=root,
        views=tuple(replace(views[path], name=name) for name, path in named_files(root, views)),
        left_out=left_out,
        scale=said.scale,
        notes=folder.notes(),
    )


class _Renders:
    """The files of one folder of renders.

    Args:
        files: the names in it, sorted.
        K: intrinsics of the views that `said` has none of, in pixels.
    """

    def __init__(self, root: Path, files: tuple[str, ...], K: Float[Tensor, "3 3"], said: RenderedScene):
        self._root, self._K, self._said = root, K, said
        self._of_view: dict[str, dict[str, str]] = {}
        for name in files:
            number, _, rest = name.partition("_")
            self._of_view.setdefault(number, {})[rest] = name

    def view(self, name: str) -> View:
        """The view of one render, called as its file is.

        Raises:
            ViewError: a file it needs is missing, ambiguous, or leads out of the folder, or its camera is none.
            ValueError: a matrix cannot be read.
            OSError: a file cannot be read.
        """
        import torch

        from warpdata.camera import Camera, check_camera
        from warpdata.errors import ViewError
        from warpdata.formats.blender_renders import check_projection, read_matrix
        from warpdata.sources.orientation import undecided
        from warpdata.sources.picture_names import is_image_name
        from warpdata.sources.scene import DepthFile, MaskFile, PictureFile, View

        number = RENDER.fullmatch(name)[1]
        path = self._only(number, r"render\.[A-Za-z]+")
        if not is_image_name(name):
            raise ViewError(f"{name} is no picture that can be read; render it as PNG or JPEG")
        if (extrinsics := self._only(number, r"camera_extrinsics\.txt")) is None:
            raise ViewError(f"{number}_camera_extrinsics.txt is missing; render the view again")
        pose = read_matrix(extrinsics, 3, 4)
        K = self._said.K.get(int(number), self._K)
        picture = PictureFile(path)
        if (tag := picture.orientation()) != 1:
            raise ViewError(undecided(picture.label, tag, "its camera"))
        cam_from_world = torch.cat([pose, pose.new_tensor([[0, 0, 0, 1]])])
        camera = Camera(K=K, cam_from_world=cam_from_world, hw=picture.hw())
        problem = check_camera(camera)
        if problem is None and (matrix := self._only(number, r"camera_projection_matrix\.txt")) is not None:
            problem = check_projection(K, pose, read_matrix(matrix, 3, 4))
        if problem is not None:
            raise ViewError(f"{name}: {problem}")
        depth = self._only(number, r"depth_\d+\.exr")
        mask = self._only(number, r"mask_\d+\.[A-Za-z]+")
        return View(
            name=path.stem,
            picture=picture,
            camera=camera,
            depth=None if depth is None else DepthFile(path=depth, unit=1.0, measure="planar_z"),
            mask=None if mask is None else MaskFile(mask),
        )

    def notes(self) -> tuple[str, ...]:
        """About depth that was written as pictures and is none."""
        pictures = [
            name
            for number in self._of_view
            if number.isdecimal() and not self._named(number, r"depth_\d+\.exr")
            for name in self._named(number, r"depth_\d+\.png")
        ]
        if not pictures:
            return ()
        return (
            f"depth of {len(pictures)} renders, such as {pictures[0]}, is scaled to the range of each picture and no "
            "depth in scene units: it is not used, and is estimated with the cameras kept",
        )

    def _named(self, number: str, rest: str) -> list[str]:
        return [name for end, name in self._of_view.get(number, {}).items() if re.fullmatch(rest, end)]

    def _only(self, number: str, rest: str) -> Path | None:
        """The file of a view, whose name after its number a pattern describes; None where there is none.

        Raises:
            ViewError: there are several, or it leads out of the folder.
        """
        from warpdata.errors import ViewError
        from warpdata.files.paths import check_inside

        found = self._named(number, rest)
        if len(found) > 1:
            raise ViewError(f"{' and '.join(found)} are of one view; remove those of other renders")
        if not found:
            return None
        check_inside(self._root, self._root / found[0])
        return self._root / found[0]


ROW = SourceRow(
    name="blender",
    about="renders of Blender (NNN_render.* and camera_intrinsics.txt): cameras, and perhaps depth and masks",
    recognise=recognise,
    read=read,
)
