"""Dense depth of every view of a sparse model: coarse for all views, then fine, one view after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from warpdata.files.atomic import atomic_file
from warpdata.geometry.sfm.aggregation import aggregate, winner
from warpdata.geometry.sfm.confidence import colour_error, confidence
from warpdata.geometry.sfm.fusion import agreement
from warpdata.geometry.sfm.pictures import ReducedPicture
from warpdata.geometry.sfm.refine import refine
from warpdata.geometry.sfm.sweep import cost_volume, sweep_planes
from warpdata.geometry.sfm.types import SparseModel, StereoView
from warpdata.geometry.sfm.upsample import joint_upsample
from warpdata.geometry.sfm.view_selection import depth_range, select_sources
from warpdata.geometry.types import ContentBox, FrameGeometry, Progress
from warpdata.sources.decode import load_image
from warpdata.sources.fit import Fit, limit_megapixels

COARSE_SHARE = 0.25
"""Of the pixels of the final depth map: the size at which all depths are tried. Smaller is faster and more reliable."""

PLANES = (32, 128)
"""Fewest and most depths that are tried."""

COARSE_RADIUS = 2
FINE_RADIUS = 2
"""Of the windows that are correlated, in pixels of either size."""

SMOOTHING_RADIUS = 3
"""Of the filter of the coarse depth, in its pixels."""

UPSAMPLING_RADIUS = 2
"""Of the filters of the fine depth, in pixels of the map they start from."""

REFINEMENT_STEP = 0.25
"""Of the distance between two planes: about half a pixel of the final depth map."""

LEAST_TRUST = 0.02
"""Weight of a depth that no other view confirms, where 1 is that of one that a view confirms."""

VIEWS_HELD = 24
"""Pictures of each size that stay in memory."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Of red, green and blue: ITU-R BT.601."""


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """What the depth of one view is computed from. `sources` index the model's views, best first."""

    sources: tuple[int, ...]
    inverse_depths: Float[Tensor, " d"]


class DenseStereo:
    """Depth for all views of a model; intermediate maps lie in a folder, so that memory does not grow with the scene.

    Args:
        model: cameras and points; each view sees some of them.
        pictures: of the model's views, in its order.
        folder: where coarse depth is kept; maps that an earlier run left there are used.
        megapixels: size of the depth maps.
        source_count: most views that each view's depth is computed from.
        device: where the work is done.
    """

    def __init__(
        self,
        model: SparseModel,
        pictures: Sequence[ReducedPicture],
        folder: Path,
        *,
        megapixels: float,
        source_count: int,
        device: torch.device,
    ):
        self._model = model
        self._pictures = pictures
        self._folder = folder
        self._megapixels = megapixels
        self._device = device
        folder.mkdir(parents=True, exist_ok=True)
        self._view = lru_cache(maxsize=2 * VIEWS_HELD)(self._load_view)
        self.neighbourhoods = [self._neighbourhood(view, source_count) for view in range(len(model.names))]

    def frames(self, progress: Progress) -> Iterator[FrameGeometry]:
        """Depth, confidence and camera of each view, in the model's order."""
        count = len(self._model.names)
        for view in range(count):
            progress("coarse depth", view, count)
            self._kept(view, "swept", self._sweep)
        for view in range(count):
            progress("filtering depth", view, count)
            self._kept(view, "smooth", self._smooth)
        for view in range(count):
            progress("fine depth", view, count)
            yield self._frame(view)
        progress("fine depth", count, count)

    def _sweep(self, view: int) -> Float[Tensor, "h w"]:
        """Coarse inverse depth by plane sweep and semi-global aggregation."""
        reference, sources = self._reference_and_sources(view, self._coarse_hw)
        planes = self.neighbourhoods[view].inverse_depths
        cost = cost_volume(reference, sources, planes, radius=COARSE_RADIUS)
        return winner(aggregate(cost, reference.luminance), planes)

    def _smooth(self, view: int) -> Float[Tensor, "h w"]:
        """The same, filtered: depths that other views confirm replace those around them that none does."""
        reference = self._view(view, self._coarse_hw(view))
        swept = self._kept(view, "swept", self._sweep)
        trust = self._agreement(view, swept, "swept", self._sweep).clamp(LEAST_TRUST, 1)
        return joint_upsample(swept, trust, reference.rgb, reference.rgb, radius=SMOOTHING_RADIUS)

    def _frame(self, view: int) -> FrameGeometry:
        coarse = self._view(view, self._coarse_hw(view))
        fine, sources = self._reference_and_sources(view, self._fine_hw)
        smooth = self._kept(view, "smooth", self._smooth)
        trust = self._agreement(view, smooth, "smooth", self._smooth).clamp(LEAST_TRUST, 1)
        inverse_depth = joint_upsample(smooth, trust, coarse.rgb, fine.rgb, radius=UPSAMPLING_RADIUS)

        planes = self.neighbourhoods[view].inverse_depths
        step = (planes[0] - planes[1]).item() * REFINEMENT_STEP
        inverse_depth, correlation = refine(inverse_depth, fine, sources, step=step, radius=FINE_RADIUS)
        confirmed = self._agreement(view, inverse_depth, "smooth", self._smooth)
        trust = (confirmed * correlation).clamp(LEAST_TRUST, 1)
        inverse_depth = joint_upsample(inverse_depth, trust, fine.rgb, fine.rgb, radius=UPSAMPLING_RADIUS)

        confirmed = self._agreement(view, inverse_depth, "smooth", self._smooth)
        error = colour_error(inverse_depth, fine, sources)
        image_height, image_width = self._pictures[view].image_hw
        return FrameGeometry(
            name=self._model.names[view],
            depth=(1 / inverse_depth).cpu(),
            confidence=confidence(confirmed, error, len(sources)).cpu(),
            camera=fine.camera,
            image_hw=(image_height, image_width),
            content_box=ContentBox(left=0.0, top=0.0, right=float(image_width), bottom=float(image_height)),
        )

    def _agreement(self, view: int, inverse_depth: Float[Tensor, "h w"], stage: str, compute) -> Float[Tensor, "h w"]:
        """How many sources confirm a view's depth by their own maps of a stage."""
        camera = self._camera(view, tuple(inverse_depth.shape))
        others = (
            (self._kept(source, stage, compute), self._view(source, self._coarse_hw(source)).camera)
            for source in self.neighbourhoods[view].sources
        )
        return agreement(inverse_depth, camera, others)

    def _kept(self, view: int, stage: str, compute) -> Float[Tensor, "h w"]:
        """A stage's coarse map of a view: read from the folder, or computed and put there, whole or not at all."""
        height, width = self._coarse_hw(view)
        path = self._folder / f"{self._model.names[view]}.{width}x{height}.{stage}.npy"
        if path.exists():
            return torch.from_numpy(np.load(path, allow_pickle=False)).to(self._device)
        inverse_depth = compute(view)
        with atomic_file(path) as file:
            np.save(file, inverse_depth.cpu().numpy(), allow_pickle=False)
        return inverse_depth

    def _neighbourhood(self, view: int, source_count: int) -> Neighbourhood:
        sources = tuple(source.index for source in select_sources(self._model, view, source_count))
        near, far = depth_range(self._model, view)
        reference, *others = (self._camera(index, self._coarse_hw(index)) for index in (view, *sources))
        planes = sweep_planes((1 / near, 1 / far), reference, others, limits=PLANES)
        return Neighbourhood(sources=sources, inverse_depths=planes)

    def _reference_and_sources(self, view: int, size_of) -> tuple[StereoView, list[StereoView]]:
        sources = self.neighbourhoods[view].sources
        return self._view(view, size_of(view)), [self._view(source, size_of(source)) for source in sources]

    def _load_view(self, view: int, hw: tuple[int, int]) -> StereoView:
        picture = self._pictures[view]
        fit = Fit(
            source_hw=picture.hw,
            output_hw=hw,
            box=(0.0, 0.0, float(picture.hw[1]), float(picture.hw[0])),
            place=(0, 0, hw[1], hw[0]),
        )
        rgb = load_image(picture.path, fit).to(self._device).float() / 255
        weights = torch.tensor(LUMINANCE, device=self._device)
        luminance = (rgb * weights[:, None, None]).sum(dim=0)
        return StereoView(rgb=rgb, luminance=luminance, camera=self._camera(view, hw))

    def _camera(self, view: int, hw: tuple[int, int]):
        return self._model.cameras[view].resized(hw)

    def _fine_hw(self, view: int) -> tuple[int, int]:
        return limit_megapixels(self._pictures[view].hw, self._megapixels)

    def _coarse_hw(self, view: int) -> tuple[int, int]:
        return limit_megapixels(self._pictures[view].hw, self._megapixels * COARSE_SHARE)
