"""The pairs of one scene whose geometry is known: their names, their one size, and their inputs on request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from warpdata.cache import CacheEntry
from warpdata.config import FilterOptions, PairOptions, SizeOptions
from warpdata.sources.fit import output_size
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
        paths: image file of every frame of the entry.
        output_hw: the one size of all pictures.
        pairs: in the order of (target, reference).
        sizes: of each pair, what pairs of one batch must have in common.
    """

    entry: CacheEntry
    paths: tuple[Path, ...]
    output_hw: tuple[int, int]
    pairs: tuple[Pair, ...]
    sizes: tuple[Sizes, ...]
    size: SizeOptions
    filters: FilterOptions
    pair_options: PairOptions

    def sample_id(self, pair: Pair) -> str:
        """`<scene>/<name>`, unique in the data set."""
        names = self.entry.names
        return f"{pair.scene_id}/{sample_name(names[pair.reference], names[pair.target], self.pair_options)}"

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
            partial(frames.load, self.paths[pair.reference]),
            partial(frames.load, self.paths[pair.target]),
            output_hw=self.output_hw,
            size=self.size,
            filters=self.filters,
        )


def open_pairs(
    scene: Scene,
    entry: CacheEntry,
    *,
    size: SizeOptions,
    filters: FilterOptions,
    pairs: PairOptions,
    overlap: Overlap | None = None,
) -> ScenePairs:
    """Choose a scene's pairs and their size; reads the geometry's header, no picture.

    Raises:
        ValueError: the strategy is `overlap` and no measure is given.
    """
    path_of = {view.name: view.path for view in scene.views}
    output_hw = output_size(entry.image_hws, size)
    chosen = choose_pairs(scene.id, len(entry.names), pairs, overlap)
    return ScenePairs(
        entry=entry,
        paths=tuple(path_of[name] for name in entry.names),
        output_hw=output_hw,
        pairs=tuple(chosen),
        sizes=tuple(pair_sizes(entry, pair, output_hw, size, filters) for pair in chosen),
        size=size,
        filters=filters,
        pair_options=pairs,
    )


def pair_sizes(
    entry: CacheEntry, pair: Pair, output_hw: tuple[int, int], size: SizeOptions, filters: FilterOptions
) -> Sizes:
    """The sizes of a pair's inputs, from headers alone."""
    reference, target = entry.camera(pair.reference), entry.camera(pair.target)
    depth_hw = reference.camera.hw
    box = reference.content_box
    return plan_fits(depth_hw, box, reference.image_hw, target.image_hw, output_hw, size, filters).sizes(depth_hw)
