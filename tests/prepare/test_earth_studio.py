"""Exports of Earth Studio, films and picture sequences, to scenes whose cameras belong to their pictures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from warpdata.config import SourceOptions
from warpdata.errors import OutputError, SceneError
from warpdata.formats.earth_studio import Place, read_track
from warpdata.prepare.earth_studio import EarthStudioOptions, find_exports, make_scene
from warpdata.programs.main import main
from warpdata.sources import open_source

pytest.importorskip("av", reason="films need the extra `video`")

WH = (64, 48)
COUNT = 7


def track_json(count=COUNT, wh=WH, still=()):
    frames, metres = [], 0.0
    for number in range(count):
        metres += 0.0 if number in still else 11.0
        latitude = 48.0 + metres / 111_200
        frames.append(
            {
                "position": dict(zip("xyz", Place(latitude, 11.0, 900.0).earth_centred.tolist(), strict=True)),
                "rotation": {"x": 180.0, "y": -42.0, "z": -90.0},
                "coordinate": {"latitude": latitude, "longitude": 11.0, "altitude": 900.0},
                "fovVertical": 30,
            }
        )
    return {"name": "town", "width": wh[0], "height": wh[1], "numFrames": count, "cameraFrames": frames}


def colour(number):
    return (30 * number + 20, 200 - 25 * number, 90)


def write_film(path, count=COUNT, wh=WH):
    """A film each of whose frames is of a colour of its own."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *wh, "yuv420p"
        stream.options = {"crf": "5"}
        for number in range(count):
            pixels = np.full((wh[1], wh[0], 3), colour(number), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "downloaded_data"
    folder.mkdir()
    (folder / "town.json").write_text(json.dumps(track_json()))
    write_film(folder / "town.mp4")
    return tmp_path


def made(root, name="town", **options):
    return make_scene(root, name, EarthStudioOptions(**options), progress=lambda *_: None)


def scene_of(root):
    source = open_source(SourceOptions(input_dir=root / "data"))
    return source.scene(source.scene_ids()[0])


def tree(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_film_becomes_a_scene_whose_cameras_are_those_of_the_frames(root, capsys):
    assert main(["prepare", "earth-studio", "--data-root", str(root)]) == 0
    assert "town: 7 pictures" in capsys.readouterr().err
    scene = scene_of(root)
    assert scene.source == "earth-studio"
    assert scene.scale == "metric"
    assert "Google Earth Studio" in scene.license
    assert [view.name for view in scene.views] == [f"town_{number:03d}" for number in range(COUNT)]
    track = read_track(root / "downloaded_data" / "town.json")
    for number, view in enumerate(scene.views):
        pixels = view.picture.load().float().mean(dim=(1, 2))
        assert pixels.tolist() == pytest.approx(colour(number), abs=6)
        expected = track.frames[number].camera(track.hw, track.origin())
        torch.testing.assert_close(view.camera.cam_from_world, expected.cam_from_world)
        torch.testing.assert_close(view.camera.K, expected.K)
        assert view.tags == ("rendered",)
    centres = torch.stack([view.camera.world_from_cam[:3, 3] for view in scene.views])
    assert centres[-1].tolist() == pytest.approx([0, 66, 0], abs=0.1)


def test_again_changes_nothing_and_what_is_missing_is_made(root):
    made(root)
    before = tree(root)
    assert made(root).there == COUNT
    (root / "data" / "town" / "frames.json").write_text(
        (root / "data" / "town" / "frames.json").read_text().replace('"complete": true', '"complete": false')
    )
    (root / "data" / "town" / "footage" / "town_003.jpeg").unlink()
    again = made(root)
    assert (again.written, again.there) == (1, COUNT - 1)
    assert tree(root) == before
    with pytest.raises(OutputError, match=r"other options .*overwrite=True"):
        made(root, format="png")
    assert made(root, format="png", overwrite=True).written == COUNT
    names = sorted(path.name for path in (root / "data" / "town" / "footage").iterdir())
    assert names[0] == "town_000.png"
    assert len(names) == COUNT


def test_a_dry_run_writes_nothing(root):
    before = tree(root)
    assert made(root, dry_run=True).written == COUNT
    assert tree(root) == before


def test_picture_sequences_are_taken_as_they_are(root):
    (root / "downloaded_data" / "town.mp4").unlink()
    (root / "downloaded_data" / "town").mkdir()
    for number in range(COUNT):
        Image.new("RGB", WH, colour(number)).save(root / "downloaded_data" / "town" / f"shot_{number}.png")
    assert made(root, format="png").written == COUNT
    assert scene_of(root).views[4].picture.load()[:, 5, 5].tolist() == list(colour(4))


def test_frames_that_do_not_move_are_dropped_and_numbers_stay(root):
    (root / "downloaded_data" / "town.json").write_text(json.dumps(track_json(still={2, 3})))
    report = made(root, min_step=1.0)
    assert (report.written, report.dropped) == (COUNT - 2, 2)
    views = scene_of(root).views
    assert [view.name[-3:] for view in views] == ["000", "001", "004", "005", "006"]
    assert views[2].camera.world_from_cam[1, 3].item() == pytest.approx(22, abs=0.1)


def test_the_origin_is_that_asked_for(root):
    made(root, origin="48.0,11.0,900")
    assert scene_of(root).views[0].camera.world_from_cam[:3, 3].tolist() == pytest.approx([0, 11, 0], abs=0.05)


def test_one_frame_may_be_missing_at_the_end_and_no_more(root):
    (root / "downloaded_data" / "town.json").write_text(json.dumps(track_json(COUNT + 1)))
    report = made(root)
    assert "7 frames, one less than the track" in report.line()
    assert len(scene_of(root).views) == COUNT
    (root / "downloaded_data" / "town.json").write_text(json.dumps(track_json(COUNT + 2)))
    assert "the film has 7 frames and the track 9" in made(root, overwrite=True).problem


def test_films_a_pixel_smaller_are_of_the_track_and_others_are_not(root):
    (root / "downloaded_data" / "town.json").write_text(json.dumps(track_json(wh=(65, 49))))
    made(root)
    camera = scene_of(root).views[0].camera
    assert camera.hw == (48, 64)
    (root / "data" / "town" / "town.json").write_text(json.dumps(track_json(wh=(64, 64))))
    with pytest.raises(SceneError, match="64x48 pixels and the track is of 64x64, another shape"):
        scene_of(root)


def test_one_export_that_fails_costs_itself(root, capsys):
    (root / "downloaded_data" / "bad.json").write_text("{}")
    (root / "downloaded_data" / "lone.json").write_text(json.dumps(track_json()))
    assert find_exports(root) == ["bad", "lone", "town"]
    assert main(["prepare", "earth-studio", "--data-root", str(root)]) == 1
    said = capsys.readouterr().err
    assert "left out bad: " in said
    assert "no list `cameraFrames`" in said
    assert "left out lone: there is neither a film" in said
    assert "town: 7 pictures" in said


def test_a_list_says_which(root, tmp_path):
    (tmp_path / "list.txt").write_text("town\n\n")
    assert find_exports(root, tmp_path / "list.txt") == ["town"]
    (tmp_path / "list.txt").write_text("../town\n")
    assert main(["prepare", "earth-studio", "--data-root", str(root), "--scene-list", str(tmp_path / "list.txt")]) == 2
    assert main(["prepare", "earth-studio", "--data-root", str(tmp_path / "none")]) == 2
