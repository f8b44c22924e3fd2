"""The original's thread folders: everything arrives once, nothing is overwritten, and what is in doubt stays."""

from __future__ import annotations

import os

import pytest

from warpdata.errors import SourceError
from warpdata.prepare.dem.area import Area
from warpdata.prepare.dem.merging import MergeOptions, merge_threads
from warpdata.programs.main import main


@pytest.fixture
def area(tmp_path):
    """Two threads with two tiles each, in all three kinds of folder; tile_2 was made by both, alike."""
    area = Area(root=tmp_path, name="x")
    for final in (area.downloaded, area.heights, area.images):
        for thread, numbers in ((0, (0, 2)), (1, (2, 11))):
            folder = final.with_name(f"{final.name}_{thread}")
            folder.mkdir(parents=True)
            for number in numbers:
                (folder / f"tile_{number}.tif").write_text(f"{final.name} {number}")
    return area


def tree(root):
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def merged(area, **options):
    return merge_threads(area, MergeOptions(**{"threads": 2, **options}))


WHOLE = {
    f"{folder}/tile_{number}.tif": f"{name} {number}"
    for folder, name in (
        ("DEM-x", "DEM-x"),
        ("Image/tif-x", "tif-x"),
        ("preSplitImages-x", "preSplitImages-x"),
    )
    for number in (0, 2, 11)
}


def test_everything_arrives_once(area):
    report = merged(area)
    assert tree(area.root) == WHOLE
    assert (report.made, report.kept, report.left_out) == (9, 3, {})
    assert sorted(path.name for path in area.root.iterdir()) == ["DEM-x", "Image", "preSplitImages-x"]


def test_a_run_that_was_ended_goes_on(area):
    whole = tree(area.root)
    area.heights.mkdir()
    os.rename(area.root / "DEM-x_0" / "tile_0.tif", area.heights / "tile_0.tif")
    assert whole != tree(area.root)
    merged(area)
    assert tree(area.root) == WHOLE


def test_what_differs_stays_and_is_named(area):
    (area.root / "DEM-x_1" / "tile_2.tif").write_text("another")
    area.images.mkdir()
    (area.images / "tile_11.tif").write_text("mine")
    report = merged(area)
    left = {name.replace(os.sep, "/"): reason for name, reason in report.left_out.items()}
    assert sorted(left) == ["DEM-x_0/tile_2.tif", "DEM-x_1/tile_2.tif", "Image/tif-x_1/tile_11.tif"]
    assert "different ones in DEM-x_0 and DEM-x_1" in left["DEM-x_0/tile_2.tif"]
    assert "different ones in tif-x and tif-x_1" in left["Image/tif-x_1/tile_11.tif"]
    found = tree(area.root)
    assert found["DEM-x_0/tile_2.tif"] == "DEM-x 2"
    assert found["DEM-x_1/tile_2.tif"] == "another"
    assert found["Image/tif-x/tile_11.tif"] == "mine"
    assert found["DEM-x/tile_11.tif"] == "DEM-x 11"


def test_heights_under_an_images_name_stay(area):
    area.cut.mkdir()
    for path in (area.cut / "tile_0.tif", area.images.with_name("tif-x_0") / "tile_0.tif"):
        path.write_text("heights")
    report = merged(area)
    (reason,) = report.left_out.values()
    assert "a copy of the heights" in reason
    assert (area.images.with_name("tif-x_0") / "tile_0.tif").exists()


def test_what_is_no_tile_stays_and_keeps_its_folder(area):
    folder = area.root / "DEM-x_0"
    (folder / "notes.txt").write_text("mine")
    (folder / "tile_0.tif.aux.xml").write_text("statistics")
    (folder / "tile_7.tif").mkdir()
    report = merged(area)
    assert sorted(os.path.basename(name) for name in report.left_out) == ["notes.txt", "tile_7.tif"]
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "tile_7.tif"]
    assert (area.heights / "tile_0.tif.aux.xml").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_not_followed(area, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "tile_5.tif").write_text("elsewhere")
    (area.root / "DEM-x_2").symlink_to(elsewhere)
    (area.root / "DEM-x_0" / "tile_6.tif").symlink_to(elsewhere / "tile_5.tif")
    report = merged(area)
    assert len(report.left_out) == 2
    assert (elsewhere / "tile_5.tif").exists()
    assert not (area.heights / "tile_5.tif").exists()


def test_other_areas_and_more_threads_are_left_alone(area):
    (area.root / "DataDEM-x_1").mkdir()
    (area.root / "DEM-x_7").mkdir()
    (area.root / "DEM-x_7" / "tile_70.tif").write_text("seventy")
    report = merged(area)
    assert list(report.left_out) == ["DEM-x_7"]
    assert any("DEM-x_1 belongs to the area x_1" in note for note in report.notes)
    found = tree(area.root)
    assert "DEM-x_1/tile_11.tif" in found
    assert "DEM-x_7/tile_70.tif" in found
    assert merged(area, threads=8).made == 1


def test_a_dry_run_moves_nothing(area, capsys):
    before = tree(area.root)
    assert main(["prepare", "dem", "merge", "x", "--root", str(area.root), "--threads", "2", "--dry-run"]) == 0
    assert "9 files to move, 3 equal ones to drop" in capsys.readouterr().err
    assert tree(area.root) == before


def test_nothing_to_merge(tmp_path):
    with pytest.raises(SourceError, match="holds no preSplitImages-x_0 to _4"):
        merged(Area(root=tmp_path, name="x"), threads=4)
    with pytest.raises(ValueError, match="`threads` is 0; it must be from 1 to 10000"):
        MergeOptions(threads=0)
