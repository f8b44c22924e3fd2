"""Triplets streamed from WebDataset shards, for those who train from finished triplets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import fsspec
import numpy as np
import torch
import webdataset
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import DataLoader
from webdataset.tariterators import group_by_keys, tar_file_expander

from warpdata.camera import Camera, stack_cameras
from warpdata.errors import SourceError
from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES, REQUIRED_ROLES
from warpdata.formats.manifest_cameras import cameras_from_json
from warpdata.formats.marks import marks_of_export
from warpdata.training.lightning_base import DataModule
from warpdata.training.options import LoaderOptions, OrderOptions
from warpdata.training.sealed import Sealed
from warpdata.triplets.triplet import Triplet

PICTURES = dict(zip(("splat", "reference", "target"), IMAGE_ROLES, strict=True))
"""Field of a triplet -> role in a shard."""


class ShardDataModule(DataModule):
    """Batches of triplets from shards in the layout `webdataset`.

    Shards are split among processes and workers, and shuffled by `seed` and epoch. There is no random access: training
    that has to resume at the very next sample is what `WarpDataModule` is for.

    Args:
        urls: of the shards: paths or any fsspec URLs, one for every worker of every process at least.
        batch_size: triplets a batch; pictures of one batch have one size, so batches of a rare size may be smaller.
        num_workers: processes that read and decode.
        shuffle: how many samples are held to draw from; 0 keeps the order.
        as_float: pictures as float32 in [0, 1] instead of uint8.
        seed: of the order.
        ignore_marks: also use triplets that a person has rejected, in `rejected.json` beside shards on this disk.

    Raises:
        OutputError: `rejected.json` is damaged.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        batch_size: int = OrderOptions.batch_size,
        num_workers: int = LoaderOptions.num_workers,
        shuffle: int = 0,
        as_float: bool = LoaderOptions.as_float,
        seed: int = 0,
        ignore_marks: bool = False,
    ):
        super().__init__()
        if not urls:
            raise ValueError("no shard was given; list the files train-*.tar")
        self.urls = list(urls)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.shuffle = shuffle
        self.as_float = as_float
        self.seed = seed
        self._rejected = frozenset() if ignore_marks else _rejected_beside(self.urls)

    def train_dataloader(self) -> ShardLoader:
        """Batches of the trainer's epoch, then of the one after it, and so on."""
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        return ShardLoader(self._decoder, epoch=epoch, sealed=self.casts_inputs)

    def _decoder(self, epoch: int) -> DataLoader:
        """Batches of one epoch; where the trainer overfits, always in the order of the list of shards."""
        shuffle = 0 if self.overfits else self.shuffle
        stages: list[Any] = [webdataset.SimpleShardList(self.urls)]
        if shuffle:
            stages.append(webdataset.detshuffle(bufsize=len(self.urls), seed=self.seed, epoch=epoch - 1))
        stages += [webdataset.split_by_node, webdataset.split_by_worker, open_shards]
        stages += [tar_file_expander, group_by_keys]
        if shuffle:
            stages.append(webdataset.detshuffle(bufsize=shuffle, seed=self.seed, epoch=epoch - 1))
        stages += [webdataset.select(partial(_is_kept, self._rejected))] if self._rejected else []
        stages += [webdataset.map(decode_triplet), batches(self.batch_size)]
        if self.as_float:
            stages.append(webdataset.map(to_float))
        return DataLoader(webdataset.DataPipeline(*stages), batch_size=None, num_workers=self.num_workers)


class ShardLoader:
    """Iterates epoch after epoch, each with a decoder of its own.

    Decoding processes start from what this process knows: a shuffle that counts epochs inside of them would begin at
    the same epoch again and again.

    Args:
        make_decoder: epoch -> its batches.
        epoch: the first.
        sealed: give each batch as a `Sealed` one, see there.
    """

    def __init__(self, make_decoder: Callable[[int], DataLoader], *, epoch: int = 0, sealed: bool = False):
        self.sampler = self  # Lightning sets epochs through the attribute of this name
        self.epoch = epoch
        self._make_decoder = make_decoder
        self._sealed = sealed

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Triplet | Sealed]:
        # A generator: nothing is started before the first batch is asked for, when the epoch has been set.
        epoch, self.epoch = self.epoch, self.epoch + 1
        for batch in self._make_decoder(epoch):
            yield Sealed(batch) if self._sealed else batch


def open_shards(urls: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A stage of a webdataset pipeline: opens shards wherever fsspec finds them.

    Raises:
        SourceError: one cannot be opened.
    """
    for entry in urls:
        try:
            with fsspec.open(entry["url"], "rb") as stream:
                yield {**entry, "stream": stream}
        except OSError as error:
            raise SourceError(f"shard {entry['url']} cannot be opened: {error}") from error


def _rejected_beside(urls: Sequence[str]) -> frozenset[str]:
    """Ids that the files of marks beside shards reject; shards elsewhere than on this disk have none."""
    folders = {Path(url.removeprefix("file://")).parent for url in urls if "://" not in url.removeprefix("file://")}
    return frozenset().union(*(marks_of_export(folder) for folder in folders))


def _is_kept(rejected: frozenset[str], sample: dict[str, Any]) -> bool:
    """Whether a sample as webdataset groups it is not rejected; one without an id is for `decode_triplet` to refuse."""
    try:
        return json.loads(sample["json"])["id"] not in rejected
    except (KeyError, ValueError, TypeError):
        return True


def decode_triplet(sample: dict[str, Any]) -> Triplet:
    """A sample as webdataset groups it, decoded.

    Raises:
        SourceError: it is no triplet, or one of its pictures is damaged.
    """
    key = sample.get("__key__", "?")
    try:
        line = json.loads(sample["json"])
        files = {name.rsplit(".", 1)[0]: data for name, data in sample.items() if isinstance(data, bytes)}
        pictures = {
            field: _decode(files[role], cv2.IMREAD_COLOR_RGB)
            for field, role in PICTURES.items()
            if role in REQUIRED_ROLES or line["reference"]
        }
        masks = {role: _decode(files[role], cv2.IMREAD_GRAYSCALE) for role in MASK_ROLES}
        hw = tuple(pictures["target"].shape[-2:])
        cameras = cameras_from_json(line["camera"], hw)
        return Triplet(
            id=line["id"],
            **{"reference": None, **pictures},
            **masks,
            reference_camera=cameras.get("reference"),
            target_camera=cameras["target"],
            drawn_camera=cameras.get("drawn"),
            reference_name=line["reference"],
            target_name=line["target"],
            prompt=line.get("prompt") or "",
            scores={name: value for name, value in line["warp"].items() if name != "version"},
        )
    except (KeyError, ValueError, TypeError) as error:
        raise SourceError(
            f"sample {key} is not a whole triplet ({error!r}); shards are written in the layout webdataset, "
            "with coverage and confidence"
        ) from error


def batches(batch_size: int) -> Callable[[Iterator[Triplet]], Iterator[Triplet]]:
    """A stage of a webdataset pipeline: batches of triplets of one size each, the rest at the end."""

    def collect(triplets: Iterator[Triplet]) -> Iterator[Triplet]:
        waiting: dict[tuple[int, int], list[Triplet]] = {}
        for triplet in triplets:
            same_size = waiting.setdefault(triplet.target_camera.hw, [])
            same_size.append(triplet)
            if len(same_size) == batch_size:
                yield stack_triplets(waiting.pop(triplet.target_camera.hw))
        for same_size in waiting.values():
            yield stack_triplets(same_size)

    return collect


def stack_triplets(triplets: Sequence[Triplet]) -> Triplet:
    """A batch from triplets of one size.

    Raises:
        ValueError: there is none, or the sizes differ.
    """
    columns = {name: [vars(triplet)[name] for triplet in triplets] for name in vars(triplets[0])}
    stacked: dict[str, Any] = {}
    for name, values in columns.items():
        if isinstance(values[0], Tensor):
            stacked[name] = torch.stack(values)
        elif isinstance(values[0], Camera):
            stacked[name] = stack_cameras(values)
        else:
            stacked[name] = None if values[0] is None else values
    names = columns["scores"][0]
    stacked["scores"] = {name: torch.tensor([scores[name] for scores in columns["scores"]]) for name in names}
    stacked["backend"] = triplets[0].backend  # says of the whole batch how it was rendered
    return Triplet(**stacked)


def to_float(batch: Triplet) -> Triplet:
    """Pictures and masks as float32 in [0, 1]."""
    floats = {name: value.float() / 255 for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return Triplet(**{**vars(batch), **floats})


def _decode(data: bytes, flags: int) -> UInt8[Tensor, "c h w"]:
    rows = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if rows is None:
        raise ValueError("a picture cannot be decoded")
    return torch.from_numpy(rows if rows.ndim == 3 else rows[..., None]).permute(2, 0, 1).contiguous()
