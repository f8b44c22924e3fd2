"""Lists of cameras: what is written is read back, what is missing is the reference's, what is wrong is named."""

import json
from dataclasses import replace

import pytest
import torch

from tests.scenes import intrinsics_json, opengl_world_from_cam, plane_camera, write_scene
from warpdata.camera import Camera
from warpdata.formats.camera_list import cameras_text, read_cameras

LIKE = plane_camera(0)


def written(path, frames, **top):
    path.write_text(json.dumps({**top, "frames": frames}), encoding="utf-8")
    return path


def same(a: Camera, b: Camera) -> None:
    assert a.hw == b.hw
    torch.testing.assert_close(a.K, b.K, rtol=0, atol=0)
    torch.testing.assert_close(a.cam_from_world, b.cam_from_world, rtol=0, atol=1e-12)


def test_what_is_written_is_read_back(tmp_path):
    cameras = [plane_camera(0), replace(plane_camera(1, (30, 41)), K=plane_camera(1, (30, 41)).K), plane_camera(2)]
    text = cameras_text(cameras, [{"file_path": f"{name}.png"} for name in "abc"], {"reference": "r"})
    (tmp_path / "c.json").write_text(text, encoding="utf-8")
    for one, other in zip(cameras, read_cameras(tmp_path / "c.json", LIKE), strict=True):
        same(one, other)
    content = json.loads(text)
    assert [frame["file_path"] for frame in content["frames"]] == ["a.png", "b.png", "c.png"]
    assert content["reference"] == "r"


def test_a_transforms_json_is_a_list_of_cameras(tmp_path):
    cameras = write_scene(tmp_path / "s", 3)
    for one, other in zip(cameras, read_cameras(tmp_path / "s" / "transforms.json", LIKE), strict=True):
        same(one, other)


def test_frames_without_a_focal_length_take_the_references_intrinsics(tmp_path):
    own = plane_camera(2, (30, 41))
    frames = [
        {"transform_matrix": opengl_world_from_cam(plane_camera(1))},
        {"transform_matrix": opengl_world_from_cam(own), **intrinsics_json(own)},
    ]
    first, second = read_cameras(written(tmp_path / "c.json", frames), LIKE)
    same(first, plane_camera(1))
    same(second, own)


def test_a_focal_length_without_a_size_is_for_pictures_of_the_references_size(tmp_path):
    frame = {"transform_matrix": opengl_world_from_cam(LIKE), "camera_angle_x": 1.0}
    (camera,) = read_cameras(written(tmp_path / "c.json", [frame]), LIKE)
    assert camera.hw == LIKE.hw
    assert camera.K[0, 2] == LIKE.hw[1] / 2


def test_a_distorted_lens_stands_for_the_pinhole_inside_as_in_scenes(tmp_path):
    frame = {"transform_matrix": opengl_world_from_cam(LIKE), **intrinsics_json(LIKE), "k1": -0.1}
    (camera,) = read_cameras(written(tmp_path / "c.json", [frame]), LIKE)
    assert camera.hw != LIKE.hw
    assert camera.K[0, 2] != LIKE.K[0, 2]


POSE = opengl_world_from_cam(LIKE)
SCALED = [[2 * value for value in row[:3]] + [row[3]] for row in POSE[:3]] + [POSE[3]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no json", "cannot be read"),
        ("[]", "not a list of cameras"),
        ('{"frames": []}', "found 0"),
        ('{"camera_path": [1]}', "found none"),
        (json.dumps({"frames": [{"transform_matrix": POSE}, {"transform_matrix": [[1, 2]]}]}), "frame 1: .*shape"),
        (json.dumps({"frames": [7]}), "frame 0: expected an object"),
        (json.dumps({"frames": [{"transform_matrix": SCALED}]}), "rotation is scaled by 2"),
        (json.dumps({"frames": [{"transform_matrix": [[float("nan")] * 4] * 4}]}), "frame 0"),
        (json.dumps({"frames": [{"transform_matrix": POSE, "fl_x": -1}]}), "focal lengths"),
        (json.dumps({"frames": [{"transform_matrix": POSE}], "camera_model": "EQUIRECTANGULAR"}), "not supported"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, said):
    path = tmp_path / "cameras.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=said) as refused:
        read_cameras(path, LIKE)
    assert "cameras.json" in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.json cannot be read"):
        read_cameras(tmp_path / "none.json", LIKE)
