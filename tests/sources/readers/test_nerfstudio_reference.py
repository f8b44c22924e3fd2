"""Against nerfstudio's own writers and parsers, where it is installed: `pip install --no-deps nerfstudio==1.1.5`."""

import importlib
import importlib.util
import json
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

from tests.scenes import (
    HW,
    edit_transforms,
    intrinsics_json,
    opengl_world_from_cam,
    plane_camera,
    plane_depth,
    plane_picture,
    write_depth,
    write_image,
    write_scene,
)
from warpdata.config import SourceOptions
from warpdata.sources import open_source

MISSING_MAY_BE = frozenset(
    "open3d viser nerfacc gsplat torchmetrics wandb comet_ml appdirs gdown mediapy msgpack msgpack_numpy plotly "
    "imageio pymeshlab xatlas trimesh tinycudann pytorch_msssim splines rawpy newrawpy timm torchvision pathos "
    "requests".split()
)
"""What nerfstudio imports and the parsers compared here do not use."""


class StandIn(ModuleType):
    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


class StandIns(MetaPathFinder, Loader):
    """Asked last: modules for packages that are not there."""

    def find_spec(self, name, path, target=None):
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in MISSING_MAY_BE else None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


@pytest.fixture(scope="module")
def nerfstudio():
    if importlib.util.find_spec("nerfstudio") is None:
        pytest.skip("nerfstudio is not installed: pip install --no-deps nerfstudio==1.1.5")
    before = dict(sys.modules)
    finder = StandIns()
    sys.meta_path.append(finder)
    sys.modules["torch.utils.tensorboard"] = StandIn("torch.utils.tensorboard")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parser = importlib.import_module("nerfstudio.data.dataparsers.nerfstudio_dataparser")
            yield SimpleNamespace(
                parser=parser,
                load_depth=importlib.import_module("nerfstudio.data.utils.data_utils").get_depth_image_from_path,
                polycam_to_json=importlib.import_module("nerfstudio.process_data.polycam_utils").polycam_to_json,
            )
    finally:
        sys.meta_path.remove(finder)
        for name in sys.modules.keys() - before.keys():
            del sys.modules[name]


def parsed(nerfstudio, folder, downscale_factor=1):
    """Its views, in the order of their files: picture, camera as K and world_from_cam in OpenGL axes, depth, mask."""
    config = nerfstudio.parser.NerfstudioDataParserConfig(
        data=folder,
        orientation_method="none",
        center_method="none",
        auto_scale_poses=False,
        eval_mode="all",
        downscale_factor=downscale_factor,
        load_3D_points=False,
    )
    found = config.setup().get_dataparser_outputs("train")
    cameras = found.cameras
    views = []
    for k, path in enumerate(found.image_filenames):
        camera = cameras[k]
        K = [[camera.fx.item(), 0, camera.cx.item()], [0, camera.fy.item(), camera.cy.item()], [0, 0, 1]]
        hw = (camera.height.item(), camera.width.item())
        depths = found.metadata["depth_filenames"]
        unit = found.metadata["depth_unit_scale_factor"] * found.dataparser_scale
        views.append(
            SimpleNamespace(
                path=path,
                K=torch.tensor(K),
                hw=hw,
                world_from_cam=camera.camera_to_worlds,
                mask=found.mask_filenames and found.mask_filenames[k],
                depth=None if depths is None else nerfstudio.load_depth(depths[k], *hw, unit).squeeze(-1),
            )
        )
    return views


def check_equal(nerfstudio, folder, downscale_factor=1):
    source = open_source(SourceOptions(input_dir=folder))
    (scene_id,) = source.scene_ids()
    scene = source.scene(scene_id)
    theirs = parsed(nerfstudio, folder, downscale_factor)
    assert scene.source == "transforms"
    assert len(scene.views) == len(theirs)
    for view, other in zip(scene.views, theirs, strict=True):
        camera = view.camera_at(view.picture.hw())
        assert view.picture.path == other.path.resolve()
        assert camera.hw == other.hw
        torch.testing.assert_close(camera.K.float(), other.K, rtol=1e-6, atol=1e-5)
        world_from_cam = torch.tensor(opengl_world_from_cam(camera))[:3].float()
        torch.testing.assert_close(world_from_cam, other.world_from_cam, rtol=0, atol=1e-6)
        assert (view.mask and view.mask.path) == (other.mask and other.mask.resolve())
        if other.depth is not None:
            torch.testing.assert_close(view.depth.load(), other.depth, rtol=1e-6, atol=0)
        else:
            assert view.depth is None
    return scene


def write_masks(folder):
    for k in range(3):
        write_image(folder / "masks" / f"{k}.png", np.full(HW, 255, np.uint8))
        edit_transforms(folder, k, mask_path=f"masks/{k}.png")


@pytest.mark.parametrize("top", [{}, {"applied_transform": [[0, 1, 0, 5], [1, 0, 0, 0], [0, 0, -1, 0]]}])
@pytest.mark.parametrize("scale", [{}, {"applied_scale": 0.25}])
@pytest.mark.parametrize("per_frame", [False, True])
def test_views_are_those_of_its_parser(nerfstudio, tmp_path, top, scale, per_frame):
    write_scene(tmp_path / "s", **top, **scale)
    write_masks(tmp_path / "s")
    if per_frame:
        keys = intrinsics_json(plane_camera(0))
        for k in range(3):
            edit_transforms(tmp_path / "s", k, **{key: value + k * (key[0] in "fc") for key, value in keys.items()})
        edit_transforms(tmp_path / "s", **dict.fromkeys(keys))
    check_equal(nerfstudio, tmp_path / "s")


def test_reduced_copies_are_those_of_its_parser(nerfstudio, tmp_path):
    cameras = write_scene(tmp_path / "s", hw=(96, 140))
    for k, camera in enumerate(cameras):
        write_image(tmp_path / "s" / "images_4" / f"{k}.png", plane_picture(camera.resized((24, 35))))
        edit_transforms(tmp_path / "s", k, depth_file_path=None)
        (tmp_path / "s" / "images" / f"{k}.png").unlink()
    (tmp_path / "s" / "images").rmdir()
    check_equal(nerfstudio, tmp_path / "s", downscale_factor=4)


@pytest.mark.parametrize("with_depth", [False, True])
def test_what_its_polycam_converter_writes(nerfstudio, tmp_path, with_depth):
    """Per-frame intrinsics, cropped borders, ARKit axes; depth in millimetres, upscaled to the pictures."""
    raw, out = tmp_path / "keyframes", tmp_path / "room"
    (raw / "cameras").mkdir(parents=True)
    images, depths = [], []
    for k in range(3):
        camera = plane_camera(k, (HW[0] + 4, HW[1] + 4))
        K, pose = intrinsics_json(camera), np.array(opengl_world_from_cam(camera))
        about = {"fx": K["fl_x"] + k, "fy": K["fl_y"], "cx": K["cx"], "cy": K["cy"], "width": K["w"], "height": K["h"]}
        about |= {f"t_{i}{j}": pose[i][j] for i in range(3) for j in range(4)}
        (raw / "cameras" / f"{1000 + 7 * k}.json").write_text(json.dumps({**about, "blur_score": 50.0}))
        images.append(raw / "images" / f"{1000 + 7 * k}.jpg")
        depths.append(raw / "depth" / f"{1000 + 7 * k}.png")
        inside = plane_camera(k)
        write_image(out / "images" / f"frame_{k + 1:05d}.jpg", plane_picture(inside))
        if with_depth:
            write_depth(out / "depth" / f"frame_{k + 1:05d}.png", plane_depth(inside).numpy())
    nerfstudio.polycam_to_json(images, depths if with_depth else [], None, raw / "cameras", out, 0.0, 2)
    scene = check_equal(nerfstudio, out)
    assert all((view.depth is not None) == with_depth for view in scene.views)


def test_what_its_record3d_converter_writes(nerfstudio, tmp_path):
    transform = pytest.importorskip("scipy.spatial.transform", reason="its converter needs scipy")
    convert = importlib.import_module("nerfstudio.process_data.record3d_utils").record3d_to_json
    poses = []
    for k in range(6):
        pose = np.array(opengl_world_from_cam(plane_camera(k)))
        poses.append([*transform.Rotation.from_matrix(pose[:3, :3]).as_quat().tolist(), *pose[:3, 3].tolist()])
    K = plane_camera(0).K.T.flatten().tolist()
    meta = tmp_path / "metadata.json"
    meta.write_text(json.dumps({"poses": poses, "K": K, "h": HW[0], "w": HW[1], "fps": 30}))
    out = tmp_path / "room"
    paths = [write_image(out / "images" / f"frame_{k:05d}.png").relative_to(out) for k in range(3)]
    assert convert(paths, meta, out, np.array([0, 2, 5])) == 3
    edit_transforms(out, camera_model="OPENCV")  # its own parser does not know the name that it writes
    check_equal(nerfstudio, out)
    edit_transforms(out, camera_model="PERSPECTIVE")
    source = open_source(SourceOptions(input_dir=out))
    assert len(source.scene("room").views) == 3
