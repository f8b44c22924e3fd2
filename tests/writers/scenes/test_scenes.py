"""Scenes exported and read back, by real readers where there are some: cameras reproject, pixels and depth agree."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.writers.runs import RUN, tree
from tests.writers.triplets import camera, picture, triplet
from warpdata.cache.provider import GeometryProvider
from warpdata.camera import project
from warpdata.config import (
    ExportOptions,
    FilterOptions,
    GeometryOptions,
    OutputOptions,
    PairOptions,
    SizeOptions,
    SourceOptions,
)
from warpdata.errors import OutputError, SceneError
from warpdata.sources import open_source
from warpdata.triplets.scene_pairs import open_pairs
from warpdata.writers.output.session import open_writers
from warpdata.writers.scenes.frames import SceneFrames
from warpdata.writers.scenes.table import SCENE_FORMATS

HW = (26, 40)
COUNT = 5


def open_scene(tmp_path: Path, *, origin=(0.0, 0.0, 0.0), focals=(31.5,) * COUNT):
    """A scene on disk with lopsided cameras and smooth depth, and its pairs; PNG, so pixels are exact."""
    folder = tmp_path / "input" / "room"
    folder.mkdir(parents=True)
    frames = []
    for k in range(COUNT):
        rows = picture(k, hw=HW).permute(1, 2, 0).numpy()
        Image.fromarray(rows).save(folder / f"view{k}.png")
        depth = 2 + np.linspace(0, 1, HW[0], dtype=np.float32)[:, None] + np.zeros(HW, np.float32)
        depth[:2] = 0
        np.save(folder / f"depth{k}.npy", depth)
        pose = camera(k, HW).world_from_cam.clone()
        pose[:3, 3] += torch.tensor(origin, dtype=torch.float64)
        opengl = pose @ torch.diag(torch.tensor([1.0, -1, -1, 1], dtype=torch.float64))
        frames.append(
            {
                "file_path": f"view{k}.png",
                "depth_file_path": f"depth{k}.npy",
                "transform_matrix": opengl.tolist(),
                "fl_x": focals[k],
                "fl_y": 29.75,
                "cx": 17.25,
                "cy": 14.5,
            }
        )
    (folder / "transforms.json").write_text(json.dumps({"w": HW[1], "h": HW[0], "frames": frames}))
    source = open_source(SourceOptions(input_dir=tmp_path / "input"))
    geometry = GeometryOptions(geometry="given", cache_dir=tmp_path / "cache")
    scene = source.scene("room")
    entry = GeometryProvider(geometry, SizeOptions(), FilterOptions(), torch.device("cpu"))(scene).entry
    return open_pairs(scene, entry, size=SizeOptions(), filters=FilterOptions(), pairs=PairOptions())


def exported(tmp_path: Path, name: str, **scene) -> tuple[Path, list]:
    frames = SceneFrames(open_scene(tmp_path, **scene))
    root = tmp_path / name
    root.mkdir()
    SCENE_FORMATS[name].write(frames, root, None)
    return root, list(frames)


def known_point(frame) -> tuple[torch.Tensor, torch.Tensor]:
    """A world point before the camera, and where our camera sees it."""
    in_camera = torch.tensor([0.3, -0.2, 2.5, 1.0], dtype=torch.float64)
    point = (frame.camera.world_from_cam @ in_camera)[:3]
    position, _ = project(point[None], frame.camera)
    return point, position[0]


@pytest.mark.parametrize("removed", ["bin", "txt"])
def test_colmap_is_read_by_pycolmap(removed, tmp_path):
    pycolmap = pytest.importorskip("pycolmap", reason="the reader of COLMAP models is not installed")
    root, frames = exported(tmp_path, "colmap")
    for path in (root / "sparse" / "0").glob(f"*.{removed}"):
        path.unlink()
    model = pycolmap.Reconstruction(str(root / "sparse" / "0"))
    images = [model.images[number] for number in sorted(model.images)]
    assert [image.name for image in images] == [f"{frame.name}.jpg" for frame in frames]
    assert len(model.cameras) == 1
    for image, frame in zip(images, frames, strict=True):
        assert (image.camera.height, image.camera.width) == HW
        point, position = known_point(frame)
        seen = image.project_point(point.numpy())
        np.testing.assert_allclose(seen, position.numpy(), rtol=1e-9)
    cloud = np.array([model.points3D[number].xyz for number in sorted(model.points3D)])
    assert len(cloud) == sum(int((frame.depth > 0).sum()) for frame in frames)
    position, depth = project(torch.from_numpy(cloud[: HW[1]]), frames[0].camera)
    expected = torch.stack([torch.arange(HW[1]) + 0.5, torch.full((HW[1],), 2.5)], dim=-1)
    torch.testing.assert_close(position, expected.double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(depth, frames[0].depth[2].double(), atol=1e-5, rtol=0)


def test_colmap_keeps_pictures_and_depth(tmp_path):
    root, frames = exported(tmp_path, "colmap")
    for frame in frames:
        data = (root / "stereo" / "depth_maps" / f"{frame.name}.jpg.geometric.bin").read_bytes()
        header = f"{HW[1]}&{HW[0]}&1&".encode()
        assert data.startswith(header)
        depth = np.frombuffer(data[len(header) :], "<f4").reshape(HW)
        np.testing.assert_array_equal(depth, frame.depth.numpy())
        with Image.open(root / "images" / f"{frame.name}.jpg") as image:
            stored = torch.from_numpy(np.array(image)).permute(2, 0, 1)
        assert (stored.int() - frame.image.int()).abs().float().mean() < 2
        assert (stored[:, 1:3, 1:3] > 240).all()  # the marked corner


@pytest.mark.parametrize("focals", [(31.5,) * COUNT, (31.5, 30.0, 29.0, 31.5, 31.5)], ids=["shared", "own"])
@pytest.mark.parametrize("name", ["nerfstudio", "wai"])
def test_transforms_give_the_cameras_back(name, focals, tmp_path):
    root, frames = exported(tmp_path, name, focals=focals)
    content = json.loads((root / ("transforms.json" if name == "nerfstudio" else "scene_meta.json")).read_text())
    assert ("fl_x" in content) == (len(set(focals)) == 1)
    flip = np.diag([1, -1, -1, 1]) if name == "nerfstudio" else np.eye(4)
    for entry, frame in zip(content["frames"], frames, strict=True):
        one = content | entry
        assert (root / one["file_path"]).is_file()
        assert (one["h"], one["w"]) == HW
        point, position = known_point(frame)
        x, y, z = (np.linalg.inv(np.array(one["transform_matrix"]) @ flip) @ [*point.tolist(), 1])[:3]
        seen = [one["fl_x"] * x / z + one["cx"], one["fl_y"] * y / z + one["cy"]]
        np.testing.assert_allclose(seen, position.numpy(), rtol=1e-9)


def test_our_own_reader_takes_nerfstudio_back(tmp_path):
    """Cameras exactly, depth to half a thousandth of the unit."""
    root, frames = exported(tmp_path, "nerfstudio")
    scene = open_source(SourceOptions(input_dir=root)).scene(root.name)
    from warpdata.sources.depth_files import load_depth

    assert len(scene.views) == COUNT
    for view, frame in zip(scene.views, frames, strict=True):
        torch.testing.assert_close(view.camera.K, frame.camera.K, rtol=0, atol=0)
        torch.testing.assert_close(view.camera.cam_from_world, frame.camera.cam_from_world, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(load_depth(view.depth), frame.depth, rtol=0, atol=0.00051)


def test_wai_depth_is_exact(tmp_path):
    import OpenEXR

    root, frames = exported(tmp_path, "wai")
    for frame in frames:
        with OpenEXR.File(str(root / "depth" / f"{frame.name}.exr")) as file:
            np.testing.assert_array_equal(file.channels()["Y"].pixels, frame.depth.numpy())


def test_nsvf_points_land_on_the_pixels_they_came_from(tmp_path):
    """Through inverse pose and K, at whole-number coordinates: the convention of its reader."""
    root, frames = exported(tmp_path, "nsvf")
    K = np.loadtxt(root / "intrinsics.txt")
    for number, frame in enumerate(frames):
        world_from_cam = np.loadtxt(root / "pose" / f"0_{number:06d}.txt")
        cloud = frame.points(10**9).xyz.numpy().astype(np.float64)
        in_camera = (np.linalg.inv(world_from_cam) @ np.c_[cloud, np.ones(len(cloud))].T)[:3]
        positions = (K[:3, :3] @ in_camera / in_camera[2])[:2].T
        rows, columns = np.nonzero(frame.depth.numpy() > 0)
        np.testing.assert_allclose(positions, np.c_[columns, rows], atol=0.01)
        with Image.open(root / "rgb" / f"0_{number:06d}.png") as image:
            np.testing.assert_array_equal(np.array(image), frame.image.permute(1, 2, 0).numpy())
    low_high_voxel = np.loadtxt(root / "bbox.txt")
    everything = torch.cat([frame.points(10**9).xyz for frame in frames]).numpy()
    np.testing.assert_allclose(low_high_voxel[:6], [*everything.min(0), *everything.max(0)], rtol=1e-6)


def test_nsvf_refuses_several_cameras(tmp_path):
    with pytest.raises(SceneError, match="several cameras"):
        exported(tmp_path, "nsvf", focals=(31.5, 30.0, 31.5, 31.5, 31.5))


@pytest.mark.parametrize("origin", [(0.0, 0.0, 0.0), (4.2e5, 5.1e6, 300.0)], ids=["near", "map coordinates"])
@pytest.mark.parametrize("file", ["cameras.npz", "cameras_sphere.npz"])
def test_idr_decomposes_into_our_cameras(file, origin, tmp_path):
    """In float32, as its readers do; far-off scenes are moved to the origin first."""
    root, frames = exported(tmp_path, "idr", origin=origin)
    moved = np.array(json.loads((root / "origin.json").read_text())["origin"])
    assert (np.linalg.norm(moved) > 0) == (origin[0] > 0)
    with np.load(root / file, allow_pickle=False) as cameras:
        for number, frame in enumerate(frames):
            projection = (cameras[f"world_mat_{number}"] @ cameras[f"scale_mat_{number}"])[:3].astype(np.float32)
            K, _, centre = cv2.decomposeProjectionMatrix(projection)[:3]
            scale = cameras[f"scale_mat_{number}"]
            K = K / K[2, 2]
            assert (np.diag(K) > 0).all()
            expected = frame.camera.K.numpy() - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
            np.testing.assert_allclose(K, expected, atol=2e-3)
            centre = scale[:3, :3] @ (centre[:3, 0] / centre[3, 0]) + scale[:3, 3] + moved
            np.testing.assert_allclose(centre, frame.world_from_cam[:3, 3], atol=2e-3)
    names = sorted(path.name for path in (root / "image").iterdir())
    assert names == [f"{number:03d}.png" for number in range(COUNT)]
    assert names == sorted(path.name for path in (root / "mask").iterdir())


def test_scenes_are_part_of_a_run(tmp_path):
    """Written once, kept, noticed when damaged, the same bytes every time."""
    pairs = open_scene(tmp_path)
    output = OutputOptions(output_dir=tmp_path / "out", export_scenes=SCENE_FORMATS.names)

    def export() -> dict[str, str]:
        with open_writers(ExportOptions(), output, RUN) as writers:
            if not writers.has("room/000001"):
                writers.write(triplet("room", 0, 1))
            return writers.write_scene(pairs)

    assert export() == {}
    expected = tree(tmp_path / "out")
    assert {path.split("/")[1] for path in expected if path.startswith("scenes/")} == set(SCENE_FORMATS.names)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    export()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == times
    for victim in ("scenes/colmap/room/sparse/0/images.bin", "scenes/idr/room/cameras.npz"):
        (tmp_path / "out" / victim).unlink()
        export()
        assert tree(tmp_path / "out") == expected

    output = OutputOptions(output_dir=tmp_path / "out", export_scenes=("wai",))
    with pytest.raises(OutputError, match="scenes is"):
        export()


def test_a_refused_scene_is_reported_and_leaves_nothing(tmp_path):
    pairs = open_scene(tmp_path, focals=(31.5, 30.0, 31.5, 31.5, 31.5))
    output = OutputOptions(output_dir=tmp_path / "out", export_scenes=("nsvf", "colmap"))
    with open_writers(ExportOptions(), output, RUN) as writers:
        left_out = writers.write_scene(pairs)
    assert list(left_out) == ["scenes/nsvf"]
    assert not (tmp_path / "out" / "scenes" / "nsvf" / "room").exists()
    assert (tmp_path / "out" / "scenes" / "colmap" / "room" / "images").is_dir()
