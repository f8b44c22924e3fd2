"""Which tiles are downloaded: those asked for and not there yet, after a kill too."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

pytest.importorskip("rasterio")
pytest.importorskip("ee")

from tests.prepare.dem.download.areas import area_of, download, final_files
from warpdata.errors import OutputError, SourceError
from warpdata.formats.geotiff import read_bands
from warpdata.prepare.dem.area import numbered
from warpdata.programs.main import main


def test_again_asks_for_nothing_and_other_options_are_refused(area, stub):
    download(area, stub)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in area.root.rglob("*") if path.is_file()}
    stub.asked.clear()
    assert download(area, stub).kept == 3
    assert stub.asked == []
    assert before == {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in area.root.rglob("*") if p.is_file()}
    with pytest.raises(OutputError, match="another rgb_scale"):
        download(area, stub, rgb_scale=2)
    assert download(area, stub, rgb_scale=2, overwrite=True).made == 3
    assert read_bands(area.images / "tile_3.tif").valid.shape == (60, 80)


def test_what_was_received_before_a_run_was_ended_is_used(area, stub):
    download(area, stub)
    (area.images / "tile_3.tif").unlink()
    (area.downloaded / "tile_10.tif").write_bytes(b"II*\0torn")
    (area.images / "tile_10.tif").unlink()
    stub.asked.clear()
    assert download(area, stub).made == 2
    assert len(stub.asked) == 1


def test_killed_and_run_again_ends_with_the_same_files(tmp_path, stub):
    area, other = area_of(tmp_path / "a", range(6)), area_of(tmp_path / "b", range(6))
    stub.delay_s = 0.3
    line = [*("-m", "warpdata.prepare", "dem", "download", "x", "--threads", "1"), "--url", stub.url, "--root"]
    child = subprocess.Popen([sys.executable, *line, str(area.root)], stderr=subprocess.DEVNULL)
    while len(numbered(area.images)) < 2:
        assert child.poll() is None, "it ended by itself"
        time.sleep(0.02)
    child.kill()
    child.wait()
    assert 2 <= len(numbered(area.images)) < 6
    stub.delay_s = 0
    assert download(area, stub).kept >= 2
    download(other, stub)

    def is_result(path):
        return path.is_file() and path.suffix != ".part"

    def tree(root):
        return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if is_result(path)}

    assert tree(area.root) == tree(other.root)


def test_a_dry_run_asks_for_nothing(area, capsys):
    assert main(["prepare", "dem", "download", "x", "--root", str(area.root), "--dry-run", "--rgb-scale", "2"]) == 0
    said = capsys.readouterr().err
    assert "3 of 3 tiles to download: COPERNICUS/S2_HARMONIZED" in said
    assert "tile_0: 80 x 60 pixels, 0.1 MB in 1 requests" in said
    assert final_files(area) == []


def test_which_tiles(area, stub):
    assert download(area, stub, start_index=1, limit=1).made == 1
    assert list(numbered(area.images)) == [3]
    assert download(area, stub, start_index=1, limit=1).kept == 1
    with pytest.raises(SourceError, match="tiles 0 to 10, and `start_index` is 11"):
        download(area, stub, start_index=11)
