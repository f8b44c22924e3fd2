"""Scenes on disk to batches of triplets in a Lightning `Trainer`."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from lightning import LightningDataModule

from warpdata.config import (
    FilterOptions,
    GeometryOptions,
    PairOptions,
    RenderOptions,
    SizeOptions,
    SourceOptions,
)
from warpdata.data.dataset import WarpDataset
from warpdata.data.inputs import PairInputs
from warpdata.data.loader import RenderIn, WarpLoader
from warpdata.data.sampler import BatchOrder
from warpdata.data.scene_geometry import UNUSABLE_SCENE, GeometryProvider
from warpdata.data.scene_pairs import ScenePairs, open_pairs
from warpdata.data.triplet import Triplet
from warpdata.display import Display
from warpdata.errors import SourceError
from warpdata.sources import open_source

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
        self._loaders: list[WarpLoader] = []

    def setup(self, stage: str | None = None) -> None:
        """Make the geometry that is missing, this rank's share, wait for the other ranks, and list all pairs.

        A scene that cannot be used is left out and named in `left_out` and in the log.

        Raises:
            SourceError: there is no usable scene.
        """
        if self._scenes is not None:
            return
        source = open_source(self.source_options)
        scene_ids = source.scene_ids()
        provider = GeometryProvider(self.geometry, self.size, self.filters, self._device)
        with Display(quiet=self._rank != 0) as display:
            display.start(len(scene_ids[self._rank :: self._world_size]))
            for scene_id in scene_ids[self._rank :: self._world_size]:
                try:
                    provider(source.scene(scene_id), progress=display.stage)
                except UNUSABLE_SCENE as error:
                    logger.warning("scene %s has no geometry: %s", scene_id, error)
                display.scene_done(f"{scene_id}: geometry is ready")
        if self.trainer is not None:
            self.trainer.strategy.barrier("warpdata: geometry is made")
        self._scenes = {}
        for scene_id in scene_ids:
            try:
                scene = source.scene(scene_id)
                entry = provider.known(scene)
                self._scenes[scene_id] = open_pairs(
                    scene,
                    entry,
                    size=self.size,
                    filters=self.filters,
                    pairs=self.pair_options,
                    overlap=provider.overlaps(entry, self.render.confidence_threshold),
                )
            except UNUSABLE_SCENE as error:
                self.left_out[scene_id] = str(error)
        if not self._scenes:
            reasons = "; ".join(f"{scene_id}: {reason}" for scene_id, reason in self.left_out.items())
            raise SourceError(
                f"none of the {len(scene_ids)} scenes in {self.source_options.input_dir} can be used: {reasons}"
            )

    def scenes_of(self, split: Split) -> list[ScenePairs]:
        """The scenes of a split, sorted by name."""
        names = sorted(self._scenes or {})
        if split == "predict":
            return [self._scenes[name] for name in names]
        part_of = split_scenes(names, self.val_fraction, self.test_fraction, self.seed)
        return [self._scenes[name] for name in names if part_of[name] == split]

    def train_dataloader(self) -> WarpLoader:
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> WarpLoader | list:
        return self._loader("val") if self.scenes_of("val") else []

    def test_dataloader(self) -> WarpLoader | list:
        return self._loader("test") if self.scenes_of("test") else []

    def predict_dataloader(self) -> WarpLoader:
        return self._loader("predict")

    def transfer_batch_to_device(
        self, batch: Triplet | PairInputs, device: torch.device, dataloader_idx: int
    ) -> Triplet | PairInputs:
        """Nothing to do for triplets, which are rendered on the device; inputs are copied there."""
        return batch.to(device)

    def teardown(self, stage: str | None = None) -> None:
        """Stop decoding processes; the list of pairs stays for the next stage."""
        for loader in self._loaders:
            loader.close()
        self._loaders = []

    def _loader(self, split: Split, *, shuffle: bool = False) -> WarpLoader:
        dataset = WarpDataset(self.scenes_of(split), decoded_frames=self.decoded_frames)
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
            realign=self._realign if training else None,
        )
        self._loaders.append(loader)
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
    def _device(self) -> torch.device:
        if self.trainer is not None:
            return self.trainer.strategy.root_device
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def split_scenes(names: list[str], val_fraction: float, test_fraction: float, seed: int) -> dict[str, Split]:
    """Scene -> `train`, `val` or `test`; each part has its share of the scenes, rounded, and at least one trains.

    Decided by the order of a hash of (seed, name), so that it does not depend on where the scenes lie or on how they
    are listed.
    """
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    num_val, num_test = round(val_fraction * len(names)), round(test_fraction * len(names))
    num_val = min(num_val, max(len(names) - 1, 0))
    num_test = min(num_test, max(len(names) - 1 - num_val, 0))
    parts: list[Split] = ["val"] * num_val + ["test"] * num_test
    parts += ["train"] * (len(names) - len(parts))
    return dict(zip(ranked, parts, strict=True))
