"""The program `splat`: frames are the splats of triplets; whole or absent; every bad input is named."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.scenes import HW, edit_transforms, opengl_world_from_cam, plane_camera, write_photos, write_scene
from warpdata.errors import OutputError
from warpdata.programs.main import DONE, UNUSABLE
from warpdata.programs.materialize import main as materialize
from warpdata.programs.splat import main
from warpdata.writers.output.frame_folder import FrameFolder


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def scene(tmp_path):
    write_scene(tmp_path / "in" / "s", 4)
    return tmp_path / "in" / "s"


def run(scene, output, *flags):
    try:
        return main([str(scene), str(output), "--quiet", *map(str, flags)])
    except SystemExit as exit:
        return exit.code


def pictures(folder):
    """Name -> bytes of every file."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pixels(path):
    return np.asarray(Image.open(path))


SIZES = [
    [],
    ["--resize-width", 64, "--resize-height", 40],
    ["--resize-width", 64, "--resize-height", 60, "--preprocess-mode", "pad"],
    ["--max-megapixels", 0.001, "--multiple", 8],
    ["--sigma", 3, "--warp-version", 1, "--background", 9, 80, 7],
]


@pytest.mark.parametrize("flags", SIZES, ids=lambda flags: " ".join(map(str, flags)) or "plain")
def test_frames_at_the_cameras_of_views_are_the_splats_of_triplets(tmp_path, scene, flags):
    """Byte for byte, masks too, whatever the size and the warp's options."""
    flags = [str(flag) for flag in flags]
    args = ["--input-dir", str(scene.parent), "--output-dir", str(tmp_path / "t"), "--quiet", "--output-format", "png"]
    assert materialize([*args, "--pairs", "all", "--both-directions", *flags]) == DONE
    assert run(scene, tmp_path / "f", "--reference", "1", "--cameras", scene / "transforms.json", *flags) == DONE
    for number in (0, 2, 3):
        frame, coverage = (tmp_path / "f" / kind / f"{number:05d}.png" for kind in ("images", "coverage"))
        assert frame.read_bytes() == (tmp_path / "t" / "s" / f"{number}__1_splats.png").read_bytes()
        assert coverage.read_bytes() == (tmp_path / "t" / "s" / f"{number}__1_coverage.png").read_bytes()


def test_the_first_frame_of_a_path_is_the_reference(tmp_path, scene):
    assert run(scene, tmp_path / "f", "--reference", "2", "--path", "spiral", "--frames", 3) == DONE
    assert (pixels(tmp_path / "f/images/00000.png") == pixels(scene / "images/2.png")).all()
    assert (pixels(tmp_path / "f/coverage/00000.png") == 255).all()
    assert (pixels(tmp_path / "f/images/00001.png") != pixels(scene / "images/2.png")).any()


def test_the_cameras_of_the_frames_give_the_frames_again(tmp_path, scene):
    assert run(scene, tmp_path / "f", "--frames", 4, "--amount", 2, "--resize-width", 60, "--resize-height", 44) == DONE
    listed = json.loads((tmp_path / "f/cameras.json").read_text(encoding="utf-8"))
    assert (listed["w"], listed["h"], len(listed["frames"])) == (60, 44, 4)
    assert (listed["scene"], listed["reference"], listed["warp_version"]) == ("s", "0", 2)
    again = ["--cameras", tmp_path / "f/cameras.json", "--resize-width", 60, "--resize-height", 44]
    assert run(scene, tmp_path / "g", *again) == DONE
    first, second = pictures(tmp_path / "f"), pictures(tmp_path / "g")
    assert {name for name in first if first[name] != second[name]} == {"cameras.json"}


def test_poses_alone_take_the_references_intrinsics(tmp_path, scene):
    frames = [{"transform_matrix": opengl_world_from_cam(plane_camera(index))} for index in range(3)]
    (tmp_path / "poses.json").write_text(json.dumps({"frames": frames}), encoding="utf-8")
    assert run(scene, tmp_path / "f", "--reference", "0", "--cameras", tmp_path / "poses.json") == DONE
    assert run(scene, tmp_path / "g", "--reference", "0", "--cameras", scene / "transforms.json") == DONE
    for number in range(3):
        name = f"images/{number:05d}.png"
        assert (tmp_path / "f" / name).read_bytes() == (tmp_path / "g" / name).read_bytes()


def test_a_path_through_the_cameras_of_a_file_meets_them(tmp_path, scene):
    assert run(scene, tmp_path / "f", "--path", scene / "transforms.json", "--frames", 7) == DONE
    assert run(scene, tmp_path / "g", "--cameras", scene / "transforms.json") == DONE
    for key in range(4):
        frame = (tmp_path / "f" / "images" / f"{2 * key:05d}.png").read_bytes()
        assert frame == (tmp_path / "g" / "images" / f"{key:05d}.png").read_bytes()


def test_a_scene_of_one_picture_and_one_in_a_zip_are_enough(tmp_path):
    write_scene(tmp_path / "s", 1)
    assert run(tmp_path / "s", tmp_path / "f", "--frames", 2) == DONE
    shutil.make_archive(str(tmp_path / "s"), "zip", tmp_path / "s")
    assert run(tmp_path / "s.zip", tmp_path / "g", "--frames", 2) == DONE
    for name in ("images/00001.png", "coverage/00001.png"):
        assert (tmp_path / "f" / name).read_bytes() == (tmp_path / "g" / name).read_bytes()


def test_what_is_complete_stays_and_what_differs_is_refused(tmp_path, scene, capsys):
    output = tmp_path / "f"
    assert run(scene, output, "--frames", 3) == DONE
    before = pictures(output)
    assert run(scene, output, "--frames", 3) == DONE
    assert "complete already" in capsys.readouterr().err
    assert run(scene, output, "--frames", 2) == UNUSABLE
    assert "--overwrite" in capsys.readouterr().err
    assert pictures(output) == before
    assert run(scene, output, "--frames", 2, "--overwrite") == DONE
    assert len(pictures(output)) == 5
    assert run(scene, output, "--frames", 3, "--overwrite") == DONE
    assert pictures(output) == before
    (output / "images/00001.png").unlink()
    assert run(scene, output, "--frames", 3) == DONE
    assert pictures(output) == before


def test_interrupted_it_goes_on_where_it_stopped(tmp_path, scene, monkeypatch):
    asked = []
    write = FrameFolder.write

    def stop_at_the_third(self, number, *planes):
        asked.append(number)
        if len(asked) == 3:
            raise KeyboardInterrupt
        write(self, number, *planes)
        self._store(0)

    monkeypatch.setattr(FrameFolder, "write", stop_at_the_third)
    assert run(scene, tmp_path / "f", "--frames", 5) == 130
    assert not (tmp_path / "f").exists()
    assert run(scene, tmp_path / "f", "--frames", 5) == DONE
    assert asked == [0, 1, 2, 2, 3, 4]
    assert not list(tmp_path.glob(".f*"))
    assert run(scene, tmp_path / "g", "--frames", 5) == DONE
    assert pictures(tmp_path / "f") == pictures(tmp_path / "g")


def test_frames_of_other_options_are_not_taken_up(tmp_path, scene, monkeypatch):
    monkeypatch.setattr(FrameFolder, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert run(scene, tmp_path / "f", "--frames", 2) == 130
    monkeypatch.undo()
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    assert run(scene, tmp_path / "f", "--frames", 2, "--path", "pan") == DONE
    assert run(scene, tmp_path / "g", "--frames", 2, "--path", "pan") == DONE
    assert pictures(tmp_path / "f") == pictures(tmp_path / "g")


def test_a_disk_that_fails_is_named_and_leaves_nothing_under_the_name(tmp_path, scene, monkeypatch, capsys):
    def full(path, data):
        raise OutputError(f"cannot write {path}: the disk is full")

    monkeypatch.setattr("warpdata.writers.output.frame_folder.write_atomic", full)
    assert run(scene, tmp_path / "f", "--frames", 2) == UNUSABLE
    assert "the disk is full" in capsys.readouterr().err
    assert not (tmp_path / "f").exists()


def test_a_dry_run_writes_nothing(tmp_path, scene, capsys):
    before = sorted(tmp_path.rglob("*"))
    assert run(scene, tmp_path / "f", "--dry-run", "--cameras", scene / "transforms.json") == DONE
    said = capsys.readouterr().err
    assert "4 frames of 70 x 48" in said
    assert "s/0" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_video_has_the_frames(tmp_path, scene):
    av = pytest.importorskip("av")
    assert run(scene, tmp_path / "f.mkv", "--frames", 3, "--path", "dolly") == DONE
    assert run(scene, tmp_path / "f", "--frames", 3, "--path", "dolly") == DONE
    with av.open(str(tmp_path / "f.mkv")) as video:
        decoded = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(decoded) == 3
    for number, frame in enumerate(decoded):
        assert (frame == pixels(tmp_path / f"f/images/{number:05d}.png")).all()
    assert run(scene, tmp_path / "f.mp4", "--frames", 2, "--video-fps", 12) == DONE
    with av.open(str(tmp_path / "f.mp4")) as video:
        assert video.streams.video[0].average_rate == 12
    assert run(scene, tmp_path / "f.mp4", "--frames", 2) == UNUSABLE
    assert run(scene, tmp_path / "f.mp4", "--frames", 2, "--overwrite") == DONE


def test_bad_input_is_named(tmp_path, scene, capsys):
    write_scene(tmp_path / "in" / "t", 2)
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious", encoding="utf-8")
    out = tmp_path / "f"
    for arguments, said in {
        (tmp_path / "none", out): "there is no scene",
        (tmp_path / "in", out): "holds 2 scenes (s, t)",
        (scene, out, "--reference", "7"): "the views of s are 0, 1, 2, 3",
        (scene, out, "--path", "circle"): "choose from orbit, dolly, pan, spiral",
        (scene, out, "--path", tmp_path / "bad.json"): "not a list of cameras",
        (scene, out, "--cameras", tmp_path / "bad.json"): "not a list of cameras",
        (scene, out, "--cameras", tmp_path / "bad.json", "--frames", 3): "so do --frames",
        (scene, out, "--frames", 0): "--frames is 0",
        (scene, out, "--amount", "nan"): "--amount is nan",
        (scene, out, "--video-fps", 0): "--video-fps is 0",
        (scene, tmp_path / "f.avi"): ".mp4 or .mkv",
        (scene, tmp_path / "file"): "is a file",
        (scene, tmp_path / "full"): "holds other files",
        (scene, scene): "is the scene itself",
        (scene, tmp_path / "full", "--overwrite"): "holds other files",
        (scene, out, "--depth-conf-threshold", 5): "has no point",
        (scene, out, "--backend", "paint"): "choose from auto",
    }.items():
        assert run(*arguments) == UNUSABLE, arguments
        assert said in capsys.readouterr().err, arguments
        assert not out.exists()
    assert (tmp_path / "full" / "mine.txt").read_text(encoding="utf-8") == "precious"


def test_a_reference_without_depth_is_named(tmp_path, scene, capsys):
    (scene / "images" / "2.png").write_bytes(b"broken")
    assert run(scene, tmp_path / "f", "--reference", "2", "--frames", 2) == UNUSABLE
    assert "2.png" in capsys.readouterr().err
    assert run(scene, tmp_path / "f", "--reference", "1", "--frames", 2) == DONE


def test_photographs_without_geometry_say_what_to_do(tmp_path, capsys):
    write_photos(tmp_path / "s", 2)
    assert run(tmp_path / "s", tmp_path / "f", "--geometry", "given") == UNUSABLE
    assert "ships no camera for any view" in capsys.readouterr().err


def test_pictures_of_another_size_have_the_size_of_triplets(tmp_path, scene):
    """Depth of half the size: points are made there, as in triplets."""
    for index in range(4):
        depth = pixels(scene / f"depth/{index}.png")
        Image.fromarray(depth[::2, ::2]).save(scene / f"depth/{index}.png")
    edit_transforms(scene)
    assert run(scene, tmp_path / "f", "--cameras", scene / "transforms.json") == DONE
    args = ["--input-dir", str(scene.parent), "--output-dir", str(tmp_path / "t"), "--quiet", "--output-format", "png"]
    assert materialize(args) == DONE
    assert pixels(tmp_path / "f/images/00001.png").shape == (*HW, 3)
    assert (tmp_path / "f/images/00001.png").read_bytes() == (tmp_path / "t/s/1_splats.png").read_bytes()
