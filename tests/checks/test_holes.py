"""Holes of splats: counted by hand on small masks, read from every kind of folder, and two collections told apart."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.scenes import write_scene
from warpdata.checks.holes import HoleStatistics, PictureHoles, compare_holes
from warpdata.config import ExportOptions, GeometryOptions, OutputOptions, SizeOptions, SourceOptions
from warpdata.errors import OutputError
from warpdata.programs.check import main
from warpdata.programs.main import DONE, INCOMPLETE, UNUSABLE
from warpdata.run.hole_masks import parse_fill, read_holes
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions

HW = (40, 60)


def mask(*rectangles):
    """True in rectangles of rows and columns."""
    holes = np.zeros(HW, bool)
    for top, bottom, left, right in rectangles:
        holes[top:bottom, left:right] = True
    return holes


THREE = mask((0, 1, 0, 1), (2, 4, 2, 4), (10, 20, 10, 30), (20, 21, 30, 31))
"""A pixel, a pinhole of four, and a hole of 200 with a pixel that touches its corner."""


def test_holes_are_counted_and_measured():
    picture = PictureHoles.of_mask(THREE)
    assert sorted(picture.sizes) == [1, 4, 201]
    assert picture.coverage == pytest.approx(1 - 206 / 2400)
    told = HoleStatistics(pictures=[picture, PictureHoles.of_mask(mask())], told_by="hand").as_json()
    assert (told["pictures"], told["holes"], told["megapixels"]) == (2, 3, 0.0024)
    assert told["holes_a_picture"] == {"median": 1.5, "mean": 1.5, "least": 0, "most": 3}
    assert told["pinhole_share"] == pytest.approx(2 / 3, abs=1e-4)
    assert {size: count for size, count in told["hole_sizes"].items() if count} == {"1": 1, "2-4": 1, "101-330": 1}
    assert told["coverage_histogram"] == [0] * 9 + [2]
    assert json.loads(json.dumps(told)) == told


def collection(seed, pictures, holes, side):
    """Random splats with about so many square holes of a side."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(pictures):
        picture = np.zeros((200, 300), bool)
        for _ in range(rng.poisson(holes)):
            y, x = rng.integers(0, 200 - side), rng.integers(0, 300 - side)
            picture[y : y + side, x : x + side] = True
        made.append(PictureHoles.of_mask(picture))
    return HoleStatistics(pictures=made, told_by="drawing")


def test_two_draws_of_one_kind_are_alike():
    for seed in range(5):
        found = compare_holes(collection(seed, 20, 50, 8), collection(100 + seed, 25, 50, 8))
        assert found.alike, found.verdict()
        assert found.verdict() == "the holes of B look like those of A"
    assert all(distance.value == 0 for distance in compare_holes(*[collection(0, 20, 50, 8)] * 2).distances)


def test_many_fragments_are_told_from_few_holes():
    few, many = collection(0, 20, 55, 8), collection(1, 20, 586, 1)
    found = compare_holes(few, many)
    assert {distance.of for distance in found.distances if distance.differs} == {"number", "size", "coverage"}
    assert "it has more" in found.verdict()
    assert "pinholes 100%, in A 0%" in found.verdict()
    assert not compare_holes(many, few).alike
    assert "it has fewer" in compare_holes(many, few).verdict()


def test_a_few_pictures_make_a_guess_and_say_so():
    found = compare_holes(collection(0, 1, 55, 8), collection(1, 1, 586, 1))
    assert not found.alike
    assert "with 1 and 1 pictures this is a guess" in found.verdict()
    assert compare_holes(collection(0, 3, 50, 8), collection(0, 3, 50, 8)).alike


def test_pictures_of_other_sizes_are_pointed_out():
    small = HoleStatistics(pictures=[PictureHoles.of_mask(THREE)] * 10, told_by="hand")
    large = HoleStatistics(pictures=[PictureHoles.of_mask(np.kron(THREE, np.ones((2, 2), bool)))] * 10, told_by="hand")
    assert "different sizes" in compare_holes(small, large).verdict()


def test_splats_without_holes_are_compared_as_well():
    whole = HoleStatistics(pictures=[PictureHoles.of_mask(mask())] * 6, told_by="hand")
    assert whole.as_json()["pinhole_share"] == 0
    assert compare_holes(whole, whole).alike
    assert not compare_holes(whole, HoleStatistics(pictures=[PictureHoles.of_mask(THREE)] * 6, told_by="hand")).alike
    assert whole.lines("A")


def write(path, picture, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, **options)


def splat(fill=(90, 90, 90)):
    picture = np.random.default_rng(0).integers(40, 200, (*HW, 3)).astype(np.uint8)
    picture[THREE] = fill
    return picture


def sizes_in(folder, **options):
    found = read_holes(folder, **options)
    return sorted(found.pictures[0].sizes), found.told_by


@pytest.mark.parametrize(
    ("mask_name", "seen"),
    [("a_coverage.png", 255), ("a_mask.png", 0), ("coverage/a.png", 255), ("masks/a.png", 0), ("a-holes.png", 0)],
)
def test_masks_beside_splats_say_where_holes_are(tmp_path, mask_name, seen):
    write(tmp_path / ("images/a.png" if "/" in mask_name else "a_splat.png"), splat())
    write(tmp_path / mask_name, np.where(THREE, 255 - seen, seen).astype(np.uint8))
    sizes, told_by = sizes_in(tmp_path)
    assert sizes == [1, 4, 201]
    assert told_by == f"masks beside the splats, bright {'where seen' if seen else 'in holes'}"


def test_transparency_says_where_holes_are(tmp_path):
    write(tmp_path / "a.png", np.dstack([splat(), np.where(THREE, 0, 255).astype(np.uint8)]))
    assert sizes_in(tmp_path) == ([1, 4, 201], "transparency of the splats")


@pytest.mark.parametrize(("fill", "name"), [((0, 0, 0), "black"), ((255, 0, 255), "magenta"), ((1, 2, 3), "1,2,3")])
def test_a_colour_says_where_holes_are(tmp_path, fill, name):
    write(tmp_path / "a.png", splat(fill))
    assert sizes_in(tmp_path, fill=name)[0] == [1, 4, 201]
    if name != "1,2,3":
        assert sizes_in(tmp_path) == ([1, 4, 201], f"the colour {','.join(map(str, fill))} of holes, within 8 levels")


def test_what_cannot_be_told_is_refused(tmp_path):
    with pytest.raises(OutputError, match="neither a folder of splats"):
        read_holes(tmp_path / "missing")
    with pytest.raises(OutputError, match="holds no pictures"):
        read_holes(tmp_path)
    write(tmp_path / "a.png", splat())
    with pytest.raises(OutputError, match="it cannot be told where"):
        read_holes(tmp_path)
    write(tmp_path / "b.png", splat())
    write(tmp_path / "b_mask.png", THREE.astype(np.uint8) * 255)
    with pytest.raises(OutputError, match=r"has masks, but none for a\.png and 0 others"):
        read_holes(tmp_path)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "broken.png").write_bytes(b"\x89PNG no")
    with pytest.raises(OutputError, match=r"broken\.png cannot be read"):
        read_holes(tmp_path / "c", fill="black")
    for wrong in ("256,0,0", "1,2", "pink"):
        with pytest.raises(ValueError, match="it must be auto, black, white"):
            parse_fill(wrong)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """A scene's triplets as a folder, as shards, in a layout without masks, and padded."""
    root = tmp_path_factory.mktemp("holes")
    write_scene(root / "in" / "a", 3)
    for name, layout, size in (
        ("all", ("folder", "webdataset", "modelscope"), SizeOptions()),
        ("padded", ("folder",), SizeOptions(resize_width=80, resize_height=96, preprocess_mode="pad")),
    ):
        materialize(
            MaterializeOptions(
                source=SourceOptions(input_dir=root / "in"),
                geometry=GeometryOptions(cache_dir=root / "cache"),
                size=size,
                output=OutputOptions(output_dir=root / name),
                export=ExportOptions(layout=layout),
            )
        )
    return root


def test_data_sets_are_read_in_any_layout_with_masks(outputs):
    folder = read_holes(outputs / "all" / "folder")
    assert len(folder.pictures) == 2
    coverage = np.array(Image.open(next((outputs / "all" / "folder" / "a").glob("1_coverage.png"))))
    assert folder.pictures[0].sizes.sum() == (coverage < 255).sum() > 0
    for other in (outputs / "all", outputs / "all" / "webdataset"):
        assert read_holes(other).as_json() | {"told_by": ""} == folder.as_json() | {"told_by": ""}
    with pytest.raises(OutputError, match="layout modelscope, which shows no coverage masks"):
        read_holes(outputs / "all" / "modelscope")


def test_borders_of_padded_pictures_are_no_holes(outputs):
    folder, padded = read_holes(outputs / "all" / "folder"), read_holes(outputs / "padded")
    assert padded.pictures[0].pixels < 80 * 96 * 0.7
    assert padded.coverages == pytest.approx(folder.coverages, abs=0.05)


def test_the_program_says_it_in_lines_and_in_json(outputs, tmp_path, capsys):
    folder = str(outputs / "all" / "folder")
    assert main(["--holes", folder]) == DONE
    assert "holes a picture" in capsys.readouterr().out
    for number in range(12):
        write(tmp_path / f"{number}.png", splat((0, 0, 0)))
    assert main(["--holes", str(tmp_path), str(tmp_path)]) == DONE
    assert "Verdict: the holes of B look like those of A\n" in capsys.readouterr().out
    assert main(["--holes", folder, str(tmp_path), "--json"]) == INCOMPLETE
    told = json.loads(capsys.readouterr().out)
    assert told["a"]["pictures"] == 2
    assert told["b"]["holes_a_picture"]["median"] == 3
    assert not told["comparison"]["alike"]
    assert main([folder, str(tmp_path)]) == UNUSABLE
    assert "goes with --holes alone" in capsys.readouterr().err
