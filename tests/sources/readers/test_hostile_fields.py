"""Every field of the formats of cameras, with every kind of wrong value.

A field costs its frame, or the scene where it stands for all; no value makes a reader fail otherwise, or read a file
outside the scene's folder. Models of COLMAP have such tests of their own.
"""

import copy
import json

import numpy as np
import pytest

from tests.scenes import HW, edit_transforms, plane_camera, plane_depth, write_depth, write_image, write_scene
from warpdata.config import SourceOptions
from warpdata.errors import SceneError, ViewError
from warpdata.files import bounded_json
from warpdata.formats import transforms
from warpdata.programs.materialize import main
from warpdata.sources import open_source

NUMBERS = (float("nan"), float("inf"), -1, 0, 10**400, True, None, "800", [1], {})
LENS = (float("nan"), "x", None, [[1]])
PATHS = (
    None,
    7,
    "",
    ".",
    "..",
    "../secret.png",
    "/etc/passwd",
    "C:/secret.png",
    "..\\secret.png",
    "a\0b",
    "x" * 5000,
    "\udc80",
)
MATRICES = (
    None,
    "x",
    [],
    [[1]],
    [[float("nan")] * 4] * 4,
    [[10**400] * 4] * 4,
    np.zeros((4, 4)).tolist(),
    [[1, 2], [3]],
)
WORDS = (7, "", "x" * 5000, None, [], {})
LISTS = (7, "x", [7, {}], {"depth": 7})

OF_FRAMES = {
    **dict.fromkeys(("file_path", "image"), PATHS),
    **dict.fromkeys(("transform_matrix",), MATRICES),
    **dict.fromkeys(("frame_name",), WORDS),
}
ANYWHERE = {
    **dict.fromkeys(("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_angle_x"), NUMBERS),
    **dict.fromkeys(("applied_scale", "depth_unit_scale_factor"), NUMBERS),
    **dict.fromkeys(("k1", "p2", "distortion_params"), LENS),
    **dict.fromkeys(("depth_file_path", "mask_path", "ply_file_path", "depth", "mask"), PATHS),
    **dict.fromkeys(("camera_model", "camera_convention", "scale_type", "license"), WORDS),
    **dict.fromkeys(("train_filenames", "frame_modalities", "scene_modalities", "applied_transform"), LISTS),
}


def write_transforms_room(folder):
    write_scene(folder)
    for k in range(3):
        write_image(folder / "masks" / f"{k}.png", np.full(HW, 255, np.uint8))
        edit_transforms(folder, k, mask_path=f"masks/{k}.png")
    return folder / "transforms.json"


def write_wai_room(folder):
    file = write_transforms_room(folder)
    meta = json.loads(file.read_text())
    for k, frame in enumerate(meta["frames"]):
        write_depth(folder / "depth" / f"{k}.exr", plane_depth(plane_camera(k)).numpy())
        frame.pop("depth_file_path")
        frame |= {"frame_name": f"f{k}", "image": frame["file_path"], "mask": frame.pop("mask_path")}
        frame |= {"depth": f"depth/{k}.exr", "transform_matrix": plane_camera(k).world_from_cam.tolist()}
    file.unlink()
    (folder / "scene_meta.json").write_text(json.dumps(meta))
    return folder / "scene_meta.json"


WRITERS = {"transforms": write_transforms_room, "wai": write_wai_room}


@pytest.fixture(scope="module", params=WRITERS)
def room(request, tmp_path_factory):
    """The file of cameras of a scene, and what it says."""
    top = tmp_path_factory.mktemp(request.param)
    (top / "secret.png").write_bytes(b"secret")
    file = WRITERS[request.param](top / "in" / "room")
    return file, json.loads(file.read_text())


def used(file, content):
    """The scene's views that hold up when all of them is read, and why the others do not."""
    # As hostile files have it: NaN and infinity are written as they are.
    file.write_text(json.dumps(content), encoding="utf-8")
    scene = open_source(SourceOptions(input_dir=file.parent.parent)).scene("room")
    views, reasons = {}, dict(scene.left_out)
    for view in scene.views:
        for part in (view.picture, view.depth, view.mask):
            for path in () if part is None else part.files:
                assert path.resolve().is_relative_to(file.parent.resolve())
        try:
            view.picture.hw()
            for part in (view.depth, view.mask):
                if part is not None:
                    part.load()
            views[view.name] = view
        except ViewError as error:
            reasons[view.name] = str(error)
    return views, reasons, scene


@pytest.mark.parametrize("field", OF_FRAMES | ANYWHERE)
def test_a_wrong_value_costs_its_frame_at_most(room, field):
    file, whole = room
    for value in (OF_FRAMES | ANYWHERE)[field]:
        content = copy.deepcopy(whole)
        content["frames"][1][field] = value
        views, reasons, scene = used(file, content)
        assert len(views) + len(reasons) == 3, (value, reasons)
        assert {"0", "2"} <= views.keys(), (value, reasons)
        assert all(len(reason) > 20 for reason in (*reasons.values(), *scene.notes))


@pytest.mark.parametrize("field", ANYWHERE)
def test_a_wrong_value_at_the_top_costs_the_scene_at_most(room, field):
    file, whole = room
    costs_the_scene = []
    for value in ANYWHERE[field][::2]:  # the frames' test takes them all
        try:
            views, reasons, scene = used(file, {**whole, field: value})
        except SceneError as error:
            costs_the_scene.append(str(error))
        else:
            assert len(views) + len(reasons) == 3, (value, reasons)
            assert scene.scale == "arbitrary"
    assert all("room" in reason for reason in costs_the_scene)


@pytest.mark.parametrize("frames", [None, {}, "x", 7, [], [None], [[]], ["x"], [7], [{}]])
def test_wrong_lists_of_frames_cost_the_scene_and_name_the_file(room, frames):
    file, whole = room
    with pytest.raises(SceneError, match="room"):
        used(file, {**whole, "frames": frames})


def test_frames_that_come_again_are_named_each(room):
    file, whole = room
    views, reasons, _ = used(file, {**whole, "frames": [*whole["frames"], *([whole["frames"][0]] * 100)]})
    assert len(views) == 3
    assert len(reasons) == 100


def test_counts_are_bounded_before_memory_is_taken(room, monkeypatch):
    file, whole = room
    monkeypatch.setattr(transforms, "MAX_FRAMES", 50)
    with pytest.raises(SceneError, match="lists 103 frames, more than the 50 of a scene"):
        used(file, {**whole, "frames": [*whole["frames"], *[{}] * 100]})
    monkeypatch.setattr(bounded_json, "MAX_JSON_CONTAINERS", 100)
    with pytest.raises(SceneError, match="lists and objects, more than the 100 that are read"):
        used(file, {**whole, "frames": [*whole["frames"], *[{}] * 100]})


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_link_out_of_the_folder_costs_its_view(room, tmp_path, part):
    file, whole = room
    frame = whole["frames"][1]
    keys = ("file_path", "depth_file_path", "mask_path") if "mask_path" in frame else ("image", "depth", "mask")
    path = file.parent / frame[keys[part]]
    path.rename(tmp_path / path.name)
    path.symlink_to(tmp_path / path.name)
    try:
        views, reasons, _ = used(file, whole)
    finally:
        path.unlink()
        (tmp_path / path.name).rename(path)
    assert list(views) == ["0", "2"]
    assert "is a link that leads out of the scene's folder" in reasons["images/1.png"]


def test_what_a_person_sees(room, tmp_path, capsys):
    """The run goes on, ends with 1, and names scene, entry and reason on the screen and in the report."""
    file, whole = room
    content = copy.deepcopy(whole)
    content["frames"][1]["fl_x"] = float("nan")
    file.write_text(json.dumps(content))
    out = tmp_path / "out"
    arguments = ["--input-dir", file.parent.parent, "--output-dir", out, "--geometry", "given", "--quiet"]
    assert main([str(argument) for argument in arguments]) == 1
    said = "fl_x is nan, expected a finite number"
    (scene,) = json.loads((out / "report.json").read_text())["scenes"]
    assert scene["source"] == file.parent.parent.parent.name.rstrip("0")
    assert scene["left_out"] == {"images/1.png": said}
    assert f"room/images/1.png: {said}" in capsys.readouterr().err
