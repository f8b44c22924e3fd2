"""Views through lenses with distortion, as the pinhole pictures inside them.

    view = undistorted_view(view, lens)

Picture, mask and depth map give the pinhole's pixels when they are asked, each in one resampling from what the source
stores. The rays stay where they are, so planar depth stays what it is. `warpdata.lens` chooses the pinhole so that all
its pixels lie inside the distorted picture; no border appears.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, UInt8
from PIL import Image
from torch import Tensor

from warpdata.camera import Camera, pixel_centres
from warpdata.errors import ViewError
from warpdata.files.digests import file_sha256
from warpdata.lens import Lens, LensError
from warpdata.sources.depth_map import DepthMap, Measure
from warpdata.sources.fit import Fit, fit_image
from warpdata.sources.picture import Content, Mask, Picture, Sha256Of
from warpdata.sources.resample import resample
from warpdata.sources.scene import View

SMOOTH_RATIO = 1.05
"""Depth is interpolated where the four values around a position differ by less than this factor; elsewhere, between
two surfaces, the nearest is taken."""


def undistorted_view(view: View, lens: Lens) -> View:
    """The view with the distortion of its lens undone; the same view where the lens is a pinhole already.

    Args:
        view: whose camera, if any, has the pose; its intrinsics are replaced.
        lens: of the whole picture; the picture may have been resized since.

    Raises:
        ViewError: the lens cannot be used.
    """
    if lens.is_pinhole:
        return view if view.camera is None else replace(view, camera=replace(view.camera, K=lens.K, hw=lens.hw))
    try:
        undistortion = lens.undistortion
    except LensError as error:
        raise ViewError(f"its lens cannot be used: {error}") from error
    camera = view.camera
    return replace(
        view,
        picture=UndistortedPicture(view.picture, lens),
        camera=None
        if camera is None
        else Camera(K=undistortion.K, cam_from_world=camera.cam_from_world, hw=undistortion.hw),
        mask=None if view.mask is None else UndistortedMask(view.mask, lens),
        depth=None if view.depth is None else UndistortedDepth(view.depth, lens),
    )


@dataclass(frozen=True)
class _Undistorted:
    """Content seen through a lens, as the pinhole inside shows it.

    Attributes:
        distorted: as the source stores it.
        lens: of the whole picture.
    """

    distorted: Content
    lens: Lens

    @property
    def label(self) -> str:
        return self.distorted.label

    @property
    def files(self) -> tuple[Path, ...]:
        return self.distorted.files

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        inner = self.distorted.digest(sha256_of)
        if inner is None:
            return None
        return hashlib.sha256(f"undistorted 1: {inner} {self.lens!r}".encode()).hexdigest()

    def _undistorted_hw(self, distorted_hw: tuple[int, int]) -> tuple[int, int]:
        """Size of the result for content of another size than the lens is stated for."""
        sizes = zip(self.lens.undistortion.hw, distorted_hw, self.lens.hw, strict=True)
        height, width = (max(1, round(undistorted * distorted / stated)) for undistorted, distorted, stated in sizes)
        return height, width

    def _positions(
        self, xy: Float64[np.ndarray, "*n 2"], hw: tuple[int, int], distorted_hw: tuple[int, int]
    ) -> Float64[np.ndarray, "*n 2"]:
        """From pixels of a result of size `hw` to those of content of size `distorted_hw`."""
        undistortion = self.lens.undistortion
        to_stated = np.array(undistortion.hw[::-1]) / np.array(hw[::-1])
        from_stated = np.array(distorted_hw[::-1]) / np.array(self.lens.hw[::-1])
        return undistortion.distorted_xy(xy * to_stated) * from_stated

    def _whole(self, distorted_hw: tuple[int, int]) -> Float64[np.ndarray, "h w 2"]:
        """Positions in content of this size for all pixels of the result."""
        hw = self._undistorted_hw(distorted_hw)
        return self._positions(pixel_centres(hw, dtype=torch.float64).numpy(), hw, distorted_hw)


@dataclass(frozen=True)
class UndistortedPicture(_Undistorted):
    """A picture with its lens undone. See `Picture`."""

    distorted: Picture

    @property
    def suffix(self) -> str:
        return ".png"

    def orientation(self) -> int:
        return 1

    def hw(self) -> tuple[int, int]:
        return self._undistorted_hw(self._distorted_hw())

    def _distorted_hw(self) -> tuple[int, int]:
        if (tag := self.distorted.orientation()) != 1:
            raise ViewError(
                f"{self.label} has the orientation tag {tag}, and a lens is for pixels as they are stored; remove the "
                "tag (exiftool -Orientation= FILE)"
            )
        hw = self.distorted.hw()
        scale = hw[1] / self.lens.hw[1]
        if abs(self.lens.hw[0] * scale - hw[0]) > max(1, scale):
            raise ViewError(
                f"its lens is for a picture of {self.lens.hw[1]}x{self.lens.hw[0]} pixels, and {self.label} is "
                f"{hw[1]}x{hw[0]}; give the lens of this picture"
            )
        return hw

    def load(self, fit: Fit | None = None) -> UInt8[Tensor, "3 H W"]:
        distorted_hw = self._distorted_hw()
        hw = self._undistorted_hw(distorted_hw)
        fit = fit or fit_image(hw, hw, "crop")
        if fit.source_hw != hw:
            raise ViewError(
                f"{self.label} is {hw[1]}x{hw[0]} pixels with its lens undone, and {fit.source_hw[1]}x"
                f"{fit.source_hw[0]} was expected; the file has changed: run again"
            )
        left, top, right, bottom = fit.place
        scale, offset = np.array(fit.scale_xy), np.array(fit.box[:2])
        distorted = self.distorted.load().permute(1, 2, 0).numpy()
        content = resample(
            distorted,
            (bottom - top, right - left),
            lambda xy: self._positions(xy / scale + offset, hw, distorted_hw),
        )
        output = np.full((*fit.output_hw, 3), 255, np.uint8)
        output[top:bottom, left:right] = content
        return torch.from_numpy(output).permute(2, 0, 1).contiguous()

    def read_bytes(self) -> bytes:
        data = io.BytesIO()
        Image.fromarray(self.load().permute(1, 2, 0).numpy()).save(data, format="png", compress_level=1)
        return data.getvalue()


@dataclass(frozen=True)
class UndistortedMask(_Undistorted):
    """A mask with its lens undone: each pixel as the nearest of the stored ones. See `Mask`."""

    distorted: Mask

    def load(self) -> Bool[Tensor, "h w"]:
        mask = self.distorted.load()
        column, row = _nearest(self._whole(tuple(mask.shape)), tuple(mask.shape))
        return mask[torch.from_numpy(row), torch.from_numpy(column)]


@dataclass(frozen=True)
class UndistortedDepth(_Undistorted):
    """A depth map with its lens undone. See `DepthMap`.

    1 / depth is interpolated on surfaces, which keeps planes planes; at their edges, and beside pixels without depth,
    the nearest value is taken, so that nothing new appears between two surfaces.
    """

    distorted: DepthMap

    @property
    def unit(self) -> float:
        return self.distorted.unit

    @property
    def suffix(self) -> str:
        return self.distorted.suffix

    @property
    def measure(self) -> Measure:
        return self.distorted.measure

    def load(self) -> Float[Tensor, "h w"]:
        depth = self.distorted.load().numpy()
        hw = (depth.shape[0], depth.shape[1])
        xy = self._whole(hw)
        column, row = _nearest(xy, hw)
        nearest = depth[row, column]
        with np.errstate(divide="ignore"):
            inverse = 1 / depth.astype(np.float64)
        x, y = xy[..., 0] - 0.5, xy[..., 1] - 0.5
        left, top = np.clip(np.floor(x), 0, max(0, hw[1] - 2)), np.clip(np.floor(y), 0, max(0, hw[0] - 2))
        to_right, down = np.clip(x - left, 0, 1), np.clip(y - top, 0, 1)
        columns = [left.astype(np.intp), np.minimum(left.astype(np.intp) + 1, hw[1] - 1)]
        rows = [top.astype(np.intp), np.minimum(top.astype(np.intp) + 1, hw[0] - 1)]
        corners = np.stack([inverse[r, c] for r in rows for c in columns])
        smooth = np.isfinite(corners).all(axis=0) & (corners.max(axis=0) < SMOOTH_RATIO * corners.min(axis=0))
        weights = np.stack([(1 - down) * (1 - to_right), (1 - down) * to_right, down * (1 - to_right), down * to_right])
        between = (weights * np.where(smooth, corners, 1.0)).sum(axis=0)
        return torch.from_numpy(np.where(smooth, 1 / between, nearest).astype(np.float32))


def _nearest(xy: Float64[np.ndarray, "h w 2"], hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of the pixel that each position lies in."""
    column, row = np.floor(xy[..., 0]).astype(np.intp), np.floor(xy[..., 1]).astype(np.intp)
    return np.clip(column, 0, hw[1] - 1), np.clip(row, 0, hw[0] - 1)
