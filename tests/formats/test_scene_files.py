"""WAI, NSVF and IDR: the cameras that were written come back, and what is no such file is refused."""

import json

import numpy as np
import pytest

from tests.writers.triplets import camera
from warpdata.errors import SceneError
from warpdata.formats.idr import encode_cameras, read_cameras
from warpdata.formats.nsvf import intrinsics_text, matrix_text, read_intrinsics, read_matrix
from warpdata.formats.wai import WaiFrame, read_scene_meta, scene_meta_text

CAMERAS = [camera(seed) for seed in range(4)]


@pytest.mark.parametrize("shared", [True, False])
def test_wai_comes_back(shared, tmp_path):
    frames = [
        WaiFrame(
            name=f"{number}",
            image=f"images/{number}.jpg",
            depth=None if number == 2 else f"depth/{number}.exr",
            K=one.K.numpy() * (1 if shared else [[1 + number], [1], [1]]),
            world_from_cam=one.world_from_cam.numpy(),
            hw=one.hw,
        )
        for number, one in enumerate(CAMERAS)
    ]
    path = tmp_path / "scene_meta.json"
    path.write_text(scene_meta_text("room", frames, scale="metric"))
    assert ("fl_x" in json.loads(path.read_text())) == shared
    back = read_scene_meta(path)
    assert (back.scale, back.left_out) == ("metric", {})
    for one, other in zip(frames, back.entries, strict=True):
        assert (one.image, one.depth, one.hw) == (other.file_path, other.depth_path, other.hw)
        found = other.camera(other.hw)
        np.testing.assert_array_equal(one.K, found.K.numpy())
        np.testing.assert_allclose(one.world_from_cam, found.world_from_cam.numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "holds list, expected an object"),
        ({}, "has no list called frames"),
        ({"frames": [], "camera_model": "EQUIRECTANGULAR"}, "EQUIRECTANGULAR"),
        ({"frames": [], "frame_modalities": [1]}, "frame_modalities say of image"),
        ({"frames": [], "frame_modalities": {"depth": {"frame_key": 3}}}, "frame_modalities say of depth"),
    ],
)
def test_what_is_no_wai_is_refused(content, says, tmp_path):
    (tmp_path / "scene_meta.json").write_text(json.dumps(content))
    with pytest.raises(SceneError, match=rf"scene_meta\.json.*{says}"):
        read_scene_meta(tmp_path / "scene_meta.json")


def test_nsvf_comes_back(tmp_path):
    K = CAMERAS[0].K.numpy()
    (tmp_path / "intrinsics.txt").write_text(intrinsics_text(K))
    (tmp_path / "pose.txt").write_text(matrix_text(CAMERAS[0].world_from_cam.numpy()))
    np.testing.assert_array_equal(read_intrinsics(tmp_path / "intrinsics.txt"), K)
    np.testing.assert_array_equal(read_matrix(tmp_path / "pose.txt", (4, 4)), CAMERAS[0].world_from_cam.numpy())
    (tmp_path / "pose.txt").write_text("1 2\n3 x\n")
    for path, shape in ((tmp_path / "pose.txt", (2, 2)), (tmp_path / "intrinsics.txt", (3, 3))):
        with pytest.raises(ValueError, match="holds"):
            read_matrix(path, shape)


def test_idr_comes_back(tmp_path):
    world_from_sphere = np.diag([2.0, 2.0, 2.0, 1.0])
    cameras = [(one.K.numpy(), one.cam_from_world.numpy()) for one in CAMERAS]
    (tmp_path / "cameras.npz").write_bytes(encode_cameras(cameras, world_from_sphere))
    back, sphere = read_cameras(tmp_path / "cameras.npz")
    np.testing.assert_array_equal(sphere, world_from_sphere)
    for (K, pose), (found_K, found_pose) in zip(cameras, back, strict=True):
        np.testing.assert_allclose(found_K, K, atol=1e-10)
        np.testing.assert_allclose(found_pose, pose, atol=1e-10)


def test_what_is_no_idr_is_refused(tmp_path):
    """Pickles are not loaded, nor members that are larger than a matrix."""
    path = tmp_path / "cameras.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"not a cameras\.npz"):
        read_cameras(path)
    np.savez(path, world_mat_0=np.zeros((4, 4096)))
    with pytest.raises(ValueError, match="too large"):
        read_cameras(path)
    np.savez(path, world_mat_0=np.array([{}], dtype=object))
    with pytest.raises(ValueError):
        read_cameras(path)
