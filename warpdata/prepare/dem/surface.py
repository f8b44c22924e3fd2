"""A tile's surface to look at: a picture from a side, or a mesh in metres for any viewer."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float64, Shaped, UInt8
from PIL import Image

from warpdata.camera import Camera
from warpdata.files.atomic import write_atomic
from warpdata.formats.geotiff import check_installed
from warpdata.formats.mesh import MAX_VERTICES, Mesh, encode_glb, encode_mesh_ply
from warpdata.sources.dem.ground import Ground, load_ground
from warpdata.sources.dem.hill_shade import LIGHT, hill_shade
from warpdata.sources.dem.options import GroundOptions
from warpdata.sources.dem.terrain import Grid, Terrain
from warpdata.sources.dem.tiles import image_of
from warpdata.sources.dem.view import see

FIELD_OF_VIEW_DEG = 30.0
"""Of the picture, across its longer side."""

MARGIN = 0.04
"""Share of the picture left free at each side of the tile."""

SHADE = 0.5
"""How much an image is darkened where no light falls."""

_SAMPLES = 2


@dataclass(frozen=True, kw_only=True)
class SurfaceOptions:
    """From where a surface is seen."""

    azimuth: float = 205.0
    """Where the camera stands, in degrees from north over east: from 180, in the south, north is at the top."""
    elevation: float = 40.0
    """How high it stands above the horizon in degrees; 90 looks straight down."""
    picture_size: tuple[int, int] = (1280, 960)
    """Width and height of the picture."""
    image: Path | None = None
    """Image to lay on the heights; by default that of the tile's area, and where there is none the slopes' shading."""
    hill_shade: bool = True
    """Darken the image in a picture where the ground turns away from the north-west; viewers of meshes do it."""
    ground: GroundOptions = field(default_factory=GroundOptions)

    def __post_init__(self) -> None:
        if not -360 <= self.azimuth <= 360 or not 0 < self.elevation <= 90:
            raise ValueError(
                f"`azimuth` is {self.azimuth:g}, `elevation` {self.elevation:g}; they must be within 360 degrees, and "
                "above 0 up to 90"
            )
        if not all(16 <= side <= 8192 for side in self.picture_size):
            raise ValueError(f"`picture_size` is {' '.join(map(str, self.picture_size))}; 16 to 8192 each")


@dataclass(frozen=True, kw_only=True)
class SurfaceReport:
    """What was written.

    Attributes:
        output: the file.
        content: what it holds, in a line.
    """

    output: Path
    content: str


def write_surface(tile: Path, output: Path, options: SurfaceOptions) -> SurfaceReport:
    """Write a picture (`.png`, transparent beside the tile) or a mesh (`.ply`, `.glb`) of a tile of heights.

    Meshes have a corner at every pixel's centre, in metres: x east, y north, z up from the centre of the tile's
    outline; in a GLB y is up, as glTF has it.

    Raises:
        ValueError: the output has another suffix; a file cannot be read; a mesh would be too large.
        OutputError: it cannot be written.
        ImportError: rasterio is not installed.
    """
    suffix = output.suffix.lower()
    if suffix not in (".png", ".ply", ".glb"):
        raise ValueError(f"{output} has the suffix {suffix!r}; .png makes a picture, .ply and .glb make a mesh")
    check_installed()
    image = options.image or image_of(tile, options.ground)
    ground = load_ground(tile, image, options.ground)
    if suffix == ".png":
        shaded = ground.has_image and options.hill_shade
        data = _png(hill_shaded(ground.terrain) if shaded else ground.terrain, options)
        content = f"picture of {' x '.join(map(str, options.picture_size))} pixels"
    else:
        mesh = surface_mesh(ground, exaggeration=options.ground.exaggeration)
        data = encode_glb(mesh) if suffix == ".glb" else encode_mesh_ply(mesh)
        content = f"mesh of {len(mesh.xyz):,} corners and {len(mesh.triangles):,} triangles"
    write_atomic(output, data)
    return SurfaceReport(
        output=output, content=f"{content}, {f'coloured by {image}' if image is not None else 'shaded by its slopes'}"
    )


def hill_shaded(terrain: Terrain) -> Terrain:
    """The same surface with its image darkened by up to `SHADE`, where the ground turns away from the light."""
    shade = hill_shade(terrain.heights, terrain.grid) / LIGHT[2]  # 1 where it is level
    height, width = terrain.texture.shape[:2]
    on_texture = _sampled(shade.astype(np.float32), terrain.grid, terrain.texture_grid, (height, width))
    factor = 1 - SHADE * (1 - np.clip(on_texture, 0, 1))
    return replace(terrain, texture=np.rint(terrain.texture * factor[..., None]).astype(np.uint8))


def _png(terrain: Terrain, options: SurfaceOptions) -> bytes:
    """Rendered at twice the size and averaged, so that edges are smooth."""
    width, height = options.picture_size
    camera = camera_around(terrain, options.azimuth, options.elevation, hw=(height * _SAMPLES, width * _SAMPLES))
    view = see(terrain, camera)
    covered = (view.depth > 0).numpy().astype(np.float32)
    weighted = view.rgb.permute(1, 2, 0).numpy() * covered[..., None]
    alpha, colour = (cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA) for part in (covered, weighted))
    colour = colour / np.maximum(alpha, 1e-6)[..., None]
    pixels = np.rint(np.concatenate([np.clip(colour, 0, 255), 255 * alpha[..., None]], axis=2)).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="png")
    return data.getvalue()


def camera_around(terrain: Terrain, azimuth: float, elevation: float, *, hw: tuple[int, int]) -> Camera:
    """A camera that looks at a tile from just so far that all of it is in the picture.

    Args:
        azimuth: where the camera stands, in degrees from north over east.
        elevation: degrees above the horizon.
    """
    height, width = hw
    a, e = math.radians(azimuth), math.radians(elevation)
    forward = np.array([-math.cos(e) * math.sin(a), -math.cos(e) * math.cos(a), -math.sin(e)])
    right = np.array([-math.cos(a), math.sin(a), 0.0])
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    focal = max(hw) / 2 / math.tan(math.radians(FIELD_OF_VIEW_DEG / 2))

    x, y, z = cam_from_world[:3, :3] @ _places(terrain).T
    across, down = ((1 - 2 * MARGIN) * side / 2 / focal for side in (width, height))
    centre = np.zeros(3)  # along right, down, forward
    farthest = []
    for axis, (offset, slope) in enumerate(((x, across), (y, down))):
        # |offset - centre| <= slope (z - centre_z) for all: the two outermost lines of sight meet in the middle.
        least, greatest = (offset + slope * z).min(), (offset - slope * z).max()
        centre[axis] = (least + greatest) / 2
        farthest.append((least - greatest) / (2 * slope))
    centre[2] = min(farthest)
    cam_from_world[:3, 3] = -centre
    K = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=torch.from_numpy(cam_from_world), hw=hw)


def _places(terrain: Terrain) -> Float64[np.ndarray, "n 3"]:
    """Where the pixels' centres that hold data are on the surface, row by row."""
    rows, columns = np.nonzero(np.isfinite(terrain.heights))
    (x_0, y_0), (dx, dy) = terrain.grid.first_xy, terrain.grid.pitch_xy
    return np.stack([x_0 + dx * columns, y_0 - dy * rows, terrain.heights[rows, columns]], axis=1)


def surface_mesh(ground: Ground, *, exaggeration: float = 1.0) -> Mesh:
    """Two triangles between every four neighbouring pixels that all hold data.

    Raises:
        ValueError: it would have too many corners, or no triangle.
    """
    terrain = ground.terrain
    height, width = terrain.heights.shape
    if height * width > MAX_VERTICES:
        raise ValueError(
            f"the tile has {width:,} x {height:,} pixels, and a mesh at most {MAX_VERTICES:,} corners; cut it with "
            "`warpdata prepare dem tile`"
        )
    there = np.isfinite(terrain.heights)
    number = np.cumsum(there.ravel()).reshape(height, width) - 1
    whole = there[:-1, :-1] & there[:-1, 1:] & there[1:, :-1] & there[1:, 1:]
    if not whole.any():
        raise ValueError("no four neighbouring pixels hold heights; there is no surface")
    nw, ne, sw, se = (part[whole] for part in (number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]))
    triangles = np.stack([nw, sw, ne, ne, sw, se], axis=1).reshape(-1, 3)
    frame = ground.frame
    facts = {
        "unit": "metre",
        "origin": list(frame.origin_xy),
        "crs": frame.crs.to_string() if frame.crs is not None else None,
        "exaggeration": exaggeration,
    }
    return Mesh(xyz=_places(terrain), rgb=_colours(terrain)[there], triangles=triangles, facts=facts)


def _colours(terrain: Terrain) -> UInt8[np.ndarray, "h w 3"]:
    """The image at the pixels' centres; one that is finer is averaged over a pixel of height first."""
    pitches = zip(terrain.grid.pitch_xy, terrain.texture_grid.pitch_xy, strict=True)
    finer = tuple(max(1, round(coarse / fine)) for coarse, fine in pitches)
    texture = cv2.blur(terrain.texture, finer, borderType=cv2.BORDER_REPLICATE)
    return _sampled(texture, terrain.texture_grid, terrain.grid, terrain.heights.shape)


def _sampled(
    values: Shaped[np.ndarray, "..."], grid: Grid, wanted: Grid, hw: tuple[int, int]
) -> Shaped[np.ndarray, "..."]:
    """Values of one grid at the pixel centres of another, bilinear; beyond the outermost centres those of the edge."""
    x = wanted.first_xy[0] + wanted.pitch_xy[0] * np.arange(hw[1])
    y = wanted.first_xy[1] - wanted.pitch_xy[1] * np.arange(hw[0])
    columns, rows = (x - grid.first_xy[0]) / grid.pitch_xy[0], (grid.first_xy[1] - y) / grid.pitch_xy[1]
    map_x, map_y = (part.astype(np.float32) for part in np.meshgrid(columns, rows))
    return cv2.remap(values, map_x, map_y, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
