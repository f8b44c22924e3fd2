"""Pairs of many scenes as a map-style PyTorch dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from warpdata.training.sampler import EpochIndex, SampleTable
from warpdata.triplets.frames import FrameCache
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.scene_pairs import ScenePairs


class WarpDataset(Dataset[PairInputs]):
    """`dataset[i]` is the i-th pair, decoded, brought to size, on the CPU; `render_triplets` makes the triplet of it.
    With `--pairs reproject`, `dataset[EpochIndex(i, epoch)]` has the camera drawn for that epoch, and `dataset[i]` that
    for epoch 0.

    Cheap to pickle: pictures and geometry stay on disk, and every process opens them by itself. Touches no GPU.

    Args:
        scenes: their pairs, from `open_pairs`.
        decoded_frames: how many decoded pictures each process keeps for the pairs that come next; useful where
            neighbouring samples share pictures, as without shuffling or with a small shuffling window.
    """

    def __init__(self, scenes: Sequence[ScenePairs], *, decoded_frames: int = 0):
        self.scenes = tuple(scenes)
        self._starts = np.cumsum([0] + [len(scene.pairs) for scene in self.scenes])
        self._frames = FrameCache(decoded_frames)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int | EpochIndex) -> PairInputs:
        index, epoch = index if isinstance(index, EpochIndex) else (index, 0)
        scene, number = self.locate(index)
        return self.scenes[scene].inputs(self.scenes[scene].pairs[number], self._frames, epoch)

    def locate(self, index: int) -> tuple[int, int]:
        """The scene's number and the pair's number in it.

        Raises:
            IndexError: there is no such sample.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} was asked for, the data set has {len(self)}")
        scene = int(np.searchsorted(self._starts, index, side="right")) - 1
        return scene, index - int(self._starts[scene])

    def sample_id(self, index: int) -> str:
        """`<scene>/<name>` of a sample."""
        scene, number = self.locate(index)
        return self.scenes[scene].sample_id(self.scenes[scene].pairs[number])

    def table(self, *, draw_references: bool = False) -> SampleTable:
        """What the order of an epoch depends on; opens no file.

        Args:
            draw_references: draw one reference for each target every epoch, in place of using all.
        """
        bucket_of: dict[object, int] = {}
        buckets, groups = [], []
        first_group = 0
        for scene in self.scenes:
            for pair, sizes in zip(scene.pairs, scene.sizes, strict=True):
                buckets.append(bucket_of.setdefault(sizes, len(bucket_of)))
                groups.append(first_group + pair.target)
            first_group += len(scene.pictures)
        return SampleTable(
            scene=np.repeat(np.arange(len(self.scenes)), np.diff(self._starts)),
            bucket=np.array(buckets, dtype=np.int64),
            group=np.array(groups, dtype=np.int64) if draw_references else None,
        )
