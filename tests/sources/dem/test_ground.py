"""From files to the local frame: where the origin is, which way is north, what degrees become, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("rasterio")

from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from tests.sources.dem.terrains import ground_xy, look_at
from warpdata.formats.geotiff import write_geotiff
from warpdata.prepare.dem.rendering import RenderTileOptions, render_tile
from warpdata.sources.dem.ground import load_ground
from warpdata.sources.dem.options import GroundOptions

UTM = CRS.from_epsg(32632)
DEGREES = CRS.from_epsg(4326)
HW = (30, 44)
PLACE = Affine(30, 0, 600_000, 0, -25, 5_200_000)


def write_tile(path, heights, transform=PLACE, crs=UTM):
    write_geotiff(path, heights[None].astype(np.float32), transform=transform, crs=crs, nodata=-9999.0)
    return path


def test_a_projected_tile_keeps_its_grid_about_the_centre_of_its_outline(tmp_path):
    heights = np.arange(HW[0] * HW[1], dtype=float).reshape(HW)
    ground = load_ground(write_tile(tmp_path / "t.tif", heights), None)
    assert ground.terrain.grid.pitch_xy == (30, 25)
    assert ground.terrain.grid.first_xy == (-30 * 43 / 2, 25 * 29 / 2)
    assert ground.frame.origin_xy == (600_000 + 22 * 30, 5_200_000 - 15 * 25)
    np.testing.assert_array_equal(ground.terrain.heights, heights)


def test_feet_on_the_ground_become_metres(tmp_path):
    feet = CRS.from_epsg(2229)  # California zone 5, US survey feet
    ground = load_ground(write_tile(tmp_path / "t.tif", np.ones(HW), Affine(100, 0, 6e6, 0, -100, 2e6), feet), None)
    assert ground.terrain.grid.pitch_xy == pytest.approx((30.48006, 30.48006), rel=1e-6)


@pytest.mark.parametrize("latitude", [47.3, -60.0])
def test_degrees_become_square_metres_about_the_centre(latitude, tmp_path):
    """Heights that are a plane in the local frame come back as one, in place, at a fraction of a metre."""
    from rasterio.warp import transform as move

    second = 1 / 3600
    transform = Affine(second, 0, 11.2, 0, -second, latitude)
    rows, columns = np.mgrid[0:60, 0:80]
    longitudes, latitudes = 11.2 + (columns + 0.5) * second, latitude - (rows + 0.5) * second
    centre = (11.2 + 40 * second, latitude - 30 * second)
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={centre[1]!r} +lon_0={centre[0]!r} +datum=WGS84 +units=m")
    x, y = (np.reshape(part, rows.shape) for part in move(DEGREES, local, longitudes.ravel(), latitudes.ravel())[:2])
    ground = load_ground(write_tile(tmp_path / "t.tif", 500 + 0.2 * x - 0.1 * y, transform, DEGREES), None)
    pitch_x, pitch_y = ground.terrain.grid.pitch_xy
    assert pitch_x == pitch_y
    assert pitch_x == pytest.approx(np.radians(second) * 6.39e6 * np.cos(np.radians(latitude)), rel=0.01)
    east, north = ground_xy(ground.terrain)
    inner = (ground.terrain.heights - (500 + 0.2 * east[None, :] - 0.1 * north[:, None]))[5:-5, 5:-5]
    assert np.isfinite(inner).all()
    assert np.abs(inner).max() < 0.02


def test_missing_heights_are_holes(tmp_path):
    heights = np.full(HW, 8.0)
    heights[3, 4] = -9999
    assert np.isnan(load_ground(write_tile(tmp_path / "t.tif", heights), None).terrain.heights).sum() == 1


def test_exaggeration_and_curvature(tmp_path):
    path = write_tile(tmp_path / "t.tif", np.full(HW, 100.0), Affine(1000, 0, 0, 0, -1000, 0))
    assert load_ground(path, None, GroundOptions(exaggeration=2.5)).terrain.heights[0, 0] == 250
    curved = load_ground(path, None, GroundOptions(earth_curvature=True)).terrain
    x, y = ground_xy(curved)
    assert curved.heights[0, 0] == pytest.approx(100 - (x[0] ** 2 + y[0] ** 2) / (2 * 6_371_000))
    with pytest.raises(ValueError, match="`exaggeration` is 0"):
        GroundOptions(exaggeration=0.0)


def test_the_image_lies_where_its_own_grid_says(tmp_path):
    """Reflectance on a grid three times as fine, one pixel of which is white."""
    heights = write_tile(tmp_path / "t.tif", np.zeros(HW))
    image = np.zeros((3, 3 * HW[0], 3 * HW[1]), np.float32)
    image[:, 10, 20] = 0.3
    write_geotiff(tmp_path / "i.tif", image, transform=Affine(10, 0, 600_000, 0, -25 / 3, 5_200_000), crs=UTM)
    terrain = load_ground(heights, tmp_path / "i.tif").terrain
    assert terrain.texture_grid.pitch_xy == pytest.approx((10, 25 / 3))
    assert terrain.texture_grid.first_xy == pytest.approx((-22 * 30 + 5, 15 * 25 - 25 / 6))
    assert terrain.texture[10, 20].tolist() == [255, 255, 255]
    assert terrain.texture.astype(int).sum() == 3 * 255


def test_whole_numbers_are_ten_thousandths_and_bytes_are_bytes(tmp_path):
    heights = write_tile(tmp_path / "t.tif", np.zeros(HW))
    place = {"transform": PLACE, "crs": UTM}
    write_geotiff(tmp_path / "i.tif", np.full((3, *HW), 3000, np.uint16), **place)
    assert (load_ground(heights, tmp_path / "i.tif").terrain.texture == 255).all()
    write_geotiff(tmp_path / "b.tif", np.full((3, *HW), 77, np.uint8), **place)
    assert (load_ground(heights, tmp_path / "b.tif").terrain.texture == 77).all()


def write_cameras(path, cameras, **top):
    frames = [
        {
            "frame_name": name,
            "transform_matrix": camera.world_from_cam.tolist(),
            **dict(fl_x=camera.K[0, 0].item(), fl_y=camera.K[1, 1].item(), cx=camera.K[0, 2].item()),
            **dict(cy=camera.K[1, 2].item(), w=camera.hw[1], h=camera.hw[0]),
        }
        for name, camera in cameras
    ]
    path.write_text(json.dumps({"camera_convention": "opencv", "frames": frames, **top}))
    return path


def test_cameras_of_a_list_are_rendered_to_files(tmp_path):
    """A level tile at 120 m, seen straight down from 1120 m and at a slant."""
    tile = write_tile(tmp_path / "DEM-x" / "tile_4.tif", np.full(HW, 120.0))
    image = np.full((3, *HW), 0.3, np.float32)
    place = {"transform": PLACE, "crs": UTM}
    write_geotiff(tmp_path / "Image" / "tif-x" / "tile_4.tif", image, **place)
    down, slant = look_at((0, 0, 1120), (0, 0, 0)), look_at((-300, -400, 620), (0, 0, 120))
    cameras = write_cameras(tmp_path / "c.json", [("down", down), ("slant", slant)])
    report = render_tile(tile, cameras, tmp_path / "out", RenderTileOptions())
    assert (report.made, report.notes) == (2, [])
    depth = np.load(tmp_path / "out" / "down.npy")
    assert (depth.dtype, depth.shape) == (np.float32, (38, 50))
    assert set(np.unique(depth)) <= {0.0, 1000.0}
    assert np.load(tmp_path / "out" / "slant.npy")[17, 24] == pytest.approx(np.sqrt(300**2 + 400**2 + 500**2), rel=0.02)
    assert (np.asarray(Image.open(tmp_path / "out" / "down.png"))[19, 25] == 255).all()
    assert render_tile(tile, cameras, tmp_path / "out", RenderTileOptions()).kept == 2


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([("../a", look_at((0, 0, 9), (0, 0, 0)))], "can name no file"),
        ([("a", look_at((0, 0, 9), (0, 0, 0)))] * 2, "two frames are named 'a'"),
        ([], "is not a list of cameras"),
    ],
)
def test_bad_lists_are_refused(frames, reason, tmp_path):
    tile = write_tile(tmp_path / "t.tif", np.full(HW, 120.0))
    with pytest.raises(ValueError, match=reason):
        render_tile(tile, write_cameras(tmp_path / "c.json", frames), tmp_path / "out", RenderTileOptions())
    assert not (tmp_path / "out").exists()


def test_a_tile_without_heights_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no surface"):
        load_ground(write_tile(tmp_path / "t.tif", np.full(HW, -9999.0)), None)
