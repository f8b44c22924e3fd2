"""Scenes as the viewer's page gets them: cameras, points, and the very picture that `splat` makes."""

from __future__ import annotations

import json
import shlex
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.scenes import write_photos, write_scene
from warpdata.config import GeometryOptions, OutputOptions, RenderOptions, SourceOptions
from warpdata.errors import GeometryError, SourceError
from warpdata.programs.flags import CommandLine
from warpdata.programs.main import DONE
from warpdata.programs.splat import main as splat_program
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions
from warpdata.run.splat import splat
from warpdata.run.splat_options import SplatOptions
from warpdata.view.columns import Columns
from warpdata.view.live_warp import Asked
from warpdata.view.opening import open_paths
from warpdata.view.points import depth_picture, step_within
from warpdata.view.scenes import LIVE_SIZE, Scenes
from warpdata.view.shelves import CacheShelf, FolderShelf
from warpdata.view.view_arrays import ViewArrays

ARGUMENTS = CommandLine(SplatOptions).arguments


def open_scenes(path, cache):
    shelf = FolderShelf(SourceOptions(input_dir=path), GeometryOptions(cache_dir=cache), LIVE_SIZE)
    return Scenes(shelf, ARGUMENTS)


@pytest.fixture
def scenes(tmp_path):
    write_scene(tmp_path / "in" / "a", 3, (40, 60))
    opened = open_scenes(tmp_path / "in", tmp_path / "cache")
    yield opened
    opened.close()


def asked(scenes, view=1, moved=(0.0, 0.0, 0.0), **options):
    """What the page asks for from beside a view."""
    matrix = scenes.details(0)["views"][view]["transform_matrix"]
    pose = [[*row[:3], row[3] + by] for row, by in zip(matrix, (*moved, 0.0), strict=True)]
    return Asked.from_json({"transform_matrix": pose, **options})


def points_of(data):
    """Positions and colours as the page reads them."""
    count, *origin = struct.unpack("<I4x3d", data[:32])
    positions = np.frombuffer(data, "<f4", 3 * count, 32).reshape(-1, 3) + origin
    return positions, np.frombuffer(data, np.uint8, 3 * count, 32 + 12 * count).reshape(-1, 3)


def test_views_have_their_cameras(scenes):
    details = scenes.details(0)
    assert (details["id"], details["size"], details["estimator"]) == ("a", [60, 40], "given")
    assert [view["name"] for view in details["views"]] == ["0", "1", "2"]
    written = json.loads((Path(scenes.title) / "a" / "transforms.json").read_text())
    for view, frame in zip(details["views"], written["frames"], strict=True):
        np.testing.assert_allclose(view["transform_matrix"], frame["transform_matrix"], atol=1e-9)
        assert view["K"][0][0] == pytest.approx(written.get("fl_x", frame.get("fl_x")))


def test_nothing_is_written_but_what_goes_with_the_viewer(scenes, tmp_path):
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    scenes.details(0)
    scenes.see(0, asked(scenes))
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "options",
    [{}, {"reference": "0", "sigma": 7.0}, {"version": 1, "s0": 0.02}, {"edge_threshold": 0.05},
     {"confidence_threshold": 1.5, "reference": "2"}],
)  # fmt: skip
def test_the_picture_is_the_one_that_the_command_and_the_call_make(scenes, tmp_path, monkeypatch, options):
    """Byte for byte, from a camera that is nobody's view."""
    wanted = asked(scenes, moved=(0.013, -0.021, 0.017), **options)
    seen = scenes.see(0, wanted)
    height, width = seen.picture.rgb.shape[1:]
    live = np.frombuffer(seen.rgba(), np.uint8).reshape(height, width, 4)
    how = scenes.repeat(0, wanted)
    monkeypatch.chdir(tmp_path)
    Path(how["file"]).write_text(how["camera"])
    words = shlex.split(how["command"])
    assert words[:3] == ["python", "-m", "warpdata.splat"]
    assert splat_program([*words[3:], "--quiet"]) == DONE
    made = np.asarray(Image.open(how["gives"]))
    np.testing.assert_array_equal(live[..., :3], made)
    assert (live[..., 3] == 255).all()
    from warpdata.config import FilterOptions, SizeOptions

    names = {kind.__name__: kind for kind in (SplatOptions, FilterOptions, SizeOptions, RenderOptions, GeometryOptions)}
    call = how["python"].replace("Path('splat')", "Path('again')")
    exec(call, {"splat": splat, "Path": Path, **names})
    assert Path("again/images/00000.png").read_bytes() == Path(how["gives"]).read_bytes()


def test_numbers_are_those_of_the_picture(scenes):
    seen = scenes.see(0, asked(scenes, moved=(0.2, 0, 0), reference="1"))
    numbers = seen.numbers()
    assert numbers["reference"] == "1"
    assert numbers["hole_fraction"] == pytest.approx(1 - seen.picture.visible.float().mean().item())
    assert 0 < numbers["hole_fraction"] < 1
    at_itself = scenes.see(0, asked(scenes, reference="1"))
    assert at_itself.numbers()["hole_fraction"] == 0


def test_the_nearest_view_is_taken_where_none_is_chosen(scenes):
    for view in range(3):
        assert scenes.see(0, asked(scenes, view, moved=(1e-3, 0, 0))).reference == str(view)


@pytest.mark.parametrize(
    "body",
    [[], {}, {"transform_matrix": 3}, {"transform_matrix": [[1, 0], [0, 1]]},
     {"transform_matrix": [["a"] * 4] * 4}, {"transform_matrix": [[0.0] * 4] * 4}, {"sigma": -1}, {"sigma": "1"},
     {"sigma": float("nan")}, {"version": 3}, {"s0": 0}, {"edge_threshold": -1}, {"reference": "nobody"},
     {"reference": 3}],
)  # fmt: skip
def test_wrong_questions_are_refused(scenes, body):
    if isinstance(body, dict) and body and "transform_matrix" not in body:
        body = {"transform_matrix": scenes.details(0)["views"][0]["transform_matrix"], **body}
    with pytest.raises(ValueError):
        scenes.see(0, Asked.from_json(body))


def test_points_lie_on_the_plane_and_have_their_pictures_colours(scenes):
    """The scene is a plane that all cameras see: depth of every point in its own view is the view's."""
    positions, colours = points_of(scenes.points(0, budget=10_000, colour_by="picture", view=1))
    entry = scenes._scene(0).entry
    frame = entry.frame(1)
    assert len(positions) == 40 * 60
    in_camera = positions @ frame.camera.cam_from_world[:3, :3].numpy().T + frame.camera.cam_from_world[:3, 3].numpy()
    np.testing.assert_allclose(in_camera[:, 2], frame.depth.flatten().numpy(), rtol=1e-5)
    picture = scenes._scene(0).pairs.pictures[1].load()
    np.testing.assert_array_equal(colours, picture.permute(1, 2, 0).reshape(-1, 3).numpy())


def test_the_probe_gives_depth_and_confidence_of_the_pixel(tmp_path):
    """Depth half as large as the picture, which differs from pixel to pixel, and of a camera that is not centred."""
    write_scene(tmp_path / "in", 2, (40, 60))
    scenes = open_scenes(tmp_path / "in", tmp_path / "cache")
    opened = scenes._scene(0)
    frame, picture = opened.entry.frame(1), opened.pairs.pictures[1].load()
    for x, y in ((0, 0), (59, 39), (17, 31)):
        found = scenes.probe(0, 1, x, y)["pictures"]
        assert found["picture"]["values"] == picture[:, y, x].tolist()
        assert found["depth"]["values"] == [frame.depth[y, x].item()]
        assert found["confidence"]["values"] == [frame.confidence[y, x].item()]
    with pytest.raises(ValueError, match="outside"):
        scenes.probe(0, 1, 60, 0)
    coarse = replace(
        frame,
        depth=torch.arange(20 * 15, dtype=torch.float32).reshape(20, 15) + 1,
        confidence=torch.full((20, 15), 2.0),
        camera=frame.camera.resized((20, 15)),
    )
    arrays = ViewArrays.of(coarse, frame.camera, lambda: picture)
    assert arrays.depth[31, 17] == coarse.depth[15, 4]
    assert arrays.depth[39, 59] == coarse.depth[19, 14]
    assert arrays.shown("confidence")[0, 5, 5] == 128
    shifted = ViewArrays.of(coarse, frame.camera.mapped((1.0, 1.0), (4.0, 0.0), (40, 60)), lambda: picture)
    assert shifted.depth[0, 0] == 0
    assert shifted.depth[31, 21] == coarse.depth[15, 4]
    scenes.close()


def test_points_are_no_more_than_asked_for(scenes):
    for budget in (1, 100, 3000, 10**9):
        assert len(points_of(scenes.points(0, budget=budget, colour_by="view"))[0]) <= max(3, budget)
    of_views = points_of(scenes.points(0, budget=3000, colour_by="view"))[1]
    assert len(np.unique(of_views, axis=0)) == 3


def test_depth_in_colours_has_a_scale():
    depth = np.linspace(1, 3, 200, dtype=np.float32).reshape(10, 20)
    depth[0, 0] = 0
    colours, near, far = depth_picture(depth)
    assert (near, far) == (pytest.approx(1.05, abs=0.02), pytest.approx(2.96, abs=0.02))
    assert colours[0, 0].tolist() == [0, 0, 0]
    assert colours[0, 1, 0] > colours[0, 1, 2]
    assert colours[-1, -1, 2] > colours[-1, -1, 0]


def test_a_scene_without_geometry_says_what_to_do(tmp_path):
    write_photos(tmp_path / "in" / "photos")
    scenes = open_scenes(tmp_path / "in", tmp_path / "cache")
    assert scenes.first_picture(0).startswith(b"\xff\xd8")
    with pytest.raises(GeometryError, match="materialize"):
        scenes.details(0)
    with pytest.raises(IndexError):
        scenes.details(1)
    scenes.close()


def test_what_a_path_is_is_seen_or_said(tmp_path):
    write_scene(tmp_path / "scene", 2)
    write_photos(tmp_path / "photos")
    scene, photos = tmp_path / "scene", tmp_path / "photos"
    asked_for = (([scene, photos], "auto"), ([photos], "scenes"), ([scene], "folders"))
    for (paths, kind), kinds in zip(asked_for, ([Scenes, Columns], [Scenes], [Columns]), strict=True):
        shown = open_paths(paths, kind)
        assert [type(one) for one in shown] == kinds
        for one in shown:
            one.close()
    (tmp_path / "nothing").mkdir()
    with pytest.raises(SourceError):
        open_paths([tmp_path / "nothing"], "scenes")


def test_steps_keep_within_the_budget():
    for hw in ((40, 60), (1, 7), (480, 640)):
        for most in (1, 2, 35, 36, 10_000, 10**7):
            step = step_within(hw, most)
            assert -(-hw[0] // step) * -(-hw[1] // step) <= most
            assert step == 1 or -(-hw[0] // (step - 1)) * -(-hw[1] // (step - 1)) > most


class TestOfACache:
    """A cache is looked at by itself."""

    @pytest.fixture
    def cache(self, tmp_path):
        write_scene(tmp_path / "in" / "a", 3, (40, 60))
        options = MaterializeOptions(
            source=SourceOptions(input_dir=tmp_path / "in"),
            geometry=GeometryOptions(cache_dir=tmp_path / "cache"),
            output=OutputOptions(output_dir=tmp_path / "out"),
        )
        materialize(options)
        return tmp_path / "cache"

    @pytest.fixture
    def of_cache(self, cache):
        opened = Scenes(CacheShelf(cache), ARGUMENTS)
        yield opened
        opened.close()

    def test_its_scenes_are_those_it_was_made_for(self, of_cache, scenes):
        mine, theirs = of_cache.details(0), scenes.details(0)
        assert (mine["id"], mine["left_out"]) == ("a (given)", {})
        assert mine["views"] == theirs["views"]
        assert of_cache.view_picture(0, 1) == scenes.view_picture(0, 1)
        assert torch.equal(of_cache.see(0, asked(of_cache)).picture.rgb, scenes.see(0, asked(scenes)).picture.rgb)

    def test_without_its_pictures_depth_stands_in_their_place(self, cache, of_cache, tmp_path):
        shutil.rmtree(tmp_path / "in")
        details = of_cache.details(0)
        assert "not at" in details["left_out"]["pictures"]
        assert of_cache.depth(0, 0)[1] > 0
        assert of_cache.points(0, budget=100, colour_by="picture")
        assert of_cache.first_picture(0)

    def test_pictures_that_have_changed_are_not_shown_for_those_it_was_made_from(self, of_cache, tmp_path):
        path = next((tmp_path / "in" / "a").rglob("0.*"))
        Image.new("RGB", (60, 40), (9, 9, 9)).save(path)
        assert "have changed" in of_cache.details(0)["left_out"]["pictures"]

    def test_it_is_recognised_and_an_empty_one_is_named(self, cache, tmp_path):
        (shown,) = open_paths([cache])
        assert shown.kind == "scenes"
        shown.close()
        for name in ("geometry", "digests"):
            (tmp_path / "empty" / name).mkdir(parents=True)
        with pytest.raises(SourceError, match="holds no geometry"):
            open_paths([tmp_path / "empty"])

    def test_the_command_finds_the_same(self, of_cache, cache, tmp_path):
        command = of_cache.repeat(0, asked(of_cache))["command"]
        assert f"--cache-dir {cache}" in command
        assert "--geometry given" in command
        assert str(tmp_path / "in" / "a") in command
