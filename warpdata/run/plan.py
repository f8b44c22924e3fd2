"""What a run would make and how much disk that takes, without writing anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.filesize import decimal

from warpdata.config import OutputOptions, PairOptions, SizeOptions
from warpdata.errors import SceneError, ViewError
from warpdata.geometry.usable import check_sides
from warpdata.sources.fit import output_size
from warpdata.sources.odd_views import copies, odd_sizes
from warpdata.sources.scene import Source, View
from warpdata.triplets.pairs import choose_pairs

JPEG_BYTES, PNG_BYTES, MASK_BYTES, PLY_BYTES = 0.5, 1.7, 0.25, 19.0
"""Bytes a pixel of an encoded picture, a coverage or confidence mask, and a point; typical of photographs."""


@dataclass(frozen=True, kw_only=True)
class ScenePlan:
    """What one scene would give.

    Attributes:
        scene: its id.
        source: which format it is read as; None where it cannot be read.
        views: usable ones, as far as their headers tell.
        hw: size of its triplets.
        triplets: how many; the most there can be for pairs chosen by overlap.
        num_bytes: estimate of the disk they take.
        left_out: file or view -> why it would be left out, as far as headers and lengths tell.
        problem: why there would be none, or None.
        notes: what was seen of its files though nothing is left out for it.
    """

    scene: str
    source: str | None = None
    views: int = 0
    hw: tuple[int, int] = (0, 0)
    triplets: int = 0
    num_bytes: int = 0
    problem: str | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def line(self) -> str:
        """For a person."""
        if self.problem:
            return f"{self.scene}: nothing, {self.problem}"
        size = f"{self.hw[1]} x {self.hw[0]}"
        left_out = f", {len(self.left_out)} left out" if self.left_out else ""
        triplets = f"{self.triplets} triplets of {size}, {decimal(self.num_bytes)}"
        return f"{self.scene}: {self.views} views, {triplets}{left_out} (read as {self.source})"


def dry_run(
    source: Source, size: SizeOptions, pairs: PairOptions, output: OutputOptions, *, keep_odd_views: bool = False
) -> Iterator[ScenePlan]:
    """Plans of all scenes, from listings and picture headers alone; files of equal length are compared.

    Raises:
        SourceError: the input cannot be used at all.
    """
    for scene_id in source.scene_ids():
        try:
            scene = source.scene(scene_id)
        except SceneError as error:
            yield ScenePlan(scene=scene_id, problem=str(error))
            continue
        left_out = dict(scene.left_out)
        image_hws = _usable_sizes(scene.views, left_out)
        if len(image_hws) < pairs.least_views:
            yield ScenePlan(
                scene=scene_id,
                source=scene.source,
                problem=(
                    f"a pair needs two pictures that can be read, found {len(image_hws)}"
                    if pairs.least_views > 1
                    else "none of its pictures can be read"
                ),
                left_out=left_out,
                notes=scene.notes,
            )
            continue
        odd = {} if keep_odd_views else odd_sizes(image_hws, size)
        pictures = {view.name: view.picture for view in scene.views if view.name in image_hws and view.name not in odd}
        odd |= {} if keep_odd_views else copies(pictures)
        image_hws = {name: hw for name, hw in image_hws.items() if name not in odd}
        hw = output_size(image_hws.values(), size)
        every_overlap = replace(pairs, overlap_histogram=())
        candidates = choose_pairs(scene_id, len(image_hws), every_overlap, overlap=lambda *_: pairs.pair_overlap[0])
        num_bytes = hw[0] * hw[1] * len(candidates) * bytes_per_pixel(output)
        yield ScenePlan(
            scene=scene_id,
            source=scene.source,
            views=len(image_hws),
            hw=hw,
            triplets=len(candidates),
            num_bytes=round(num_bytes),
            left_out=left_out | odd,
            notes=scene.notes,
        )


def _usable_sizes(views: Iterable[View], left_out: dict[str, str]) -> dict[str, tuple[int, int]]:
    """View name -> height and width of its picture; views that cannot be used by their headers go to `left_out`."""
    image_hws = {}
    for view in views:
        try:
            image_hw = view.picture.hw()
            check_sides(image_hw)
        except ViewError as error:
            left_out[view.name] = str(error)
        else:
            image_hws[view.name] = image_hw
    return image_hws


def bytes_per_pixel(output: OutputOptions) -> float:
    """Of all files of a triplet together, for one pixel of the output size."""
    picture = PNG_BYTES if output.output_format == "png" else JPEG_BYTES
    masks = MASK_BYTES * (output.coverage + output.confidence)
    return 3 * picture + masks + PLY_BYTES * output.save_ply


def free_bytes(folder: Path) -> int:
    """Free space where a folder is or would be made."""
    while not folder.exists():
        folder = folder.absolute().parent
    return shutil.disk_usage(folder).free
