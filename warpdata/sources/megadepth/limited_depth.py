"""Depth without what is too far away, or sky."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.errors import ViewError
from warpdata.files.digests import file_sha256
from warpdata.sources.depth_map import DepthMap, Measure
from warpdata.sources.megadepth.options import MegaDepthOptions
from warpdata.sources.picture import Sha256Of

SKY = 2
"""Sky among the classes of ADE20K, counted from 0."""


@dataclass(frozen=True, kw_only=True)
class LimitedDepth:
    """A depth map with values left out.

    Attributes:
        stored: the whole of it.
        max_depth: values above are dropped, in scene units; 0 for no limit.
        percentile: values above this percentile of the valid ones are dropped; 100 for none.
        sky: a segmentation with classes of ADE20K, at any resolution.
    """

    stored: DepthMap
    max_depth: float = 0.0
    percentile: float = 100.0
    sky: Path | None = None

    @property
    def label(self) -> str:
        return self.stored.label

    @property
    def suffix(self) -> str:
        return f"{self.stored.suffix} up to {self.max_depth:g}, {self.percentile:g} %"

    @property
    def unit(self) -> float:
        return self.stored.unit

    @property
    def measure(self) -> Measure:
        return self.stored.measure

    @property
    def files(self) -> tuple[Path, ...]:
        return self.stored.files

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        stored = self.stored.digest(sha256_of)
        if self.sky is None or stored is None:
            return stored
        try:
            return hashlib.sha256(f"{stored} {file_sha256(self.sky)}".encode()).hexdigest()
        except OSError:
            return None

    def load(self) -> Float[Tensor, "h w"]:
        depth = self.stored.load().clone()
        if self.sky is not None:
            sky = sky_of(self.sky)[None, None].to(torch.uint8)
            depth[F.interpolate(sky, size=depth.shape, mode="nearest-exact")[0, 0] != 0] = 0
        if self.max_depth:
            depth[depth > self.max_depth] = 0
        valid = depth[depth > 0]
        if self.percentile < 100 and len(valid):
            depth[depth > float(np.percentile(valid.numpy(), self.percentile))] = 0
        return depth


def limited(depth: DepthMap, options: MegaDepthOptions, scene: str, name: str, *, metric: bool) -> DepthMap:
    """Depth as the options want it; as it is where they want all of it.

    Args:
        scene: called so below `sky_masks`.
        name: of the picture, with its suffix.
        metric: whether it is in metres; only then there is a greatest depth.
    """
    folder = None if options.sky_masks is None else options.sky_masks / scene
    spellings = () if folder is None else (folder / f"{name}.png", folder / f"{Path(name).stem}.png")
    sky = next((path for path in spellings if path.is_file()), None)
    max_depth = options.max_depth if metric else 0.0
    if sky is None and not max_depth and options.depth_percentile == 100:
        return depth
    return LimitedDepth(stored=depth, max_depth=max_depth, percentile=options.depth_percentile, sky=sky)


def sky_of(path: Path) -> Bool[Tensor, "h w"]:
    """Where a segmentation shows sky.

    Raises:
        ViewError: it is not a picture of class numbers, is damaged or too large.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise ViewError(f"segmentation {path} has {image.width}x{image.height} pixels, too many")
            if image.mode not in ("L", "P", "I;16", "I"):
                raise ViewError(
                    f"segmentation {path} is a PNG of mode {image.mode}; classes need one channel of numbers"
                )
            return torch.from_numpy(np.array(image) == SKY)
    except (OSError, SyntaxError, ValueError) as error:
        raise ViewError(f"segmentation {path} cannot be read: {error}") from error
