"""The pairs of one scene whose geometry is known: their names, their one size, and their inputs on request."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from warpdata.cache import CacheEntry
from warpdata.config import FilterOptions, PairOptions, SizeOptions
from warpdata.files.digests import file_sha256
from warpdata.geometry.estimators import edge_threshold
from warpdata.sources.fit import output_size
from warpdata.sources.odd_views import copies, odd_sizes
from warpdata.sources.picture import Picture
from warpdata.sources.scene import Scene
from warpdata.triplets.frames import FrameCache
from warpdata.triplets.inputs import PairInputs, Sizes, plan_fits, prepare_pair
from warpdata.triplets.pairs import Overlap, choose_pairs, sample_name
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

    def sample_id(self, pair: Pair) -> str:
        """`<scene>/<name>`, unique in the data set."""
        names = self.entry.names
        return f"{pair.scene_id}/{sample_name(names[pair.reference], names[pair.target], self.pair_options)}"

    @property
    def effective_filters(self) -> FilterOptions:
        """The filters, with the edge threshold that suits the scene's estimator in place of auto."""
        threshold = edge_threshold(self.filters, self.entry.provenance.estimator)
        return replace(self.filters, edge_threshold="off" if threshold is None else threshold)

    def inputs(self, pair: Pair, frames: FrameCache) -> PairInputs:
        """Decode and size one pair.

        Raises:
            ViewError: a picture cannot be decoded any more.
            CacheError: the geometry cannot be read any more.
        """
        return prepare_pair(
            self.sample_id(pair),
            self.entry.frame(pair.reference),
            self.entry.camera(pair.target),
            partial(frames.load, self.pictures[pair.reference]),
            partial(frames.load, self.pictures[pair.target]),
            output_hw=self.output_hw,
            size=self.size,
            filters=self.effective_filters,
        )


def open_pairs(
    scene: Scene,
    entry: CacheEntry,
    *,
    size: SizeOptions,
    filters: FilterOptions,
    pairs: PairOptions,
    overlap: Overlap | None = None,
    keep_odd_views: bool = False,
) -> ScenePairs:
    """Choose a scene's pairs and their size; reads the geometry's header and decodes no picture.

    Args:
        overlap: measures shares for the strategy `overlap`.
        keep_odd_views: also pair views that are far smaller or of another shape than the others, and copies.

    Raises:
        ValueError: the strategy is `overlap` and no measure is given.
    """
    picture_of = {view.name: view.picture for view in scene.views}
    pictures = tuple(picture_of[name] for name in entry.names)
    left_out = {} if keep_odd_views else _odd_frames(scene, entry, pictures, size)
    used = [index for index, name in enumerate(entry.names) if name not in left_out]
    output_hw = output_size([entry.image_hws[index] for index in used], size)
    chosen = _pairs_among(used, scene.id, pairs, overlap)
    return ScenePairs(
        entry=entry,
        pictures=pictures,
        output_hw=output_hw,
        pairs=tuple(chosen),
        sizes=tuple(pair_sizes(entry, pair, output_hw, size, filters) for pair in chosen),
        size=size,
        filters=filters,
        pair_options=pairs,
        left_out=left_out,
    )


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


def _pairs_among(used: list[int], scene_id: str, options: PairOptions, overlap: Overlap | None) -> list[Pair]:
    """Pairs of the frames used, as if there were no others."""
    measure = None if overlap is None else lambda reference, target: overlap(used[reference], used[target])
    return [
        replace(pair, reference=used[pair.reference], target=used[pair.target])
        for pair in choose_pairs(scene_id, len(used), options, measure)
    ]


def pair_sizes(
    entry: CacheEntry, pair: Pair, output_hw: tuple[int, int], size: SizeOptions, filters: FilterOptions
) -> Sizes:
    """The sizes of a pair's inputs, from headers alone."""
    reference, target = entry.camera(pair.reference), entry.camera(pair.target)
    depth_hw = reference.camera.hw
    box = reference.content_box
    return plan_fits(depth_hw, box, reference.image_hw, target.image_hw, output_hw, size, filters).sizes(depth_hw)
