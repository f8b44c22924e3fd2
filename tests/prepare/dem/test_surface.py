"""Surfaces to look at: what is where in pictures and meshes, on lopsided tiles, and that nothing is cut off."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData

pytest.importorskip("rasterio")

from affine import Affine
from rasterio.crs import CRS

from warpdata.formats.geotiff import write_geotiff
from warpdata.formats.mesh import Mesh, encode_glb, encode_mesh_ply
from warpdata.prepare.dem.area import Area
from warpdata.prepare.dem.surface import (
    FIELD_OF_VIEW_DEG,
    MARGIN,
    SurfaceOptions,
    camera_around,
    hill_shaded,
    surface_mesh,
    write_surface,
)
from warpdata.programs.main import main
from warpdata.sources.dem.ground import load_ground
from warpdata.sources.dem.options import GroundOptions

HW = (5, 7)
PLACE = {"transform": Affine(30, 0, 600_000, 0, -20, 5_200_000), "crs": CRS.from_epsg(32632)}
HEIGHTS = np.arange(35, dtype=np.float32).reshape(HW) * 4 + 100
PLAIN = SurfaceOptions(hill_shade=False, picture_size=(90, 60))


@pytest.fixture
def area(tmp_path):
    """5 rows of 7 pixels of 30 x 20 m that rise to the south; the north-east of the image is red, the rest green."""
    area = Area(root=tmp_path, name="x")
    write_geotiff(area.heights / "tile_0.tif", HEIGHTS[None], **PLACE)
    colours = np.zeros((3, *HW), np.uint8)
    colours[1] = 200
    colours[:, :3, 4:] = np.array([250, 0, 0])[:, None, None]
    write_geotiff(area.images / "tile_0.tif", colours, **PLACE)
    return area


def ground_of(area, **options):
    return load_ground(area.heights / "tile_0.tif", area.images / "tile_0.tif", GroundOptions(**options))


def test_corners_and_triangles_by_hand(area):
    mesh = surface_mesh(ground_of(area))
    assert mesh.xyz[0].tolist() == [-90, 40, 100]
    assert mesh.xyz[8].tolist() == [-60, 20, 132]
    assert mesh.triangles[:2].tolist() == [[0, 7, 1], [1, 7, 8]]
    assert len(mesh.triangles) == 2 * 4 * 6
    a, b, c = (mesh.xyz[mesh.triangles[:, corner]] for corner in range(3))
    assert (np.cross(b - a, c - a)[:, 2] == 600).all()  # counter-clockwise from above, half a pixel of 30 x 20 m each
    assert mesh.rgb[6].tolist() == [250, 0, 0]
    assert mesh.rgb[-1].tolist() == [0, 200, 0]
    assert mesh.facts["origin"] == [600_105, 5_199_950]
    assert mesh.facts["crs"] == "EPSG:32632"


def test_a_hole_takes_the_four_patches_around_it(area):
    heights = HEIGHTS.copy()
    heights[2, 3] = -9999
    write_geotiff(area.heights / "tile_0.tif", heights[None], **PLACE, nodata=-9999.0)
    mesh = surface_mesh(ground_of(area))
    assert len(mesh.xyz) == 34
    assert len(mesh.triangles) == 2 * (24 - 4)
    assert mesh.triangles.max() == 33
    assert np.isfinite(mesh.xyz).all()


def test_exaggeration(area):
    flat, tall = surface_mesh(ground_of(area)), surface_mesh(ground_of(area, exaggeration=2.5), exaggeration=2.5)
    np.testing.assert_allclose(tall.xyz, flat.xyz * (1, 1, 2.5))
    assert tall.facts["exaggeration"] == 2.5


def test_a_finer_image_is_averaged(area):
    colours = np.zeros((3, 15, 21), np.uint8)
    colours[:, ::3, ::3] = 90
    transform = Affine(10, 0, 600_000, 0, -20 / 3, 5_200_000)
    write_geotiff(area.images / "tile_0.tif", colours, transform=transform, crs=PLACE["crs"])
    assert (surface_mesh(ground_of(area)).rgb == 10).all()


def test_a_ply_read_back(area):
    mesh = surface_mesh(ground_of(area))
    path = area.root / "mesh.ply"
    write_surface(area.heights / "tile_0.tif", path, PLAIN)
    found = PlyData.read(path)
    vertex = found["vertex"]
    np.testing.assert_array_equal(np.stack([vertex[axis] for axis in "xyz"], 1), mesh.xyz.astype(np.float32))
    np.testing.assert_array_equal(np.stack([vertex[name] for name in ("red", "green", "blue")], 1), mesh.rgb)
    np.testing.assert_array_equal(np.vstack(found["face"]["vertex_indices"]), mesh.triangles)
    assert "crs: EPSG:32632" in found.comments


def read_glb(data):
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    document = json.loads(data[20 : 20 + size])
    binary_size, binary_kind = struct.unpack_from("<I4s", data, 20 + size)
    assert (kind, binary_kind) == (b"JSON", b"BIN\0")
    assert size % 4 == binary_size % 4 == 0
    binary = data[28 + size :]
    assert len(binary) == binary_size == document["buffers"][0]["byteLength"]

    def values(number):
        accessor = document["accessors"][number]
        view = document["bufferViews"][accessor["bufferView"]]
        dtype = {5126: "<f4", 5123: "<u2", 5125: "<u4"}[accessor["componentType"]]
        assert view["byteOffset"] % 4 == 0
        part = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        columns = {"VEC3": 3, "VEC4": 4, "SCALAR": 1}[accessor["type"]]
        found = np.frombuffer(part, dtype).reshape(-1, columns)
        assert len(found) == accessor["count"]
        return found

    return document, values


def test_a_glb_by_its_specification():
    """A square that rises to the north: y is up, north is -z, colours are linear, normals are of length 1."""
    mesh = Mesh(
        xyz=np.array([[0.0, 10, 5], [7, 10, 5], [0, 0, 2], [7, 0, 2]]),
        rgb=np.array([[255, 0, 188], [0, 0, 0], [10, 255, 255], [0, 0, 0]], np.uint8),
        triangles=np.array([[0, 2, 1], [1, 2, 3]]),
        facts={"crs": "EPSG:1"},
    )
    document, values = read_glb(encode_glb(mesh))
    (primitive,) = document["meshes"][0]["primitives"]
    positions = values(primitive["attributes"]["POSITION"])
    assert positions[0].tolist() == [0, 5, -10]
    accessor = document["accessors"][primitive["attributes"]["POSITION"]]
    assert (accessor["min"], accessor["max"]) == ([0, 2, -10], [7, 5, 0])
    slope = np.array([0, 10, 3]) / math.hypot(10, 3)  # up, and to the south, which is z
    np.testing.assert_allclose(values(primitive["attributes"]["NORMAL"]), np.tile(slope, (4, 1)), atol=1e-6)
    colours = values(primitive["attributes"]["COLOR_0"])
    assert colours[0].tolist() == [65_535, 0, round(65_535 * ((188 / 255 + 0.055) / 1.055) ** 2.4), 65_535]
    assert colours[2, 0] == round(65_535 * 10 / 255 / 12.92)
    assert values(primitive["indices"]).ravel().tolist() == [0, 2, 1, 1, 2, 3]
    assert document["nodes"][0]["extras"] == {"crs": "EPSG:1"}
    assert encode_glb(mesh) == encode_glb(mesh)
    assert encode_mesh_ply(mesh) == encode_mesh_ply(mesh)


@pytest.mark.parametrize(
    ("azimuth", "elevation"), [(205.0, 40.0), (0.0, 5.0), (90.0, 90.0), (-30.0, 60.0), (300.0, 25.0)]
)
@pytest.mark.parametrize("hw", [(60, 90), (150, 40)])
def test_all_of_a_tile_is_in_the_picture_and_fills_it(area, azimuth, elevation, hw):
    terrain = ground_of(area).terrain
    camera = camera_around(terrain, azimuth, elevation, hw=hw)
    points = surface_mesh(ground_of(area)).xyz
    x, y, z = (camera.cam_from_world.numpy() @ np.c_[points, np.ones(len(points))].T)[:3]
    K = camera.K.numpy()
    u, v = (K[0, 0] * x / z + K[0, 2]) / hw[1], (K[1, 1] * y / z + K[1, 2]) / hw[0]
    assert z.min() > 0
    bounds = np.array([[u.min(), 1 - u.max()], [v.min(), 1 - v.max()]])
    tight = bounds[bounds.min(axis=1).argmin()]
    np.testing.assert_allclose(tight, MARGIN, atol=1e-9)  # as near as can be
    assert bounds.min() > MARGIN - 1e-9
    assert abs(bounds[:, 0] - bounds[:, 1]).max() < 0.1  # and about in the middle
    assert 2 * math.degrees(math.atan(max(hw) / 2 / K[0, 0])) == pytest.approx(FIELD_OF_VIEW_DEG)
    R = camera.cam_from_world.numpy()[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)


@pytest.mark.parametrize(("azimuth", "red_at"), [(180.0, (0, 1)), (0.0, (1, 0)), (90.0, (1, 1)), (270.0, (0, 0))])
def test_where_a_picture_shows_the_north_east(area, azimuth, red_at):
    """From the south, north is at the top and east on the right; from the east, north is on the right and the east is
    near, at the bottom."""
    path = area.root / "view.png"
    options = SurfaceOptions(azimuth=azimuth, elevation=80.0, picture_size=(80, 80), hill_shade=False)
    write_surface(area.heights / "tile_0.tif", path, options)
    picture = np.asarray(Image.open(path)).astype(int)
    rows, columns = np.nonzero(picture[..., 3])
    middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    reds = np.argwhere((picture[..., 0] > 200) & (picture[..., 3] == 255))
    assert (int(reds[:, 0].mean() > middle[0]), int(reds[:, 1].mean() > middle[1])) == red_at


def test_shading_darkens_what_turns_from_the_light(area):
    """The tile falls to the north and west, towards the light, so nothing is darkened; the other way round it is."""
    terrain = ground_of(area).terrain
    assert (hill_shaded(terrain).texture == terrain.texture).all()
    write_geotiff(area.heights / "tile_0.tif", HEIGHTS[None, ::-1, ::-1].copy(), **PLACE)
    away = ground_of(area).terrain
    east, north = -4 / 30, 28 / 20  # of the normal; the ground falls to the south and rises to the west
    assert (hill_shaded(away).texture < away.texture)[away.texture > 0].all()
    level, slope = math.sqrt(0.5), (-0.5 * -east + 0.5 * -north + math.sqrt(0.5)) / math.sqrt(1 + east**2 + north**2)
    expected = 200 * (1 - 0.5 * (1 - max(0, slope) / level))
    assert hill_shaded(away).texture[3, 3, 1] == pytest.approx(expected, abs=0.6)


def test_the_sample_area(tmp_path, capsys):
    tile = "examples/dem/valley/DEM-valley/tile_0.tif"
    assert main(["prepare", "dem", "surface", tile, str(tmp_path / "a.png"), "--picture-size", "64", "48"]) == 0
    assert "picture of 64 x 48 pixels, coloured by" in capsys.readouterr().err
    picture = np.asarray(Image.open(tmp_path / "a.png"))
    assert picture.shape == (48, 64, 4)
    assert 0.3 < (picture[..., 3] > 128).mean() < 0.9
    first = (tmp_path / "a.png").read_bytes()
    main(["prepare", "dem", "surface", tile, str(tmp_path / "a.png"), "--picture-size", "64", "48", "--quiet"])
    assert (tmp_path / "a.png").read_bytes() == first


def test_a_tile_without_an_image_is_shaded(tmp_path):
    write_geotiff(tmp_path / "alone.tif", HEIGHTS[None], **PLACE)
    report = write_surface(tmp_path / "alone.tif", tmp_path / "a.png", PLAIN)
    assert "shaded by its slopes" in report.content


def test_what_is_refused(area, capsys, monkeypatch):
    tile = area.heights / "tile_0.tif"
    assert main(["prepare", "dem", "surface", str(tile), str(area.root / "a.obj")]) == 2
    assert "has the suffix '.obj'; .png makes a picture" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is not a file"):
        write_surface(area.heights / "tile_1.tif", area.root / "a.png", PLAIN)
    with pytest.raises(ValueError, match="`azimuth` is 205, `elevation` 0"):
        SurfaceOptions(elevation=0.0)
    with pytest.raises(ValueError, match="`picture_size` is 8 8"):
        SurfaceOptions(picture_size=(8, 8))
    monkeypatch.setattr("warpdata.prepare.dem.surface.MAX_VERTICES", 34)
    with pytest.raises(ValueError, match="the tile has 7 x 5 pixels, and a mesh at most 34 corners"):
        write_surface(tile, area.root / "a.ply", PLAIN)
    checker = np.where(np.indices(HW).sum(0) % 2, HEIGHTS, np.float32(np.nan))
    write_geotiff(tile, checker[None], **PLACE)
    monkeypatch.setattr("warpdata.prepare.dem.surface.MAX_VERTICES", 1000)
    with pytest.raises(ValueError, match="there is no surface"):
        write_surface(tile, area.root / "a.ply", PLAIN)
    assert not (area.root / "a.ply").exists()
