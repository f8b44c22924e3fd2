"""Pictures, depth and masks through lenses, against the same plane seen by the pinhole inside."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.scenes import (
    PLANE_DISTANCE,
    PLANE_NORMAL,
    plane_camera,
    plane_depth,
    plane_picture,
    write_depth,
    write_image,
)
from tests.test_lens import COEFFICIENTS, lens_of
from warpdata.camera import Camera, invert_rigid, pixel_centres
from warpdata.config import SourceOptions
from warpdata.errors import ViewError
from warpdata.lens import Lens
from warpdata.sources.fit import fit_image
from warpdata.sources.picture import PictureFile
from warpdata.sources.scene import DepthFile, MaskFile, View
from warpdata.sources.undistorted import UndistortedPicture, undistorted_view

HW = (64, 92)
DISTORTED = [model for model in COEFFICIENTS if model not in ("PINHOLE", "SIMPLE_PINHOLE")]


@lru_cache
def rays(lens: Lens) -> np.ndarray:
    return lens.rays(pixel_centres(lens.hw, dtype=torch.float64).numpy())


@dataclass
class Seen:
    """The plane through a lens: the rays of its pixels, and what they meet."""

    picture: np.ndarray
    depth: np.ndarray


def seen_through(lens: Lens, cam_from_world: torch.Tensor) -> Seen:
    """What each pixel sees, by the formulas of the plane."""
    uv = rays(lens)
    world_from_cam = invert_rigid(cam_from_world)
    in_camera = torch.from_numpy(np.concatenate([uv, np.ones((*uv.shape[:2], 1))], axis=-1))
    directions, centre = in_camera @ world_from_cam[:3, :3].mT, world_from_cam[:3, 3]
    depth = (PLANE_DISTANCE - centre @ PLANE_NORMAL) / (directions @ PLANE_NORMAL)
    points = centre + directions * depth[..., None]
    x, y = points[..., 0], points[..., 1]
    waves = [torch.sin(5 * x + 1), torch.sin(7 * y + 2 * x), torch.cos(4 * x - 6 * y)]
    return Seen((127.5 + 110 * torch.stack(waves, dim=-1)).round().to(torch.uint8).numpy(), depth.numpy())


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.square(a.astype(float) - b).mean())


def view_through(folder: Path, lens: Lens, index: int = 1) -> View:
    pose = plane_camera(index).cam_from_world
    seen = seen_through(lens, pose)
    camera = Camera(K=lens.K, cam_from_world=pose, hw=lens.hw)
    picture = PictureFile(write_image(folder / "a.png", seen.picture))
    depth = DepthFile(path=write_depth(folder / "a.npy", seen.depth))
    half = np.zeros(lens.hw, np.uint8)
    half[:, : lens.hw[1] // 2] = 255
    mask = MaskFile(write_image(folder / "mask.png", half))
    return View(name="a", picture=picture, camera=camera, depth=depth, mask=mask)


@pytest.mark.parametrize("model", DISTORTED)
def test_the_plane_through_a_lens_is_the_plane(model, tmp_path):
    view = undistorted_view(view_through(tmp_path, lens_of(model, HW)), lens_of(model, HW))
    found = view.picture.load().permute(1, 2, 0).numpy()
    assert found.shape[:2] == view.camera.hw == view.picture.hw()
    assert psnr(found, plane_picture(view.camera)) > 42
    torch.testing.assert_close(view.depth.load().double(), plane_depth(view.camera), rtol=2e-4, atol=0)


def test_pixels_lie_where_the_camera_says(tmp_path):
    """A lopsided fit: cut to another shape and reduced, in one resampling."""
    lens = lens_of("OPENCV", (160, 240))
    view = undistorted_view(view_through(tmp_path, lens), lens)
    fit = fit_image(view.picture.hw(), (52, 64), "crop")
    found = view.picture.load(fit).permute(1, 2, 0).numpy()
    assert psnr(found, plane_picture(fit.map_camera(view.camera))) > 38
    padded = fit_image(view.picture.hw(), (52, 110), "pad")
    found = view.picture.load(padded).permute(1, 2, 0).numpy()
    left, top, right, bottom = padded.place
    expected = plane_picture(padded.map_camera(view.camera))
    assert psnr(found[top:bottom, left:right], expected[top:bottom, left:right]) > 38
    assert (found[:, :left] == 255).all()


def test_a_mask_ends_where_its_picture_does(tmp_path):
    lens = lens_of("SIMPLE_RADIAL", HW)
    view = undistorted_view(view_through(tmp_path, lens), lens)
    x = view.camera.K[0, 2].item()
    middle = lens.distort((np.array([[x, 40.0]]) - view.camera.K[:2, 2].numpy()) / np.array(lens.focal_xy))
    mask = view.mask.load()
    assert mask.shape == view.camera.hw
    edge = mask[40].sum().item()
    assert lens.undistortion.distorted_xy(np.array([[float(edge), 40.5]]))[0, 0] == pytest.approx(HW[1] / 2, abs=1)
    assert middle[0, 0] == pytest.approx(lens.centre_xy[0], abs=1e-6)


def test_nothing_appears_between_two_surfaces(tmp_path):
    lens = lens_of("OPENCV", HW)
    view = view_through(tmp_path, lens)
    depth = np.where(np.arange(HW[1]) % 7 < 3, 1.0, 5.0) * np.ones(HW)
    depth[10:20] = 0
    write_depth(tmp_path / "a.npy", depth)
    assert set(np.unique(undistorted_view(view, lens).depth.load())) == {0, 1, 5}


def test_reduced_pictures_and_depth_of_another_size_go_with_it(tmp_path):
    lens = lens_of("OPENCV", (128, 184))
    view = view_through(tmp_path, lens)
    small = seen_through(lens_of("OPENCV", HW), view.camera.cam_from_world)
    write_image(tmp_path / "a.png", small.picture)
    view = undistorted_view(view, lens)
    camera = view.camera_at(view.picture.hw())
    assert camera.hw == view.picture.hw() != view.camera.hw
    assert psnr(view.picture.load().permute(1, 2, 0).numpy(), plane_picture(camera)) > 40


def test_a_lens_for_another_shape_and_a_turned_picture_are_refused(tmp_path):
    lens = lens_of("OPENCV", HW)
    view = undistorted_view(view_through(tmp_path, lens), lens)
    write_image(tmp_path / "a.png", np.zeros((64, 80, 3), np.uint8))
    with pytest.raises(ViewError, match=r"its lens is for a picture of 92x64 pixels, and .* is 80x64"):
        view.picture.hw()
    exif = Image.Exif()
    exif[0x0112] = 6
    write_image(tmp_path / "a.png", np.zeros((64, 92, 3), np.uint8), exif=exif)
    with pytest.raises(ViewError, match="orientation tag 6, and a lens is for pixels as they are stored"):
        view.picture.hw()


def test_a_pinhole_keeps_its_files(tmp_path):
    lens = Lens(model="OPENCV", parameters=(102.0, 94.0, 44.0, 35.0, 1e-9, 0.0, 0.0, 0.0), hw=HW)
    view = view_through(tmp_path, lens)
    found = undistorted_view(view, lens)
    assert (found.picture, found.depth, found.mask) == (view.picture, view.depth, view.mask)
    assert torch.equal(found.camera.K, lens.K)


def test_content_is_a_value_and_its_digest_knows_the_lens(tmp_path):
    lens, other = lens_of("OPENCV", HW), lens_of("RADIAL", HW)
    view = view_through(tmp_path, lens)
    picture = UndistortedPicture(view.picture, lens)
    assert pickle.loads(pickle.dumps(picture)) == picture  # noqa: S301 - our own bytes
    digests = {view.picture.digest(), picture.digest(), UndistortedPicture(view.picture, other).digest()}
    assert len(digests) == 3
    assert picture.digest(lambda path: None) is None


@pytest.mark.parametrize("keys", [{"camera_model": "OPENCV"}, {"camera_model": "OPENCV_FISHEYE"}])
def test_transforms_with_a_lens_are_read_as_pinholes(keys, tmp_path):
    from warpdata.sources import open_source

    lens = lens_of(keys["camera_model"], HW)
    frames = []
    for index in range(2):
        view_through(tmp_path / "scene" / str(index), lens, index)
        camera = plane_camera(index)
        flip = torch.diag(torch.tensor([1.0, -1, -1, 1], dtype=torch.float64))
        matrix = (camera.world_from_cam @ flip).tolist()
        frames.append({"file_path": f"{index}/a.png", "depth_file_path": f"{index}/a.npy", "transform_matrix": matrix})
    fx, fy, cx, cy, *coefficients = lens.parameters
    names = ("k1", "k2", "k3", "k4") if "FISHEYE" in keys["camera_model"] else ("k1", "k2", "p1", "p2")
    content = {"fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "w": HW[1], "h": HW[0], **keys, "frames": frames}
    content |= dict(zip(names, coefficients, strict=True))
    (tmp_path / "scene" / "transforms.json").write_text(json.dumps(content))
    source = open_source(SourceOptions(input_dir=tmp_path / "scene"))
    (scene_id,) = source.scene_ids()
    for view in source.scene(scene_id).views:
        assert psnr(view.picture.load().permute(1, 2, 0).numpy(), plane_picture(view.camera)) > 40
