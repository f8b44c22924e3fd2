"""Every stage ended at every file it writes, then run again: the same tree as in one go, and the input as it was. A dry
run of it tells the same and writes nothing."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rasterio")

from affine import Affine
from rasterio.crs import CRS

from warpdata.formats.geotiff import write_geotiff
from warpdata.prepare.dem.area import Area
from warpdata.prepare.dem.gray import GrayOptions, make_gray
from warpdata.prepare.dem.merging import MergeOptions, merge_threads
from warpdata.prepare.dem.pictures import PictureOptions, make_pictures
from warpdata.prepare.dem.sheets import SheetOptions, make_sheets
from warpdata.prepare.dem.tiling import TileOptions, cut_area


class Killed(BaseException):
    """As sudden as a signal: no `except Exception` sees it."""


def to_final_folders(area):
    for final, source in ((area.heights, area.cut), (area.images, None)):
        final.mkdir(parents=True)
        for number in range(3):
            path = final / f"tile_{number}.tif"
            if source is not None:
                shutil.copy(source / path.name, path)
            else:
                pixels = np.random.default_rng(number).uniform(0, 0.3, (3, 16, 20)).astype(np.float32)
                write_geotiff(path, pixels, transform=Affine(1, 0, 0, 0, -1, 0), crs=CRS.from_epsg(32632))


def to_thread_folders(area):
    for number, path in enumerate(sorted(area.cut.glob("*.tif"))):
        folder = area.heights.with_name(f"DEM-x_{number % 2}")
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder)


def tile(area):
    return cut_area(area, TileOptions(tile=(20, 16)))


def png(area):
    return make_pictures(area, PictureOptions(reject="std < 1", captions=True))


def gray(area):
    return make_gray(area, GrayOptions(metres_png=10.0))


def sheet(area):
    return make_sheets(area, SheetOptions(rows=1, cell=32))


def merge(area):
    return merge_threads(area, MergeOptions(threads=2))


STAGES = {
    "tile": ([], tile),
    "png": ([tile, to_final_folders], png),
    "gray": ([tile, to_final_folders, png], gray),
    "sheet": ([tile, to_final_folders, png], sheet),
    "merge": ([tile, to_thread_folders], merge),
}


def make_area(folder, before):
    area = Area(root=folder, name="x")
    heights = np.random.default_rng(0).uniform(5, 900, (1, 16, 60)).astype(np.float32)
    place = Affine(30, 0, 600_000, 0, -30, 5_200_000)
    write_geotiff(area.sources / "a.tif", heights, transform=place, crs=CRS.from_epsg(32632))
    for step in before:
        step(area)
    return area


def tree(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", STAGES)
def test_ended_anywhere_and_run_again(name, tmp_path, monkeypatch):
    before, stage = STAGES[name]
    whole = make_area(tmp_path / "whole", before)
    stage(whole)
    wanted, kills = tree(whole.root), 0
    renaming = {call: getattr(os, call) for call in ("replace", "rename")}
    while True:
        area = make_area(tmp_path / f"killed at {kills}", before)
        given, left = tree(area.root), kills

        def killing(function):
            def act(*arguments):
                nonlocal left
                if left == 0:
                    raise Killed
                left -= 1
                return function(*arguments)

            return act

        for call, function in renaming.items():
            monkeypatch.setattr(os, call, killing(function))
        try:
            stage(area)
        except Killed:
            ended = True
        else:
            ended = False
        for call, function in renaming.items():
            monkeypatch.setattr(os, call, function)
        found = tree(area.root)
        if name != "merge":  # which moves what it is given
            changed = [path for path, data in given.items() if found.get(path) != data]
            assert set(changed) <= {"dataset-x.json"}
        stage(area)
        assert tree(area.root) == wanted, f"ended before file {kills}"
        kills += 1
        if not ended:
            break
    assert kills > 3


@pytest.mark.parametrize("name", STAGES)
def test_a_dry_run_tells_what_a_run_does_and_writes_nothing(name, tmp_path):
    before, stage = STAGES[name]
    area = make_area(tmp_path / "area", before)
    given = tree(area.root)
    told = stage(replace(area, dry_run=True))
    assert tree(area.root) == given
    done = stage(area)
    if name != "merge":  # which moves, and says so in its notes
        assert done.made > 0
        assert (told.made, told.kept) == (done.made, done.kept)
    assert (told.left_out, told.remarks) == (done.left_out, done.remarks)
    complete = tree(area.root)
    again = stage(replace(area, dry_run=True))
    assert tree(area.root) == complete
    assert again.made == 0
