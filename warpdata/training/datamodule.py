"""Scenes on disk to batches of triplets in a Lightning `Trainer`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import torch
from lightning import LightningDataModule
from lightning.pytorch.plugins import Precision

from warpdata import __version__
from warpdata.cache import CacheEntry
from warpdata.cache.provider import UNUSABLE_SCENE, GeometryProvider
from warpdata.config import (
    FilterOptions,
    GeometryOptions,
    PairOptions,
    RenderOptions,
    SizeOptions,
    SourceOptions,
)
from warpdata.display import Display
from warpdata.errors import SourceError
from warpdata.sources import Scene, open_source
from warpdata.training.dataset import WarpDataset
from warpdata.training.loader import RenderIn, Sealed, WarpLoader
from warpdata.training.ranks import Ranks
from warpdata.training.sampler import BatchOrder
from warpdata.training.scene_index import SceneIndex
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.overlap import Overlaps
from warpdata.triplets.scene_pairs import ScenePairs, open_pairs
from warpdata.triplets.triplet import Triplet

logger = logging.getLogger(__name__)

Split = Literal["train", "val", "test", "predict"]


class WarpDataModule(LightningDataModule):
    """Triplets of all scenes of a folder, rendered as the model consumes them.

    The first pass makes the geometry that is missing from the cache, each rank a share of the scenes. Scenes, not
    samples, are split into train, validation and test, by a hash of their names. `predict` gives all of them.

    Each batch is a `Triplet` on the trainer's device. A checkpoint holds the place in the epoch: training resumes at
    the very next sample, in the middle of an epoch, on any number of processes and workers.

    Args:
        input_dir: folder with one sub-folder a scene, see `SourceOptions`.
        batch_size: triplets a process takes each step.
        num_workers: processes that decode.
        render_in: `worker` renders in a thread ahead of the step, `collate` when the step asks for its batch, `none`
            gives `PairInputs` for `render_batch` in a hook of your own, such as `on_after_batch_transfer`.
        ahead: batches rendered ahead.
        as_float: pictures as float32 in [0, 1] instead of uint8.
        val_fraction: share of the scenes for validation, rounded.
        test_fraction: share of the scenes for testing, rounded.
        draw_references: each epoch, draw one reference for every target afresh, in place of using all pairs.
        drop_last: leave out batches that are not full.
        shuffle_window: read neighbouring samples from so many scenes at a time, for slow disks (0: from all).
        decoded_frames: decoded pictures that each decoding process keeps.
        seed: of the split and of the order of samples.
        source, size, geometry, filters, pairs, render: as for `python -m warpdata.materialize`.
        backend: of the renderer.
    """

    def __init__(
        self,
        input_dir: str | Path,
        *,
        batch_size: int = 1,
        num_workers: int = 2,
        render_in: RenderIn = "worker",
        ahead: int = 2,
        as_float: bool = True,
        val_fraction: float = 0.0,
        test_fraction: float = 0.0,
        draw_references: bool = False,
        drop_last: bool = False,
        shuffle_window: int = 0,
        decoded_frames: int = 0,
        seed: int = 0,
        source: SourceOptions | None = None,
        size: SizeOptions | None = None,
        geometry: GeometryOptions | None = None,
        filters: FilterOptions | None = None,
        pairs: PairOptions | None = None,
        render: RenderOptions | None = None,
        backend: str = "auto",
    ):
        super().__init__()
        if val_fraction < 0 or test_fraction < 0 or val_fraction + test_fraction >= 1:
            raise ValueError(
                f"val_fraction {val_fraction} and test_fraction {test_fraction} must leave scenes to train on"
            )
        self.source_options = replace(source or SourceOptions(), input_dir=Path(input_dir))
        self.size = size or SizeOptions()
        self.geometry = geometry or GeometryOptions()
        self.filters = filters or FilterOptions()
        self.pair_options = pairs or PairOptions()
        self.render = render or RenderOptions()
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.render_in = render_in
        self.ahead = ahead
        self.as_float = as_float
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.draw_references = draw_references
        self.drop_last = drop_last
        self.shuffle_window = shuffle_window
        self.decoded_frames = decoded_frames
        self.seed = seed
        self.backend = backend
        self.left_out: dict[str, str] = {}
        self._scenes: dict[str, ScenePairs] | None = None
        self._part_of: dict[str, Split] = {}
        self._loaders: dict[Split, WarpLoader] = {}

    def setup(self, stage: str | None = None) -> None:
        """Make the geometry that is missing, this rank's share, wait for the other ranks, and list all pairs.

        A scene that cannot be used is left out and named in `left_out` and in the log.

        Raises:
            SourceError: there is no usable scene.
            CacheError: the ranks do not see the same geometry.
        """
        if self._scenes is not None:
            return
        ranks = Ranks(self._world_size)
        source = open_source(self.source_options)
        scene_ids = source.scene_ids()
        provider = GeometryProvider(self.geometry, self.size, self.filters, self._device)
        index = SceneIndex(
            provider.cache,
            [asdict(part) for part in (self.source_options, self.size, self.geometry, self.filters, self.pair_options)]
            + [self.render.confidence_threshold, __version__],
            size=self.size,
            filters=self.filters,
            pairs=self.pair_options,
            provenance_of=lambda scene_id: provider.provenance(source.scene(scene_id)),
        )
        scenes: dict[str, ScenePairs] = {}

        def open_scene(scene_id: str, geometry_of: Callable[[Scene], CacheEntry]) -> None:
            state = source.state(scene_id)
            try:
                pairs = index.find(scene_id, state)
                if pairs is None:
                    scene = source.scene(scene_id)
                    pairs = self._open_pairs(scene, geometry_of(scene), provider)
                    index.add(scene, state, pairs)
                scenes[scene_id] = pairs
            except UNUSABLE_SCENE as error:
                logger.warning("scene %s is left out: %s", scene_id, error)
                self.left_out[scene_id] = str(error)

        share = scene_ids[self._rank :: self._world_size]
        with Display(quiet=self._rank != 0) as display:
            display.start(len(share))
            for scene_id in share:
                open_scene(scene_id, lambda scene: provider(scene, progress=display.stage).entry)
                display.scene_done()
        ranks.wait()
        for scene_id in scene_ids:
            if scene_id not in scenes and scene_id not in self.left_out:
                open_scene(scene_id, provider.known)
        if not scenes:
            reasons = "; ".join(f"{scene_id}: {reason}" for scene_id, reason in self.left_out.items())
            raise SourceError(
                f"none of the {len(scene_ids)} scenes in {self.source_options.input_dir} can be used: {reasons}"
            )
        ranks.check_equal(
            [(scene_id, len(scenes[scene_id].pairs)) for scene_id in scene_ids if scene_id in scenes],
            f"scenes and pairs; {provider.cache.root} must be on a disk that all nodes share",
        )
        if self._rank == 0:
            index.save()
        self._part_of = split_scenes(scene_ids, self.val_fraction, self.test_fraction, self.seed)
        self._scenes = {scene_id: scenes[scene_id] for scene_id in sorted(scenes)}

    def _open_pairs(self, scene: Scene, entry: CacheEntry, provider: GeometryProvider) -> ScenePairs:
        overlaps = Overlaps(entry, provider.cache.overlap_folder, self.render.confidence_threshold)
        pairs = open_pairs(
            scene,
            entry,
            size=self.size,
            filters=self.filters,
            pairs=self.pair_options,
            overlap=overlaps,
            keep_odd_views=self.source_options.keep_odd_views,
        )
        for name, reason in pairs.left_out.items():
            logger.warning("%s/%s is left out: %s", scene.id, name, reason)
        overlaps.save()
        return pairs

    def scenes_of(self, split: Split) -> list[ScenePairs]:
        """The scenes of a split, sorted by name."""
        scenes = self._scenes or {}
        return [scene for name, scene in scenes.items() if split in ("predict", self._part_of[name])]

    def train_dataloader(self) -> WarpLoader:
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> WarpLoader | list:
        return self._loader("val") if self.scenes_of("val") else []

    def test_dataloader(self) -> WarpLoader | list:
        return self._loader("test") if self.scenes_of("test") else []

    def predict_dataloader(self) -> WarpLoader:
        return self._loader("predict")

    def transfer_batch_to_device(
        self, batch: Triplet | PairInputs | Sealed, device: torch.device, dataloader_idx: int
    ) -> Triplet | PairInputs:
        """Nothing to do for triplets, which are rendered on the device; inputs are copied there.

        Where the trainer's precision casts its inputs, the pictures of triplets are cast, nothing else.
        """
        if isinstance(batch, Sealed):
            batch = batch.batch
            if isinstance(batch, Triplet):
                batch = batch.map_pictures(self.trainer.precision_plugin.convert_input)
        return batch.to(device)

    def teardown(self, stage: str | None = None) -> None:
        """Stop decoding processes; the list of pairs stays for the next stage."""
        for loader in self._loaders.values():
            loader.close()
        self._loaders = {}

    def _loader(self, split: Split, *, shuffle: bool = False) -> WarpLoader:
        dataset = WarpDataset(self.scenes_of(split), decoded_frames=self.decoded_frames)
        if not len(dataset):
            raise SourceError(
                f"the {split} split has no pair: {len(dataset.scenes)} of {len(self._scenes or ())} scenes"
            )
        training = split == "train"
        order = BatchOrder(
            dataset.table(draw_references=training and self.draw_references),
            batch_size=self.batch_size,
            seed=self.seed,
            shuffle=shuffle,
            shuffle_window=self.shuffle_window,
            drop_last=training and self.drop_last,
            rank=self._rank,
            world_size=self._world_size,
        )
        loader = WarpLoader(
            dataset,
            order,
            render=self.render,
            device=self._device,
            render_in=self.render_in,
            num_workers=self.num_workers,
            ahead=self.ahead,
            as_float=self.as_float,
            backend=self.backend,
            sealed=self._casts_inputs,
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

    @property
    def _rank(self) -> int:
        return 0 if self.trainer is None else self.trainer.global_rank

    @property
    def _world_size(self) -> int:
        return 1 if self.trainer is None else self.trainer.world_size

    @property
    def _casts_inputs(self) -> bool:
        """Whether the trainer's precision plugin would change batches."""
        plugin = None if self.trainer is None else self.trainer.precision_plugin
        return plugin is not None and type(plugin).convert_input is not Precision.convert_input

    @property
    def _device(self) -> torch.device:
        if self.trainer is not None:
            return self.trainer.strategy.root_device
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


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
