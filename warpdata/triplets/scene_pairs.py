"""The pairs of one scene whose geometry is known: their names, their one size, and their inputs on request."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from warpdata.cache import CacheEntry
from warpdata.config import FilterOptions, PairOptions, SizeOptions
from warpdata.files.digests import file_sha256
from warpdata.geometry.estimators import edge_threshold
from warpdata.geometry.given import read_frame
from warpdata.geometry.types import FrameCamera, FrameGeometry
from warpdata.sources.fit import output_size
from warpdata.sources.megadepth.domains import DOMAINS
from warpdata.sources.odd_views import copies, odd_sizes
from warpdata.sources.picture import Picture
from warpdata.sources.scene import Redraw, Scene, View
from warpdata.triplets.drawn_cameras import CameraDraw
from warpdata.triplets.frames import FrameCache
from warpdata.triplets.inputs import PairInputs, Sizes, plan_fits, prepare_pair
from warpdata.triplets.nearest_view import nearest_view
from warpdata.triplets.pairs import Overlap, choose_pairs, sample_name
from warpdata.triplets.reprojected_inputs import prepare_reprojected
from warpdata.triplets.triplet import Pair


@dataclass(frozen=True, kw_only=True)
class ScenePairs:
    """Pairs of one scene. Cheap to pickle: geometry and pictures stay on disk.

    Attributes:
        entry: the scene's geometry.
        pictures: of every frame of the entry.
        output_hw: the one size of all pictures.
        pairs: in the order of (target, reference).
        sizes: of each pair, what pairs of one batch must have in common.
        left_out: frames of the entry that no pair is made of -> why, see `sources.odd_views`.
        draw: what drawn cameras depend on, with `--pairs reproject` and where views are redrawn.
        redraws: of every frame whose view is another one in every epoch; None of the others.
    """

    entry: CacheEntry
    pictures: tuple[Picture, ...]
    output_hw: tuple[int, int]
    pairs: tuple[Pair, ...]
    sizes: tuple[Sizes, ...]
    size: SizeOptions
    filters: FilterOptions
    pair_options: PairOptions
    left_out: dict[str, str] = field(default_factory=dict)
    draw: CameraDraw | None = None
    redraws: tuple[Redraw | None, ...] = ()

    def sample_id(self, pair: Pair) -> str:
        """`<scene>/<name>`, unique in the data set."""
        names = self.entry.names
        reference = "" if pair.reference is None else names[pair.reference]
        return f"{pair.scene_id}/{sample_name(reference, names[pair.target], self.pair_options, pair.draw)}"

    def without(self, sample_ids: Collection[str]) -> ScenePairs:
        """The same without the pairs of these ids; opens nothing where none of them is of this scene."""
        scene = f"{self.pairs[0].scene_id}/" if self.pairs else ""
        if not any(one.startswith(scene) for one in sample_ids):
            return self
        kept = [number for number, pair in enumerate(self.pairs) if self.sample_id(pair) not in sample_ids]
        if len(kept) == len(self.pairs):
            return self
        return replace(
            self,
            pairs=tuple(self.pairs[number] for number in kept),
            sizes=tuple(self.sizes[number] for number in kept),
        )

    @property
    def effective_filters(self) -> FilterOptions:
        """The filters, with the edge threshold that suits the scene's estimator in place of auto."""
        threshold = edge_threshold(self.filters, self.entry.provenance.estimator)
        return replace(self.filters, edge_threshold="off" if threshold is None else threshold)

    def inputs(self, pair: Pair, frames: FrameCache, epoch: int = 0) -> PairInputs:
        """Decode and size one pair.

        Args:
            frames: decodes pictures.
            epoch: for which a camera is drawn, with `--pairs reproject`, and views are redrawn.

        Raises:
            ViewError: a picture cannot be decoded any more.
            CacheError: the geometry cannot be read any more.
        """
        if self.pair_options.pairs == "reproject":
            return self._reprojected(pair, frames, epoch)
        reference, reference_picture = self._frame(pair.reference, epoch)
        target, target_picture = self._camera(pair.target, epoch)
        return prepare_pair(
            self.sample_id(pair),
            reference,
            target,
            partial(frames.load, reference_picture),
            partial(frames.load, target_picture),
            output_hw=self.output_hw,
            size=self.size,
            filters=self.effective_filters,
        )

    def _reprojected(self, pair: Pair, frames: FrameCache, epoch: int) -> PairInputs:
        if self.draw is None:
            raise ValueError('pairs of the strategy "reproject" need a seed and the options of the warp: `draw`')
        frame, picture = self._frame(pair.target, epoch)
        reference = None if pair.reference is None else self._camera(pair.reference, epoch)
        return prepare_reprojected(
            self.sample_id(pair),
            frame,
            partial(frames.load, picture),
            None if reference is None else reference[0],
            None if reference is None else partial(frames.load, reference[1]),
            draw=self.draw,
            scene_id=pair.scene_id,
            index=pair.target * self.pair_options.drawn_cameras + pair.draw,
            epoch=epoch,
            output_hw=self.output_hw,
            size=self.size,
            filters=self.effective_filters,
        )

    def _frame(self, number: int, epoch: int) -> tuple[FrameGeometry, Picture]:
        """Geometry and picture of a frame as an epoch sees it."""
        view = self._redrawn(number, epoch)
        if view is None:
            return self.entry.frame(number), self.pictures[number]
        return read_frame(view), view.picture

    def _camera(self, number: int, epoch: int) -> tuple[FrameCamera, Picture]:
        """The same without depth."""
        if self._redrawn(number, epoch) is None:
            return self.entry.camera(number), self.pictures[number]
        return self._frame(number, epoch)

    def _redrawn(self, number: int, epoch: int) -> View | None:
        """The view that an epoch has in the place of a frame's own; None where that stays."""
        redraw = self.redraws[number] if self.redraws else None
        if epoch == 0 or redraw is None:
            return None
        if self.draw is None:
            raise ValueError("views that are redrawn every epoch need a seed: `draw`")
        return redraw(seed=self.draw.seed, epoch=epoch)


def open_pairs(
    scene: Scene,
    entry: CacheEntry,
    *,
    size: SizeOptions,
    filters: FilterOptions,
    pairs: PairOptions,
    overlap: Overlap | None = None,
    keep_odd_views: bool = False,
    draw: CameraDraw | None = None,
) -> ScenePairs:
    """Choose a scene's pairs and their size; reads the geometry's header and decodes no picture.

    Args:
        overlap: measures shares for the strategy `overlap`.
        keep_odd_views: also pair views that are far smaller or of another shape than the others, and copies.
        draw: what drawn cameras depend on, for the strategy `reproject` and for views that are redrawn every epoch.

    Raises:
        ValueError: the strategy is `overlap` and no measure is given.
    """
    picture_of = {view.name: view.picture for view in scene.views}
    pictures = tuple(picture_of[name] for name in entry.names)
    left_out = {} if keep_odd_views else _odd_frames(scene, entry, pictures, size)
    used = [index for index, name in enumerate(entry.names) if name not in left_out]
    output_hw = output_size([entry.image_hws[index] for index in used], size)
    chosen = _pairs_among(used, scene, pairs, overlap, entry)
    return ScenePairs(
        entry=entry,
        pictures=pictures,
        output_hw=output_hw,
        pairs=tuple(chosen),
        sizes=tuple(pair_sizes(entry, pair, output_hw, size, filters, pairs) for pair in chosen),
        size=size,
        filters=filters,
        pair_options=pairs,
        left_out=left_out,
        draw=draw,
        redraws=_redraws(scene, entry),
    )


def _redraws(scene: Scene, entry: CacheEntry) -> tuple[Redraw | None, ...]:
    """Of every frame, where the geometry is that which the views ship, in other epochs too; else of none."""
    redraw_of = {view.name: view.redraw for view in scene.views}
    if entry.provenance.estimator != "given" or not any(redraw_of.values()):
        return ()
    return tuple(redraw_of[name] for name in entry.names)


def _odd_frames(scene: Scene, entry: CacheEntry, pictures: tuple[Picture, ...], size: SizeOptions) -> dict[str, str]:
    header = entry.header
    known = header.inputs if scene.root is not None and header.source_root == str(scene.root) else {}

    def sha256_of(path: Path) -> str | None:
        """The digest that the geometry was made with, where it was made from these very files."""
        inside = path.relative_to(scene.root).as_posix() if known else None
        return known[inside] if inside in known else file_sha256(path)

    odd = odd_sizes(dict(zip(entry.names, entry.image_hws, strict=True)), size)
    others = {name: picture for name, picture in zip(entry.names, pictures, strict=True) if name not in odd}
    return odd | copies(others, sha256_of)


def _pairs_among(
    used: list[int], scene: Scene, options: PairOptions, overlap: Overlap | None, entry: CacheEntry
) -> list[Pair]:
    """Pairs of the frames used, as if there were no others."""
    measure = None if overlap is None else lambda reference, target: overlap(used[reference], used[target])
    cameras = [entry.camera(index).camera for index in used] if options.pairs == "reproject" else []
    tags = {view.name: view.tags for view in scene.views}
    domains = [next((tag for tag in tags[entry.names[index]] if tag in DOMAINS), None) for index in used]
    return [
        replace(pair, reference=None if pair.reference is None else used[pair.reference], target=used[pair.target])
        for pair in choose_pairs(scene.id, len(used), options, measure, partial(nearest_view, cameras), domains)
    ]


def pair_sizes(
    entry: CacheEntry,
    pair: Pair,
    output_hw: tuple[int, int],
    size: SizeOptions,
    filters: FilterOptions,
    pairs: PairOptions,
) -> Sizes:
    """The sizes of a pair's inputs, from headers alone."""
    target = entry.camera(pair.target)
    points = target if pairs.pairs == "reproject" else entry.camera(pair.reference)
    depth_hw = points.camera.hw
    plan = plan_fits(depth_hw, points.content_box, points.image_hw, target.image_hw, output_hw, size, filters)
    return plan.sizes(depth_hw)
