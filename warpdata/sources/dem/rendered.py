"""Pictures, depth maps and masks of a tile, rendered when they are asked for; nothing is stored."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from torch import Tensor

from warpdata.camera import Camera, invert_rigid
from warpdata.errors import ViewError
from warpdata.files.digests import file_sha256
from warpdata.sources.dem.ground import Ground, load_ground
from warpdata.sources.dem.options import Device, GroundOptions, RigOptions
from warpdata.sources.dem.rigs import camera_of_epoch
from warpdata.sources.dem.view import TileView, see
from warpdata.sources.depth_map import Measure
from warpdata.sources.fit import Fit
from warpdata.sources.picture import Sha256Of
from warpdata.sources.scene import View

RENDERED_VERSION = 1
"""Part of digests; another one for another rendering of the same tile."""

_GROUNDS_KEPT, _VIEWS_KEPT = 2, 16


@dataclass(frozen=True, kw_only=True)
class TileFiles:
    """A tile on disk.

    Attributes:
        heights: its heights.
        image: its image; None where it has none.
        ground: how it becomes a surface.
        device: where its views are rendered; no part of digests, since they are the same everywhere.
    """

    heights: Path
    image: Path | None
    ground: GroundOptions
    device: Device = "cpu"

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.heights,) if self.image is None else (self.heights, self.image)

    def load(self) -> Ground:
        """Its surface; that of the last tiles is kept.

        Raises:
            ViewError: it cannot be read.
        """
        try:
            return _ground(self, tuple((path.stat().st_size, path.stat().st_mtime_ns) for path in self.paths))
        except (OSError, ValueError) as error:
            raise ViewError(f"the tile {self.heights} cannot be used: {error}") from error


@lru_cache(maxsize=_GROUNDS_KEPT)
def _ground(tile: TileFiles, numbers: tuple[tuple[int, int], ...]) -> Ground:
    return load_ground(tile.heights, tile.image, tile.ground)


@dataclass(frozen=True)
class _Rendered:
    """What a camera sees of a tile.

    Attributes:
        tile: the tile.
        intrinsics: fx, fy, cx, cy, in pixels.
        world_from_cam: the pose's rows, 16 numbers.
        size: height and width of the view.
    """

    tile: TileFiles
    intrinsics: tuple[float, ...]
    world_from_cam: tuple[float, ...]
    size: tuple[int, int]

    @property
    def label(self) -> str:
        return f"a view of {self.tile.heights}"

    @property
    def files(self) -> tuple[Path, ...]:
        return self.tile.paths

    @property
    def suffix(self) -> str:
        return ".png"

    def digest(self, sha256_of: Sha256Of = file_sha256) -> str | None:
        digests = [sha256_of(path) for path in self.files]
        if None in digests:
            return None
        about = (RENDERED_VERSION, digests, self.tile.ground, self.intrinsics, self.world_from_cam, self.size)
        return hashlib.sha256(f"{type(self).__name__} {about!r}".encode()).hexdigest()

    def _seen(self) -> TileView:
        return _view(self.tile.load(), self.tile.device, self.intrinsics, self.world_from_cam, self.size)


@lru_cache(maxsize=_VIEWS_KEPT)
def _view(
    ground: Ground,
    device: Device,
    intrinsics: tuple[float, ...],
    world_from_cam: tuple[float, ...],
    hw: tuple[int, int],
) -> TileView:
    return see(ground.terrain, camera_of(intrinsics, world_from_cam, hw), torch.device(device))


def camera_of(intrinsics: tuple[float, ...], world_from_cam: tuple[float, ...], hw: tuple[int, int]) -> Camera:
    """The camera of plain numbers, see `numbers_of`."""
    fx, fy, cx, cy = intrinsics
    pose = torch.tensor(world_from_cam, dtype=torch.float64).reshape(4, 4)
    K = torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=invert_rigid(pose), hw=hw)


def numbers_of(camera: Camera) -> tuple[tuple[float, ...], tuple[float, ...], tuple[int, int]]:
    """A camera as plain numbers, which compare and hash: intrinsics, rows of its pose, size."""
    K = camera.K
    intrinsics = (K[0, 0].item(), K[1, 1].item(), K[0, 2].item(), K[1, 2].item())
    return intrinsics, tuple(camera.world_from_cam.reshape(-1).tolist()), camera.hw


@dataclass(frozen=True)
class TilePicture(_Rendered):
    """The colours that a camera sees. See `Picture`."""

    def orientation(self) -> int:
        return 1

    def hw(self) -> tuple[int, int]:
        return self.size

    def load(self, fit: Fit | None = None) -> UInt8[Tensor, "3 H W"]:
        rgb = self._seen().rgb
        if fit is None or fit.output_hw == fit.source_hw == self.size:
            return rgb.clone()
        if fit.source_hw != self.size:
            raise ViewError(f"{self.label} is {self.size}, and {fit.source_hw} was expected")
        fitted = fit.apply(Image.fromarray(rgb.permute(1, 2, 0).numpy()))
        return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).contiguous()

    def read_bytes(self) -> bytes:
        data = io.BytesIO()
        Image.fromarray(self._seen().rgb.permute(1, 2, 0).numpy()).save(data, format="png", compress_level=1)
        return data.getvalue()


@dataclass(frozen=True)
class TileDepth(_Rendered):
    """The depth that a camera sees, planar, in metres. See `DepthMap`."""

    @property
    def unit(self) -> float:
        return 1.0

    @property
    def measure(self) -> Measure:
        return "planar_z"

    def load(self) -> Float[Tensor, "h w"]:
        return self._seen().depth.clone()


@dataclass(frozen=True)
class TileMask(_Rendered):
    """Where a pixel may become a point: not too steep, not too stretched. See `Mask`."""

    def load(self) -> Bool[Tensor, "h w"]:
        return self._seen().usable.clone()


def view_of(tile: TileFiles, name: str, camera: Camera) -> View:
    """A tile as a camera sees it."""
    content = (tile, *numbers_of(camera))
    return View(
        name=name, picture=TilePicture(*content), camera=camera, depth=TileDepth(*content), mask=TileMask(*content)
    )


@dataclass(frozen=True, eq=False)
class RedrawnTile:
    """Gives the view that a rig's camera has in other epochs. See `Redraw`.

    Attributes:
        tile: what is seen.
        rig: whose camera it is.
        scene_id: of the tile, for what is drawn.
        number: of the camera in the rig.
        own: the view of the first epoch.
    """

    tile: TileFiles
    rig: RigOptions
    scene_id: str
    number: int
    own: View

    def __call__(self, *, seed: int, epoch: int) -> View:
        terrain = self.tile.load().terrain
        camera = camera_of_epoch(
            terrain, self.rig, self.scene_id, self.own.camera, number=self.number, seed=seed, epoch=epoch
        )
        view = view_of(self.tile, self.own.name, camera)
        return view if (view.mask.load() & (view.depth.load() > 0)).any() else self.own
