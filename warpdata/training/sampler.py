"""The order of an epoch: a function of (seed, epoch) alone, so that a run can be resumed at any sample of it.

Every random choice is a keyed hash of a counter, never a generator's state. An epoch is one fixed sequence of samples,
cut into batches of one picture size. Ranks take consecutive batches of it in turn, so what a run has consumed is always
a beginning of the sequence, whatever the number of ranks and workers: its length is the whole state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from warpdata.training.options import OrderOptions

STREAM_SAMPLES, STREAM_SCENES, STREAM_PICKS = 1, 2, 3
"""Separate streams of randomness for the order of samples, the order of scenes, and the choice among candidates."""


def keyed_hash(seed: int, epoch: int, stream: int, counters: np.ndarray) -> np.ndarray:
    """64 random bits for each counter, the same on every machine and in every version.

    The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014),
    applied once for each part of the key.

    Args:
        seed: the run's seed; taken modulo 2^64, like the epoch.
        counters: (n,) non-negative integers.

    Returns:
        (n,) uint64.
    """
    bits = np.zeros(len(counters), dtype=np.uint64)
    for part in (seed, epoch, stream, counters):
        word = part.astype(np.uint64) if isinstance(part, np.ndarray) else np.uint64(part % 2**64)
        bits = bits + word + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = bits ^ (bits >> np.uint64(31))
    return bits


@dataclass(frozen=True, kw_only=True)
class SampleTable:
    """What the order depends on, one entry a sample.

    Attributes:
        scene: (n,) number of the sample's scene; ascending, so that a scene's samples are neighbours.
        bucket: (n,) number of the sample's picture sizes; a batch holds one bucket.
        group: (n,) number of the sample's target, among whose candidates one is drawn each epoch; None to use all.
    """

    scene: np.ndarray
    bucket: np.ndarray
    group: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scene)


@dataclass(frozen=True, kw_only=True)
class EpochOrder:
    """The whole epoch: `samples[:ends[0]]` is the first batch, `samples[ends[0]:ends[1]]` the second, and so on."""

    samples: np.ndarray
    ends: np.ndarray


def epoch_order(
    table: SampleTable,
    *,
    seed: int,
    epoch: int,
    batch_size: int,
    shuffle: bool,
    shuffle_window: int = OrderOptions.shuffle_window,
    drop_last: bool = OrderOptions.drop_last,
) -> EpochOrder:
    """The sequence of an epoch, cut into batches.

    Args:
        table: the samples.
        shuffle: whether samples are shuffled; otherwise they keep the table's order, epoch after epoch.
        shuffle_window: shuffle scenes, and samples only within so many neighbouring scenes, so that files are read in
            runs (0: shuffle everything).
        drop_last: leave out each bucket's last batch when it is not full.
    """
    chosen = draw_candidates(table, seed, epoch) if table.group is not None else np.arange(len(table))
    if shuffle:
        keys = keyed_hash(seed, epoch, STREAM_SAMPLES, chosen)
        if shuffle_window:
            scenes = np.unique(table.scene)
            rank = np.empty(len(scenes), dtype=np.int64)
            rank[np.argsort(keyed_hash(seed, epoch, STREAM_SCENES, scenes), kind="stable")] = np.arange(len(scenes))
            window = rank[np.searchsorted(scenes, table.scene[chosen])] // shuffle_window
            chosen = chosen[np.lexsort((keys, window))]
        else:
            chosen = chosen[np.argsort(keys, kind="stable")]
    return cut_into_batches(chosen, table.bucket[chosen], batch_size, drop_last)


def draw_candidates(table: SampleTable, seed: int, epoch: int) -> np.ndarray:
    """One sample of every group with equal chances, the one of the least hash; in ascending order."""
    hashes = keyed_hash(seed, epoch, STREAM_PICKS, np.arange(len(table)))
    by_group = np.lexsort((hashes, table.group))  # the samples of a group side by side, that of the least hash first
    return np.sort(by_group[run_starts(table.group[by_group])])


def cut_into_batches(samples: np.ndarray, bucket: np.ndarray, batch_size: int, drop_last: bool) -> EpochOrder:
    """Batches of one bucket each, in the order in which they fill up; what is left over comes last.

    Args:
        samples: (n,) in the order of the epoch.
        bucket: (n,) of each of them.
        batch_size: samples a full batch has.
        drop_last: leave out batches that are not full.
    """
    by_bucket = np.argsort(bucket, kind="stable")  # the samples of a bucket side by side, in the order of the epoch
    position = np.arange(len(samples))  # among these
    starts = run_starts(bucket[by_bucket])
    counts = np.diff(np.append(starts, len(samples)))
    bucket_start, bucket_count = np.repeat(starts, counts), np.repeat(counts, counts)  # of each sample's bucket

    place = position - bucket_start  # of the sample in its bucket
    full = place < bucket_count - bucket_count % batch_size
    batch_start = position - place % batch_size
    batch_last = np.minimum(batch_start + batch_size, bucket_start + bucket_count) - 1

    # A full batch comes when its last sample does; the others come after all full ones, bucket by bucket.
    comes_at = np.where(full, by_bucket[batch_last], len(samples) + batch_start)
    order = np.argsort(comes_at, kind="stable")
    if drop_last:
        order = order[full[order]]
    ends = np.append(run_starts(comes_at[order]), len(order))[1:]
    return EpochOrder(samples=samples[by_bucket[order]], ends=ends)


def run_starts(values: np.ndarray) -> np.ndarray:
    """(k,) where each run of equal neighbours begins."""
    differs = values[1:] != values[:-1]
    return np.flatnonzero(np.concatenate([np.ones(min(1, len(values)), dtype=bool), differs]))


def steps_of(order: EpochOrder, start: int, world_size: int, drop_last: bool) -> list[tuple[int, int]]:
    """Pieces of the sequence from `start` on, `world_size` of them a step: in step i, rank r takes i * world_size + r.

    The batches left for the last step may be too few for all ranks; they are cut into smaller ones so that every rank
    gets a piece and every sample is used once. With fewer samples than ranks left over, the steps before are cut up as
    well. Only where that does not suffice either (one sample a batch, or a resumed epoch with fewer samples than ranks
    to go) are the last samples left out, fewer than `world_size`: ranks must take equally many steps.
    """
    ends = order.ends[order.ends > start]
    pieces = list(zip(np.append(start, ends[:-1]).tolist(), ends.tolist(), strict=True)) if len(ends) else []
    remainder = len(pieces) % world_size
    if remainder == 0:
        return pieces
    for tail in range(remainder, len(pieces) + 1, world_size):
        wanted = tail - remainder + world_size
        if not drop_last and pieces[-1][1] - pieces[-tail][0] >= wanted:
            return pieces[:-tail] + split_into(pieces[-tail:], wanted)
    return pieces[:-remainder]


def split_into(pieces: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """The same samples in `count` pieces, by halving the longest again and again; order and batch borders stay."""
    pieces = list(pieces)
    while len(pieces) < count:
        longest = max(range(len(pieces)), key=lambda index: pieces[index][1] - pieces[index][0])
        start, end = pieces[longest]
        middle = (start + end + 1) // 2
        pieces[longest : longest + 1] = [(start, middle), (middle, end)]
    return pieces


class EpochIndex(NamedTuple):
    """A sample in an epoch: what is drawn at random for it depends on both."""

    index: int
    epoch: int


class BatchOrder(Sampler[list[int]]):
    """Batch sampler of one rank; iterating gives the batches from `index` to the end of `epoch`.

    Args:
        table: the samples.
        batch_size: samples a rank takes each step.
        seed: of the order.
        rank: of this process.
        world_size: number of processes.
        shuffle, shuffle_window, drop_last: see `epoch_order`.
        same_every_epoch: every epoch has the order of the first, and what is drawn for it.

    Attributes:
        epoch: whose order is given.
        index: how many samples of it all ranks together have consumed before iteration starts.
    """

    def __init__(
        self,
        table: SampleTable,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool,
        shuffle_window: int = OrderOptions.shuffle_window,
        drop_last: bool = OrderOptions.drop_last,
        same_every_epoch: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ):
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size} processes does not exist")
        self.table = table
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.shuffle_window = shuffle_window
        self.drop_last = drop_last
        self.same_every_epoch = same_every_epoch
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.index = 0
        self._steps: tuple[tuple[int, int], np.ndarray, Sequence[tuple[int, int]]] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Go to the beginning of an epoch, unless it is the current one: a resumed epoch keeps its place."""
        if epoch != self.epoch:
            self.epoch, self.index = epoch, 0

    def index_after(self, steps: int) -> int:
        """How many samples of the epoch all ranks have consumed after so many steps from `index`."""
        _, pieces = self._plan()
        return pieces[steps * self.world_size - 1][1] if steps else self.index

    def __len__(self) -> int:
        """Batches of this rank from `index` to the end of the epoch."""
        return len(self._plan()[1]) // self.world_size

    def __iter__(self) -> Iterator[list[int]]:
        samples, pieces = self._plan()
        for start, end in pieces[self.rank :: self.world_size]:
            yield samples[start:end].tolist()

    def with_epoch(self) -> Sampler[list[EpochIndex]]:
        """The same batches, each sample with the epoch that what is drawn for it depends on."""
        return _WithEpoch(self)

    def _plan(self) -> tuple[np.ndarray, Sequence[tuple[int, int]]]:
        """The epoch's sequence and the pieces still to come, made once for each (epoch, index)."""
        place = (self.epoch, self.index)
        if self._steps is None or self._steps[0] != place:
            order = epoch_order(
                self.table,
                seed=self.seed,
                epoch=0 if self.same_every_epoch else self.epoch,
                batch_size=self.batch_size,
                shuffle=self.shuffle,
                shuffle_window=self.shuffle_window,
                drop_last=self.drop_last,
            )
            self._steps = (place, order.samples, steps_of(order, self.index, self.world_size, self.drop_last))
        return self._steps[1], self._steps[2]


class _WithEpoch(Sampler[list[EpochIndex]]):
    def __init__(self, order: BatchOrder):
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[list[EpochIndex]]:
        epoch = 0 if self._order.same_every_epoch else self._order.epoch
        for batch in self._order:
            yield [EpochIndex(index, epoch) for index in batch]
