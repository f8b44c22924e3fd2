"""nerfstudio's family: splits of NeRF-synthetic scenes, reduced copies as DL3DV ships them, names as they come."""

import json
import shutil

import numpy as np
import pytest
import torch

from tests.scenes import edit_transforms, opengl_world_from_cam, plane_camera, plane_picture, write_image, write_scene
from warpdata.config import SourceOptions
from warpdata.sources import open_source


def scene_of(folder):
    source = open_source(SourceOptions(input_dir=folder))
    (scene_id,) = source.scene_ids()
    return source.scene(scene_id)


def write_synthetic(folder, splits=("train", "val", "test"), count=2, angle=0.9):
    """Pictures without suffix in a folder a split, one focal length as an angle, renderings of depth beside."""
    for number, split in enumerate(splits):
        frames = []
        for k in range(count):
            camera = plane_camera(number * count + k)
            pixels = np.dstack([plane_picture(camera), np.full(camera.hw, 255, np.uint8)])
            pixels[0, 0] = (10, 20, 30, 0)
            write_image(folder / split / f"r_{k}.png", pixels)
            if split == "test":
                write_image(folder / split / f"r_{k}_depth_0001.png", pixels)
            frames.append({"file_path": f"./{split}/r_{k}", "transform_matrix": opengl_world_from_cam(camera)})
        text = json.dumps({"camera_angle_x": angle, "frames": frames})
        (folder / f"transforms_{split}.json").write_text(text)
    return folder


def test_splits_are_one_scene_with_tags(tmp_path):
    scene = scene_of(write_synthetic(tmp_path / "lego"))
    assert scene.source == "transforms"
    names = ["test_r_0", "test_r_1", "train_r_0", "train_r_1", "val_r_0", "val_r_1"]
    assert [view.name for view in scene.views] == names
    assert [view.tags for view in scene.views] == [(name.partition("_")[0],) for name in names]
    camera = scene.views[2].camera
    height, width = camera.hw
    assert camera.K[0, 0] == pytest.approx(width / 2 / np.tan(0.45)) == camera.K[1, 1]
    assert (camera.K[0, 2], camera.K[1, 2]) == (width / 2, height / 2)
    torch.testing.assert_close(camera.cam_from_world, plane_camera(0).cam_from_world, rtol=0, atol=1e-14)
    assert scene.views[2].picture.load()[:, 0, 0].tolist() == [255, 255, 255]  # laid on white
    assert all(view.depth is None for view in scene.views)
    (note,) = scene.notes
    assert "2 pictures in" in note
    assert "r_0_depth_0001.png" in note
    assert "hold no depth in scene units" in note


def test_a_picture_in_two_splits_is_one_view(tmp_path):
    write_synthetic(tmp_path / "s", ("train",))
    shutil.copy(tmp_path / "s" / "transforms_train.json", tmp_path / "s" / "transforms_val.json")
    scene = scene_of(tmp_path / "s")
    assert [(view.name, view.tags) for view in scene.views] == [("r_0", ("train", "val")), ("r_1", ("train", "val"))]
    text = (tmp_path / "s" / "transforms_val.json").read_text()
    moved = json.loads(text)
    moved["frames"][0]["transform_matrix"][0][3] += 1
    (tmp_path / "s" / "transforms_val.json").write_text(json.dumps(moved))
    scene = scene_of(tmp_path / "s")
    assert len(scene.views) == 2
    assert "two cameras, as train and as val; the first is used" in next(iter(scene.left_out.values()))


def test_lists_of_splits_become_tags(tmp_path):
    write_scene(tmp_path / "s", train_filenames=["./images/0.png", "images/2.png"], test_filenames=["images/1.png", 4])
    assert [view.tags for view in scene_of(tmp_path / "s").views] == [("train",), ("test",), ("train",)]


@pytest.mark.parametrize("factor", [4, 8])
def test_reduced_copies_stand_for_the_full_size(tmp_path, factor):
    """DL3DV: `images_8` for `images`, with the cameras of the full size and a `nerfstudio` folder of its own."""
    root = tmp_path / "in" / "1K" / "scene" / "nerfstudio"
    cameras = write_scene(root, hw=(96, 140))
    for k, camera in enumerate(cameras):
        edit_transforms(root, k, file_path=f"images/sub/{k}.png", depth_file_path=None)
        small = camera.resized((96 // factor, 140 // factor))
        write_image(root / f"images_{factor}" / "sub" / f"{k}.png", plane_picture(small))
        write_image(root / f"images_{factor}" / "keep.png", plane_picture(small))
    shutil.rmtree(root / "images")
    source = open_source(SourceOptions(input_dir=tmp_path / "in"))
    (scene_id,) = source.scene_ids()
    assert scene_id == "1K_scene"
    scene = source.scene(scene_id)
    assert len(scene.views) == 3
    assert not scene.left_out
    view = scene.views[1]
    found = view.camera_at(view.picture.hw())
    assert found.hw == (96 // factor, 140 // factor)
    torch.testing.assert_close(found.K, cameras[1].resized(found.hw).K)


def test_windows_separators_and_names_in_any_script(tmp_path):
    cameras = write_scene(tmp_path / "s")
    for k, name in enumerate(("été", "写真 1", "фото")):
        (tmp_path / "s" / "images" / f"{k}.png").rename(tmp_path / "s" / "images" / f"{name}.png")
        edit_transforms(tmp_path / "s", k, file_path=f"images\\{name}.png", **{"fl_x": 50.0 + k, "cx": 30.0 + k})
    scene = scene_of(tmp_path / "s")
    assert not scene.left_out
    assert sorted(view.camera.K[0, 0].item() for view in scene.views) == [50, 51, 52]
    assert all(view.camera.K[1, 1] == cameras[0].K[1, 1] for view in scene.views)
