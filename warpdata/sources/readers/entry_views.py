"""Views from the entries of a file of cameras: what the readers of nerfstudio's family and of WAI have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from warpdata.errors import ViewError
from warpdata.files.tree import is_file
from warpdata.formats.transforms import Entry, Transforms
from warpdata.sources.lookup import Lookup
from warpdata.sources.naming import named_files, unique_names
from warpdata.sources.orientation import undecided
from warpdata.sources.points import PlyPoints
from warpdata.sources.readers.unlisted import unlisted_pictures
from warpdata.sources.scene import DepthFile, MaskFile, PictureFile, Scene, View
from warpdata.sources.undistorted import undistorted_view

if TYPE_CHECKING:
    from warpdata.sources.depth_map import Measure


@dataclass
class ListedViews:
    """Collects the views of one scene from one file of cameras or several.

    Args:
        root: the scene's folder, resolved.
        pictures: where pictures are looked for by their base name when they are not where they should be.
        files: names of the files of cameras, for notes.
    """

    root: Path
    pictures: Path
    files: Sequence[str]
    left_out: dict[str, str] = field(default_factory=dict)
    views: dict[Path, View] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lookup = Lookup(self.root, self.pictures)
        self._spoken_of: set[Path] = set()

    def add(self, content: Transforms, *, measure: Measure = "planar_z") -> None:
        """Take the entries of a file; those that cannot be used are left out and named."""
        for name, reason in content.left_out.items():
            self._leave_out(name, reason)
        listed_here: set[Path] = set()
        for entry in content.entries:
            try:
                path = self._lookup.picture(entry.file_path)
                parts = (entry.depth_path, entry.mask_path)
                self._spoken_of |= {path, *(self._lookup.file(part) for part in parts if part)}
                if path in listed_here:
                    raise ViewError("its image is listed more than once; the first entry is used")
                listed_here.add(path)
                self._add(path, self._view(path, entry, measure))
            except (OSError, ViewError) as error:
                self._leave_out(entry.name, str(error), entry.number)

    def _add(self, path: Path, view: View) -> None:
        """Another split may list the same picture; its camera has to be the same."""
        first = self.views.setdefault(path, view)
        if first is view:
            return
        if not first.camera.cam_from_world.equal(view.camera.cam_from_world):
            raise ViewError(
                f"{path} has two cameras, as {'/'.join(first.tags)} and as {'/'.join(view.tags)}; the first is used"
            )
        self.views[path] = replace(first, tags=tuple(dict.fromkeys((*first.tags, *view.tags))))

    def _leave_out(self, name: str, reason: str, number: int | None = None) -> None:
        if name in self.left_out:
            name = f"{name} (entry {len(self.left_out) if number is None else number})"
        self.left_out[name] = reason

    def _view(self, path: Path, entry: Entry, measure: Measure) -> View:
        """The view of one entry, still without its name in the scene.

        Raises:
            ViewError: it cannot be used.
        """
        picture = PictureFile(path)
        if entry.hw is None and (tag := picture.orientation()) != 1:
            raise ViewError(undecided(picture.label, tag, "its camera"))
        hw = entry.hw or picture.hw()
        camera, lens = entry.camera(hw), entry.lens(hw)
        mask = None if entry.mask_path is None else MaskFile(self._lookup.file(entry.mask_path))
        depth = None
        if entry.depth_path is not None:
            depth_path = self._lookup.file(entry.depth_path)
            depth = DepthFile(path=depth_path, unit=entry.depth_unit(depth_path), measure=measure)
        view = View(name=entry.name, picture=picture, camera=camera, depth=depth, mask=mask, tags=entry.tags)
        return undistorted_view(view, lens)

    def scene(self, scene_id: str, first: Transforms) -> Scene:
        """The scene of all views collected.

        Args:
            first: the content that scale and licence are taken from.
        """
        named = named_files(self.root, self.views)
        points, problems = self._points(first.points)
        names = split_names(self.root, self.views) or {path: name for name, path in named}
        return Scene(
            id=scene_id,
            root=self.root,
            views=tuple(replace(self.views[path], name=names[path]) for _, path in named),
            left_out=self.left_out,
            scale=first.scale,
            license=first.license,
            notes=(*self._unlisted(), *problems),
            points=points,
        )

    def _points(self, written: str | None) -> tuple[PlyPoints | None, list[str]]:
        """The scene's sparse points, and why they are not used although the file names some."""
        if written is None:
            return None, []
        try:
            path = self._lookup.file(written)
            return (PlyPoints(path), []) if is_file(path) else (None, [f"its points {path} do not exist"])
        except (OSError, ViewError) as error:
            return None, [f"its points are not used: {error}"]

    def _unlisted(self) -> Iterator[str]:
        where = " and ".join(self.files) if len(self.files) < 3 else f"{self.files[0]} and its like"
        return unlisted_pictures(self.views, self._spoken_of, where)


def split_names(root: Path, views: Mapping[Path, View]) -> dict[Path, str] | None:
    """Names with the split in front, where two splits have pictures of one name; None where names are unique."""
    stems = [path.stem.casefold() for path in views]
    if len(set(stems)) == len(stems) or not all(view.tags for view in views.values()):
        return None
    by_key = {path.relative_to(root).as_posix(): path for path in views}
    names = unique_names({key: f"{views[path].tags[0]}_{path.stem}" for key, path in by_key.items()})
    return {by_key[key]: name for key, name in names.items()}
