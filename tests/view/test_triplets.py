"""Triplets as the viewer's page gets them: chosen, probed, marked; damaged and hostile ones."""

from __future__ import annotations

import json
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.view.manifests import SIZE, record, some_records, write_export
from tests.writers.runs import run
from tests.writers.triplets import scene
from warpdata.config import OutputOptions
from warpdata.errors import OutputError, ViewError
from warpdata.formats.manifest import MANIFEST
from warpdata.formats.marks import change_marks, read_marks
from warpdata.view.kept import Kept
from warpdata.view.opening import open_paths
from warpdata.view.triplets import Choice, Triplets, meaning


def open_triplets(root) -> Triplets:
    """Opened, and its manifest read."""
    (triplets,) = open_paths([root])
    deadline = time.monotonic() + 30
    while not triplets.index.complete:
        assert time.monotonic() < deadline
        assert triplets.problem is None
        time.sleep(0.002)
    return triplets


@pytest.fixture
def triplets(tmp_path):
    write_export(tmp_path, some_records(12))
    opened = open_triplets(tmp_path)
    yield opened
    opened.close()


def numbers_of(page):
    return [sample["number"] for sample in page["samples"]]


def test_pages_are_parts_of_what_is_chosen(triplets):
    page = triplets.page(Choice(), 5, 4)
    assert (page["total"], numbers_of(page)) == (12, [5, 6, 7, 8])
    page = triplets.page(Choice(keep="psnr < 29.45", sort="psnr"), 0, 3)
    assert (page["total"], numbers_of(page)) == (6, [11, 10, 9])
    assert triplets.page(Choice(), 40, 4)["samples"] == []
    with pytest.raises(ValueError, match="no score"):
        triplets.page(Choice(sort="beauty"), 0, 4)


def test_the_first_page_does_not_wait_for_the_whole_manifest(tmp_path, monkeypatch):
    write_export(tmp_path, some_records(12), pictures=False)
    monkeypatch.setattr(Triplets, "_read", lambda self: None)
    (triplets,) = open_paths([tmp_path])
    assert triplets.page(Choice(), 0, 4) is None
    lines = (tmp_path / MANIFEST).read_bytes().splitlines(keepends=True)
    for line in lines[:4]:  # as the reading thread does
        triplets.index._starts.append(triplets.index._starts[-1] + len(line))
        triplets.index.ids.append(json.loads(line)["id"])
    page = triplets.page(Choice(), 0, 4)
    assert (page["total"], numbers_of(page)) == (12, [0, 1, 2, 3])
    assert page["samples"][3]["scores"]["psnr"] == pytest.approx(29.7)
    assert triplets.page(Choice(sort="psnr"), 0, 4) is None
    triplets.close()


def test_the_probe_gives_the_arrays_values(triplets, tmp_path):
    found = triplets.probe(3, 17, 4)
    for role in ("splats", "reference", "target", "coverage"):
        array = np.asarray(Image.open(tmp_path / f"s0000/3_{role}.png"))
        assert found["pictures"][role]["values"] == np.atleast_1d(array[4, 17]).tolist()
    for x, y in ((SIZE[0], 0), (0, SIZE[1])):
        with pytest.raises(ValueError, match="outside"):
            triplets.probe(3, x, y)


def test_pictures_are_the_files_pixels(triplets, tmp_path):
    (tmp_path / "got.png").write_bytes(triplets.picture(2, "target"))
    got = np.asarray(Image.open(tmp_path / "got.png"))
    np.testing.assert_array_equal(got, np.asarray(Image.open(tmp_path / "s0000/2_target.png")))
    assert triplets.thumbnail(2, "target").startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("role", "pixel", "says"),
    [("coverage", [0], "a hole"), ("coverage", [255], "a point is seen"),
     ("coverage", [51], "fading into a hole, 0.20"),
     ("confidence", [0], "no depth, or confidence 1"), ("confidence", [204], "confidence 5.00"),
     ("target", [1, 2, 3], "RGB 1 2 3")],
)  # fmt: skip
def test_values_say_what_they_mean(role, pixel, says):
    assert meaning(role, pixel) == says


def test_marks_are_on_the_disk_and_chosen_by(triplets, tmp_path):
    assert triplets.mark(reject=[3, 7]) == 2
    assert read_marks(tmp_path) == {"s0000/3", "s0000/7"}
    assert numbers_of(triplets.page(Choice(which="rejected"), 0, 9)) == [3, 7]
    assert triplets.page(Choice(which="unmarked"), 0, 9)["total"] == 10
    assert triplets.next_unmarked(Choice(), 2) == 4
    assert triplets.next_unmarked(Choice(sort="psnr"), 4) == 2
    assert triplets.next_unmarked(Choice(), 11) is None
    assert triplets.mark(accept=[3]) == 1
    again = open_triplets(tmp_path)
    assert again.summary(7)["rejected"]
    assert not again.summary(3)["rejected"]
    again.close()
    for wrong in (12, -1):
        with pytest.raises(IndexError):
            triplets.mark(reject=[wrong])


def test_two_viewers_that_mark_lose_nothing(triplets, tmp_path):
    other = open_triplets(tmp_path)
    triplets.mark(reject=[1])
    other.mark(reject=[2])
    triplets.mark(reject=[5], accept=[1])
    assert read_marks(tmp_path) == {"s0000/2", "s0000/5"}
    other.close()


def test_neighbours_are_those_of_the_choice(triplets):
    by_psnr = Choice(sort="psnr", keep="psnr < 29.45")
    assert triplets.position(by_psnr, 9, 1) == 8
    assert triplets.position(by_psnr, 9, -1) == 10
    assert triplets.position(by_psnr, 11, -1) is None
    assert triplets.position(by_psnr, 6, 1) is None


def png_header(width, height):
    """A PNG that claims a size and holds no pixel."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in (header, b"IDAT")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_hostile_samples_cost_themselves(tmp_path):
    write_export(tmp_path, some_records(4))
    outside = tmp_path.parent / "outside.png"
    Image.new("RGB", SIZE).save(outside)
    (tmp_path / "s0000" / "1_splats.png").write_bytes(png_header(60_000, 60_000))
    (tmp_path / "s0000" / "2_splats.png").write_bytes((tmp_path / "s0000" / "2_splats.png").read_bytes()[:200])
    (tmp_path / "s0000" / "3_splats.png").unlink()
    (tmp_path / "s0000" / "3_splats.png").symlink_to(outside)
    text = (tmp_path / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(text.replace("s0000/0_splats.png", "../outside.png"))
    triplets = open_triplets(tmp_path)
    page = triplets.page(Choice(), 0, 9)
    assert "leads out" in page["samples"][0]["problem"]
    with pytest.raises(OutputError, match="leads out"):
        triplets.picture(0, "splats")
    for number, why in ((1, "too large"), (2, "cannot be read"), (3, "link")):
        for look in (triplets.thumbnail, triplets.picture):
            with pytest.raises(ViewError, match=why):
                look(number, "splats")
        assert triplets.picture(number, "target")
    triplets.close()


def test_what_is_nothing_to_look_at_is_said(tmp_path):
    for path, why in ((tmp_path, "no pictures"), (tmp_path / "none", "does not exist")):
        with pytest.raises(OutputError, match=why):
            open_paths([path])
    (tmp_path / ".warpdata").mkdir()
    with pytest.raises(OutputError, match="unfinished"):
        open_paths([tmp_path])


def test_marks_of_one_of_several_layouts_are_the_outputs(tmp_path):
    write_export(tmp_path / "folder", some_records(2))
    (tmp_path / "report.json").write_text("{}")
    triplets = open_triplets(tmp_path)
    triplets.mark(reject=[1])
    assert read_marks(tmp_path) == {"s0000/1"}
    change_marks(tmp_path, accept=["s0000/1"])
    triplets.close()


def test_what_is_kept_in_memory_has_an_end():
    kept = Kept(10, len)
    for number in range(100):
        assert kept.get(number, lambda: "abc") == "abc"
    assert len(kept) == 3
    made = []
    kept.get(99, lambda: made.append(1) or "abc")
    assert not made


def test_a_damaged_line_is_shown_and_cannot_be_marked(tmp_path):
    write_export(tmp_path, [record("s/0", psnr=1.0)], pictures=False)
    with (tmp_path / MANIFEST).open("a") as file:
        file.write("{\n")
    triplets = open_triplets(tmp_path)
    assert "line 2" in triplets.page(Choice(), 0, 9)["samples"][1]["problem"]
    with pytest.raises(ValueError, match="no id"):
        triplets.mark(reject=[1])
    triplets.close()


def test_pictures_inside_parquet_are_shown(tmp_path):
    pytest.importorskip("datasets", reason="writing hf-parquet needs it")
    triplets_written = scene("room", 3, (20, 30))
    run(tmp_path, "hf-parquet", triplets=triplets_written, output=OutputOptions(output_format="png"))
    opened = open_triplets(tmp_path)
    truth = triplets_written[1].target
    probed = opened.probe(1, 4, 7)
    assert probed["pictures"]["target"]["values"][:3] == truth[:, 7, 4].tolist()
    opened.close()
