"""Folders side by side: aligned by name, gaps shown, values from the arrays."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from warpdata.errors import OutputError, ViewError
from warpdata.view.columns import Columns
from warpdata.view.opening import open_paths
from warpdata.view.rasters import read_raster

HEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4) * 100 + 0.25


@pytest.fixture
def tiles(tmp_path):
    """Heights, a picture twice as large without tile 2, and 16-bit depth without tile 10."""
    rng = np.random.default_rng(1)
    for folder in ("dem", "rgb/tiles", "depth"):
        (tmp_path / folder).mkdir(parents=True)
    for tile in (2, 10, 1):
        heights = HEIGHTS + tile
        heights[0, 0] = np.nan
        np.save(tmp_path / "dem" / f"tile_{tile}.npy", heights)
        if tile != 2:
            rgb = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(rgb).save(tmp_path / "rgb" / "tiles" / f"tile_{tile}.png")
        if tile != 10:
            Image.fromarray((heights[1:] * 10).astype(np.uint16)).save(tmp_path / "depth" / f"tile_{tile}.png")
    return [tmp_path / "dem", tmp_path / "rgb" / "tiles", tmp_path / "depth"]


def test_rows_are_aligned_by_name_in_natural_order(tiles):
    columns = Columns(tiles)
    assert columns.about()["columns"] == ["dem", "rgb/tiles", "depth"]
    assert (columns.about()["rows"], columns.about()["gaps"]) == (3, 2)
    rows = columns.page(0, 10)["rows"]
    assert [(row["name"], row["there"]) for row in rows] == [
        ("tile_1", [True, True, True]),
        ("tile_2", [True, False, True]),
        ("tile_10", [True, True, False]),
    ]
    page = columns.page(1, 1, only_gaps=True)
    assert (page["total"], [row["number"] for row in page["rows"]]) == (2, [2])


def test_values_are_those_of_the_arrays_at_one_place_of_all(tiles):
    columns = Columns(tiles)
    assert columns.details(0)["size"] == [8, 6]
    rgb = np.asarray(Image.open(tiles[1] / "tile_1.png"))
    depth = np.asarray(Image.open(tiles[2] / "tile_1.png"))
    heights, colours, stored = columns.probe(0, 5, 3)["columns"]
    assert (heights["x"], heights["y"], heights["values"]) == (2, 1, [float(HEIGHTS[1, 2] + 1)])
    assert (colours["values"], colours["says"]) == (rgb[3, 5].tolist(), "RGB " + " ".join(map(str, rgb[3, 5])))
    assert (stored["x"], stored["y"], stored["values"]) == (2, 1, [int(depth[1, 2])])
    assert columns.probe(0, 0, 0)["columns"][0] == {"x": 0, "y": 0, "values": [], "says": "no data"}
    assert columns.probe(1, 0, 0)["columns"][1] is None
    for x, y in ((8, 0), (0, 6)):
        with pytest.raises(ValueError, match="outside"):
            columns.probe(0, x, y)


def test_what_is_missing_or_damaged_costs_itself(tiles):
    (tiles[0] / "tile_1.npy").write_bytes(b"\x93NUMPY")
    (tiles[2] / "tile_1.png").write_bytes((tiles[2] / "tile_1.png").read_bytes()[:40])
    columns = Columns(tiles)
    told = columns.details(0)["columns"]
    assert ["problem" in one for one in told] == [True, False, True]
    assert columns.probe(0, 3, 3)["columns"][0] is None
    with pytest.raises(ViewError):
        columns.thumbnail(0, 0)
    for row, column in ((1, 1), (0, 3), (3, 0), (0, -1)):
        with pytest.raises(IndexError):
            columns.picture(row, column)


def test_arrays_of_objects_are_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{"a": 1}]], dtype=object), allow_pickle=True)
    with pytest.raises(ViewError):
        read_raster(tmp_path / "a.npy")


def test_links_out_of_a_folder_are_refused(tiles, tmp_path):
    np.save(tmp_path / "secret.npy", HEIGHTS)
    (tiles[0] / "tile_3.npy").symlink_to(tmp_path / "secret.npy")
    columns = Columns(tiles)
    row = columns.names.index("tile_3")
    assert "link" in columns.details(row)["columns"][0]["problem"]


def test_the_stretched_picture_keeps_the_order_of_the_values(tmp_path):
    np.save(tmp_path / "a.npy", HEIGHTS)
    raster = read_raster(tmp_path / "a.npy")
    grey = raster.shown[0].flatten().tolist()
    assert grey == sorted(grey)
    assert (grey[0], grey[-1]) == (1, 255)
    np.testing.assert_array_equal(raster.values[0], HEIGHTS)


def test_of_two_files_of_a_name_the_one_with_values_is_shown(tmp_path):
    np.save(tmp_path / "tile_1.npy", HEIGHTS)
    Image.new("RGB", (4, 3)).save(tmp_path / "tile_1.jpg")
    columns = Columns([tmp_path])
    assert columns.details(0)["columns"][0]["file"] == "tile_1.npy"


def test_heights_of_geotiffs_are_in_metres():
    pytest.importorskip("rasterio", reason="rasterio is not installed (extra `geo`)")
    folder = Path(__file__).resolve().parents[2] / "examples" / "dem" / "valley"
    columns = Columns([folder / "DEM-valley", folder / "Image" / "tif-valley"])
    assert columns.names == ["tile_0", "tile_1", "tile_2"]
    heights, colours = columns.probe(0, 255, 256)["columns"]
    assert heights["says"].endswith(" m")
    assert len(colours["values"]) == 3


def test_all_folders_that_are_no_outputs_are_one_tab(tiles, tmp_path):
    (shown,) = open_paths(tiles)
    assert isinstance(shown, Columns)
    picture = Image.open(io.BytesIO(shown.picture(0, 1)))
    np.testing.assert_array_equal(np.asarray(picture), np.asarray(Image.open(tiles[1] / "tile_1.png")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(OutputError, match="empty holds no pictures"):
        open_paths([*tiles, tmp_path / "empty"])


def test_tiles_of_an_area_are_marked_in_its_own_list(tiles, tmp_path):
    columns = Columns(tiles)
    assert columns.about()["marks"] is None
    with pytest.raises(ValueError, match="DEM-AREA"):
        columns.mark(reject=[0])
    (tmp_path / "dem").rename(tmp_path / "DEM-valley")
    np.save(tmp_path / "DEM-valley" / "whole.npy", HEIGHTS)
    columns = Columns([tmp_path / "DEM-valley", tiles[1]])
    assert columns.about()["marks"] == "rejected-valley.json"
    assert columns.names == ["tile_1", "tile_2", "tile_10", "whole"]
    assert columns.mark(reject=[0, 2]) == 2
    assert json.loads((tmp_path / "rejected-valley.json").read_text())["by_hand"] == [1, 10]
    assert [row["rejected"] for row in columns.page(0, 9)["rows"]] == [True, False, True, False]
    assert columns.next_unmarked(1) == 3
    assert columns.mark(accept=[0]) == 1
    assert not columns.details(0)["rejected"]
    assert columns.details(2)["rejected"]
    with pytest.raises(ValueError, match="tile_N"):
        columns.mark(reject=[3])
    with pytest.raises(IndexError):
        columns.mark(reject=[4])
