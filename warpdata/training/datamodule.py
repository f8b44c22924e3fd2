"""Scenes on disk to batches of triplets in a Lightning `Trainer`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from typing_extensions import Unpack

from warpdata import __version__
from warpdata.cache import CacheEntry
from warpdata.cache.provider import UNUSABLE_SCENE, GeometryProvider
from warpdata.config import (
    FilterOptions,
    GeometryOptions,
    PairOptions,
    QualityOptions,
    RenderOptions,
    SizeOptions,
    SourceOptions,
)
from warpdata.display import Display
from warpdata.errors import SourceError, group_reasons, grouped_reasons
from warpdata.formats.marks import read_marks
from warpdata.plugins import OwnOptions
from warpdata.sources import Scene, Workplace, open_source
from warpdata.training.dataset import WarpDataset
from warpdata.training.lightning_base import DataModule
from warpdata.training.loader import WarpLoader
from warpdata.training.options import (
    LoaderOptions,
    OrderOptions,
    SingleOptions,
    SplitOptions,
    check_group,
    merge_groups,
    with_single_options,
)
from warpdata.training.ranks import Ranks
from warpdata.training.sampler import BatchOrder
from warpdata.training.scene_index import SceneIndex
from warpdata.triplets.drawn_cameras import CameraDraw
from warpdata.triplets.measured import MeasuredScores, only_kept
from warpdata.triplets.overlap import Overlaps
from warpdata.triplets.reproject import refuse_compat
from warpdata.triplets.scene_pairs import ScenePairs, open_pairs
from warpdata.triplets.stream import TripletStream

DECODE_THREADS = 2
"""That decode pairs which are rendered for their scores."""

logger = logging.getLogger(__name__)

Split = Literal["train", "val", "test", "predict"]


@with_single_options
class WarpDataModule(DataModule):
    """Triplets of all scenes of a folder, rendered as the model consumes them.

    The first pass makes the geometry that is missing from the cache, each rank a share of the scenes. Scenes, not
    samples, are split into train, validation and test, by a hash of their names. `predict` gives all of them.

    Each batch is a `Triplet` on the trainer's device. A checkpoint holds the place in the epoch: training resumes at
    the very next sample, in the middle of an epoch, on any number of processes and workers.

    Args:
        input_dir: folder with one sub-folder a scene, see `SourceOptions`.
        order: which pairs make the batches, and in which order.
        loader: how batches are decoded and rendered.
        split: which scenes are for validation and testing.
        seed: of the split, of the order of samples, and of the cameras of `pairs="reproject"`.
        source, size, geometry, filters, pairs, render, quality, own: as for `python -m warpdata.materialize`. With
            `quality.keep` pairs are chosen by their scores, for which `setup` renders each pair once. Pairs that
            `rejected.json` in `input_dir` rejects are left out, unless `quality.ignore_marks`.
        options: options of `order`, `loader` and `split` by their own names: `batch_size`, `num_workers`, ...

    Raises:
        TypeError: there is no such option, or a group is of another kind.
        ValueError: an option is out of its range, or given both by itself and in its group.
    """

    def __init__(
        self,
        input_dir: str | Path,
        *,
        order: OrderOptions | None = None,
        loader: LoaderOptions | None = None,
        split: SplitOptions | None = None,
        seed: int = 0,
        source: SourceOptions | None = None,
        size: SizeOptions | None = None,
        geometry: GeometryOptions | None = None,
        filters: FilterOptions | None = None,
        pairs: PairOptions | None = None,
        render: RenderOptions | None = None,
        quality: QualityOptions | None = None,
        own: OwnOptions | None = None,
        **options: Unpack[SingleOptions],
    ):
        super().__init__()
        groups = merge_groups({"order": order, "loader": loader, "split": split}, options)
        self.order: OrderOptions = groups["order"]
        self.loader: LoaderOptions = groups["loader"]
        self.split: SplitOptions = groups["split"]
        for name, part, kind in (
            ("source", source, SourceOptions),
            ("size", size, SizeOptions),
            ("geometry", geometry, GeometryOptions),
            ("filters", filters, FilterOptions),
            ("pairs", pairs, PairOptions),
            ("render", render, RenderOptions),
            ("quality", quality, QualityOptions),
            ("own", own, OwnOptions),
        ):
            check_group(name, part, kind)
        self.seed = seed
        self.source_options = replace(source or SourceOptions(), input_dir=Path(input_dir))
        self.size = size or SizeOptions()
        self.geometry = geometry or GeometryOptions()
        self.render = render or RenderOptions()
        self.filters = (filters or FilterOptions()).beside(self.render)
        self.pair_options = pairs or PairOptions()
        self.quality = quality or QualityOptions()
        self.own = own or OwnOptions()
        refuse_compat(self.pair_options, self.render)
        self._draw = CameraDraw(seed=seed, pairs=self.pair_options, render=self.render)
        self.left_out: dict[str, str] = {}
        self._scenes: dict[str, ScenePairs] | None = None
        self._part_of: dict[str, Split] = {}
        self._loaders: dict[Split, WarpLoader] = {}

    def setup(self, stage: str | None = None) -> None:
        """Make the geometry that is missing, this rank's share, wait for the other ranks, and list all pairs.

        A scene that cannot be used is left out and named in `left_out` and in the log.

        Raises:
            SourceError: there is no usable scene.
            OutputError: `rejected.json` in `input_dir` is damaged.
            CacheError: the ranks do not see the same geometry.
        """
        if self._scenes is not None:
            return
        self.left_out = {}
        ranks = Ranks(self.world_size)
        provider = GeometryProvider(
            self.geometry,
            self.size,
            self.filters,
            self.device,
            self.own,
            least_views=self.pair_options.least_views,
        )
        source = open_source(self.source_options, self.own, work=Workplace(cache_dir=provider.cache.root))
        scene_ids = source.scene_ids()
        index = SceneIndex(
            provider.cache,
            [asdict(part) for part in (self.source_options, self.size, self.geometry, self.filters, self.pair_options)]
            + [self.render.confidence_threshold, __version__, self.own.as_json()]
            + ([asdict(self.render), asdict(self.quality)] if self.quality.keep else []),
            size=self.size,
            filters=self.filters,
            pairs=self.pair_options,
            provenance_of=lambda scene_id: provider.provenance(source.scene(scene_id)),
            draw=self._draw,
        )
        rejected = frozenset() if self.quality.ignore_marks else read_marks(self.source_options.input_dir)
        scenes: dict[str, ScenePairs] = {}

        def open_scene(scene_id: str, geometry_of: Callable[[Scene], CacheEntry]) -> None:
            state = source.state(scene_id)
            try:
                pairs = index.find(scene_id, state)
                if pairs is None:
                    scene = source.scene(scene_id)
                    entry = geometry_of(scene)
                    for note in (*scene.notes, *entry.report.get("warnings", ())):
                        logger.warning("scene %s: %s", scene_id, note)
                    pairs = self._open_pairs(scene, entry, provider)
                    index.add(scene, state, pairs)
                scenes[scene_id] = pairs.without(rejected)
                if (count := len(pairs.pairs) - len(scenes[scene_id].pairs)) and self.rank == 0:
                    logger.info("scene %s: %d of %d pairs are rejected by hand", scene_id, count, len(pairs.pairs))
            except UNUSABLE_SCENE as error:
                logger.info("scene %s is left out: %s", scene_id, error)
                self.left_out[scene_id] = str(error)

        share = scene_ids[self.rank :: self.world_size]
        with Display(quiet=self.rank != 0) as display:
            display.start(len(share))
            for scene_id in share:
                open_scene(scene_id, lambda scene: provider(scene, progress=display.stage).entry)
                display.scene_done()
        ranks.wait()
        for scene_id in scene_ids:
            if scene_id not in scenes and scene_id not in self.left_out:
                open_scene(scene_id, provider.known)
        for group in group_reasons(self.left_out):
            number = len(group.names)
            subject = f"scene {group.listed} is" if number == 1 else f"{number} scenes ({group.listed}) are"
            logger.warning("%s left out: %s", subject, group.reason)
        if not scenes:
            raise SourceError(
                f"none of the {len(scene_ids)} scenes in {self.source_options.input_dir} can be used: "
                f"{grouped_reasons(self.left_out)}"
            )
        ranks.check_equal(
            [(scene_id, len(scenes[scene_id].pairs)) for scene_id in scene_ids if scene_id in scenes],
            f"scenes and pairs; {provider.cache.root} must be on a disk that all nodes share",
        )
        if self.rank == 0:
            index.save()
        self._part_of = split_scenes(scene_ids, **asdict(self.split), seed=self.seed)
        self._scenes = {scene_id: scenes[scene_id] for scene_id in sorted(scenes)}

    def _open_pairs(self, scene: Scene, entry: CacheEntry, provider: GeometryProvider) -> ScenePairs:
        overlaps = Overlaps(entry, provider.cache.overlap_folder, self.render.confidence_threshold, scene.points)
        pairs = open_pairs(
            scene,
            entry,
            size=self.size,
            filters=self.filters,
            pairs=self.pair_options,
            overlap=overlaps,
            keep_odd_views=self.source_options.keep_odd_views,
            draw=self._draw,
        )
        for name, reason in pairs.left_out.items():
            logger.warning("%s/%s is left out: %s", scene.id, name, reason)
        overlaps.save()
        return self._only_kept(scene.id, pairs, provider) if self.quality.keep else pairs

    def _only_kept(self, scene_id: str, pairs: ScenePairs, provider: GeometryProvider) -> ScenePairs:
        measured = MeasuredScores(pairs, provider.cache.overlap_folder, self.render, self.quality)
        open_stream = partial(
            TripletStream,
            self.render,
            self.device,
            batch=self.order.batch_size if self.device.type == "cuda" else 1,
            decode_threads=DECODE_THREADS,
            backend=self.loader.backend,
            with_points=False,
            match_exposure=self.quality.match_exposure,
        )
        kept, dropped = only_kept(pairs, self.quality, measured, open_stream)
        if dropped:
            reasons = grouped_reasons(dropped)
            logger.info("scene %s: %d of %d pairs are not kept: %s", scene_id, len(dropped), len(pairs.pairs), reasons)
        return kept

    def scenes_of(self, split: Split) -> list[ScenePairs]:
        """The scenes of a split, sorted by name.

        Raises:
            RuntimeError: `setup` has not been called.
        """
        if self._scenes is None:
            raise RuntimeError(
                "this data module does not know its scenes yet: call its setup() first, which a trainer does by itself"
            )
        return [scene for name, scene in self._scenes.items() if split in ("predict", self._part_of[name])]

    def train_dataloader(self) -> WarpLoader:
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> WarpLoader | list:
        if not self.scenes_of("val") and self.trainer is not None and self.trainer.validating:  # not while it fits
            logger.warning("there is nothing to validate with: no scene is in the val split; see `val_fraction`")
        return self._loader("val") if self.scenes_of("val") else []

    def test_dataloader(self) -> WarpLoader | list:
        if not self.scenes_of("test"):
            logger.warning("there is nothing to test with: no scene is in the test split; see `test_fraction`")
        return self._loader("test") if self.scenes_of("test") else []

    def predict_dataloader(self) -> WarpLoader:
        return self._loader("predict")

    def teardown(self, stage: str | None = None) -> None:
        """Stop decoding processes; the list of pairs stays for the next stage."""
        for loader in self._loaders.values():
            loader.close()
        self._loaders = {}

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: everything but loaders, whose decoding processes belong to this one."""
        return {**self.__dict__, "_loaders": {}}

    def __str__(self) -> str:
        if self._scenes is None:
            return f"WarpDataModule of {self.source_options.input_dir}, not set up"
        counts = {split: self.scenes_of(split) for split in ("train", "val", "test")}
        listed = ", ".join(
            f"{split} {sum(len(scene.pairs) for scene in scenes)} pairs of {len(scenes)} scenes"
            for split, scenes in counts.items()
            if scenes
        )
        return f"WarpDataModule of {self.source_options.input_dir}: {listed}"

    def _loader(self, split: Split, *, shuffle: bool = False) -> WarpLoader:
        dataset = WarpDataset(self.scenes_of(split), decoded_frames=self.loader.decoded_frames)
        if not len(dataset):
            raise SourceError(
                f"the {split} split has no pair: it has {len(dataset.scenes)} of the {len(self._scenes)} usable scenes "
                f"in {self.source_options.input_dir}, and `pairs` {self.pair_options.pairs!r} gives none in them"
                + (f" of which `keep` {self.quality.keep!r} holds" if self.quality.keep else "")
            )
        training = split == "train"
        order = BatchOrder(
            dataset.table(draw_references=training and self.order.draw_references),
            batch_size=self.order.batch_size,
            seed=self.seed,
            shuffle=shuffle and not self.overfits,
            shuffle_window=self.order.shuffle_window,
            drop_last=training and self.order.drop_last,
            same_every_epoch=self.overfits or not training,
            rank=self.rank,
            world_size=self.world_size,
        )
        loader = WarpLoader(
            dataset,
            order,
            render=self.render,
            match_exposure=self.quality.match_exposure,
            device=self.device,
            render_in=self.loader.render_in,
            num_workers=self.loader.num_workers,
            ahead=self.loader.ahead,
            as_float=self.loader.as_float,
            backend=self.loader.backend,
            sealed=self.casts_inputs,
            realign=self._realign if training else None,
        )
        if split in self._loaders:
            self._loaders[split].close()  # the trainer reloads: the decoding processes of before are not needed
        self._loaders[split] = loader
        return loader

    def _realign(self, steps: int) -> None:
        """Make the trainer count the resumed part of the epoch in steps of the present number of processes."""
        progress = self.trainer.fit_loop.epoch_loop.batch_progress.current
        for field in ("ready", "started", "processed", "completed"):
            setattr(progress, field, getattr(progress, field) + steps)


def split_scenes(names: Sequence[str], val_fraction: float, test_fraction: float, seed: int) -> dict[str, Split]:
    """Scene -> `train`, `val` or `test`; each part has its share of the scenes, rounded, and at least one trains.

    Decided by the order of a hash of (seed, name), so that it does not depend on where the scenes lie or on how they
    are listed.
    """
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    num_val = min(round(val_fraction * len(names)), len(names) - 1)
    num_test = min(round(test_fraction * len(names)), len(names) - 1 - num_val)
    parts: list[Split] = ["val"] * num_val + ["test"] * num_test
    parts += ["train"] * (len(names) - len(parts))
    return dict(zip(ranked, parts, strict=True))
