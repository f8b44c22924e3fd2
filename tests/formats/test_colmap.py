"""COLMAP models read back as they were written, by us and by pycolmap; lies about counts are refused."""

import struct

import cv2
import numpy as np
import pytest

from tests.writers.triplets import camera
from warpdata.formats.colmap import (
    MODELS,
    ColmapCamera,
    ColmapImage,
    ColmapModel,
    decode_depth_map,
    encode_depth_map,
    quaternion,
    read_model,
    rotation_matrix,
    write_model_binary,
    write_model_text,
)

WRITERS = {"text": write_model_text, "binary": write_model_binary}


def some_model() -> ColmapModel:
    generator = np.random.default_rng(0)
    pinhole = ColmapCamera("PINHOLE", (39, 26), (31.5, 29.75, 17.25, 14.5))
    distorted = ColmapCamera("OPENCV", (640, 480), (500.0, 501.0, 320.5, 240.25, 0.1, -0.2, 1e-3, -1e-4))
    names = ["room/a b.jpg", "ü.png", "c.jpg"]
    return ColmapModel(
        cameras={1: pinhole, 7: distorted},
        images={
            number: ColmapImage(name, camera(number).cam_from_world.numpy(), 1 if number % 2 else 7)
            for number, name in enumerate(names, 3)
        },
        xyz=generator.normal(size=(5, 3)) * 1e6,
        rgb=generator.integers(0, 256, (5, 3), np.uint8),
    )


@pytest.mark.parametrize("kind", WRITERS)
def test_a_model_comes_back(kind, tmp_path):
    model = some_model()
    WRITERS[kind](model, tmp_path)
    back = read_model(tmp_path)
    assert back.cameras == model.cameras
    assert {n: (i.name, i.camera) for n, i in back.images.items()} == {
        n: (i.name, i.camera) for n, i in model.images.items()
    }
    for number, image in model.images.items():
        np.testing.assert_allclose(back.images[number].cam_from_world, image.cam_from_world, atol=1e-14)
    np.testing.assert_array_equal(back.xyz, model.xyz)
    np.testing.assert_array_equal(back.rgb, model.rgb)


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_what_pycolmap_writes_is_read(kind, tmp_path):
    """With tracks and points in the images, which are passed over."""
    pycolmap = pytest.importorskip("pycolmap", reason="the writer of COLMAP models is not installed")
    model = pycolmap.synthesize_dataset(pycolmap.SyntheticDatasetOptions())
    (model.write_text if kind == "text" else model.write_binary)(str(tmp_path))
    back = read_model(tmp_path)
    assert {number: image.name for number, image in back.images.items()} == {
        number: image.name for number, image in model.images.items()
    }
    for number, image in back.images.items():
        expected = model.images[number].cam_from_world().matrix()
        np.testing.assert_allclose(image.cam_from_world[:3], expected, atol=1e-9)
    for number, found in back.cameras.items():
        assert (found.model, *found.wh) == (
            model.cameras[number].model.name,
            model.cameras[number].width,
            model.cameras[number].height,
        )
        np.testing.assert_allclose(found.parameters, model.cameras[number].params)
    assert len(back.xyz) == len(model.points3D) > 0


def test_the_camera_models_are_those_of_colmap():
    pycolmap = pytest.importorskip("pycolmap", reason="COLMAP is not installed")
    for name, (number, count) in MODELS.items():
        assert int(getattr(pycolmap.CameraModelId, name)) == number
        made = pycolmap.Camera.create_from_model_id(1, getattr(pycolmap.CameraModelId, name), 1.0, 4, 4)
        assert len(made.params) == count


@pytest.mark.parametrize("file", ["cameras.bin", "images.bin", "points3D.bin"])
@pytest.mark.parametrize("fault", ["cut", "count", "empty"])
def test_a_damaged_model_is_refused_before_memory_is_taken(file, fault, tmp_path):
    write_model_binary(some_model(), tmp_path)
    path = tmp_path / file
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-3], "count": struct.pack("<Q", 2**60) + data[8:], "empty": b""}[fault])
    with pytest.raises(ValueError, match=r"promised|no whole COLMAP model"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("cameras.txt", "1 PINHOLE 39 26 31.5\n"),
        ("cameras.txt", "1 MAGIC 39 26 1 2 3 4\n"),
        ("images.txt", "1 0 0 0 0 1 2 3 1 a.jpg\n\n"),
        ("images.txt", "1 1 0 0 0 1 2 3 99 a.jpg\n\n"),
        ("points3D.txt", "1 2 3\n"),
    ],
)
def test_a_text_model_with_a_fault_is_refused(file, line, tmp_path):
    write_model_text(some_model(), tmp_path)
    (tmp_path / file).write_text(line)
    with pytest.raises(ValueError):
        read_model(tmp_path)


def test_depth_maps_come_back():
    depth = np.random.default_rng(0).random((5, 7), np.float32)
    np.testing.assert_array_equal(decode_depth_map(encode_depth_map(depth)), depth)
    for data in (b"", b"7&5&1", b"7&5&1&abc", b"-7&-5&1&", b"99999&99999&1&" + bytes(8), b"x&5&1&" + bytes(140)):
        with pytest.raises(ValueError):
            decode_depth_map(data)


def test_quaternions_of_half_turns_and_small_turns():
    """All four ways of solving, against the matrix that a quaternion stands for."""
    generator = np.random.default_rng(0)
    rotations = [np.diag(d).astype(float) for d in ([1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1])]
    rotations += [camera(seed).cam_from_world[:3, :3].numpy() for seed in range(50)]
    for axis in generator.normal(size=(10, 3)):
        rotations.append(cv2.Rodrigues(axis / np.linalg.norm(axis) * (np.pi - 1e-9))[0])
    for rotation in rotations:
        q = quaternion(rotation)
        assert q[0] >= 0
        np.testing.assert_allclose(rotation_matrix(q), rotation, atol=1e-12)


def test_a_quaternion_by_hand():
    """A quarter turn about z takes x to y."""
    turn = rotation_matrix(np.array([2**0.5, 0, 0, 2**0.5]))
    np.testing.assert_allclose(turn @ [1, 0, 0], [0, 1, 0], atol=1e-15)
