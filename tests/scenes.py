"""Small scenes with known answers, written to disk: a textured plane seen by lopsided cameras.

Everything about the plane is a formula, so depth, colours and correspondences are known at any pixel of any view.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import torch
from PIL import Image

from warpdata.camera import Camera, unproject

PLANE_NORMAL = torch.tensor([0.15, -0.1, 1.0], dtype=torch.float64)
PLANE_DISTANCE = 3.0
"""The plane is normal . X = distance, in world coordinates."""

HW = (48, 70)


def plane_camera(index: int, hw: tuple[int, int] = HW) -> Camera:
    """The index-th camera of a walk to the right: fx != fy, the principal point off centre, a little turned."""
    height, width = hw
    K = torch.tensor([[1.1 * width, 0, 0.47 * width], [0, 1.03 * width, 0.55 * height], [0, 0, 1]], dtype=torch.float64)
    angle = 0.02 * index
    cam_from_world = torch.eye(4, dtype=torch.float64)
    cam_from_world[0, 0] = cam_from_world[2, 2] = math.cos(angle)
    cam_from_world[0, 2], cam_from_world[2, 0] = math.sin(angle), -math.sin(angle)
    cam_from_world[:3, 3] = torch.tensor([-0.12 * index, 0.02 * index, 0.03 * index], dtype=torch.float64)
    return Camera(K=K, cam_from_world=cam_from_world, hw=hw)


def plane_depth(camera: Camera) -> torch.Tensor:
    """(H, W) float64, planar z of the plane at every pixel's centre."""
    at_unit_depth = unproject(torch.ones(camera.hw, dtype=torch.float64), camera)
    centre = camera.world_from_cam[:3, 3]
    return (PLANE_DISTANCE - centre @ PLANE_NORMAL) / ((at_unit_depth - centre) @ PLANE_NORMAL)


def plane_picture(camera: Camera) -> np.ndarray:
    """(H, W, 3) uint8, what the camera sees: waves of colour fixed to the plane."""
    return plane_colours(unproject(plane_depth(camera), camera))


def plane_colours(points: torch.Tensor) -> np.ndarray:
    """(..., 3) uint8, the colours of points of the plane."""
    x, y = points[..., 0], points[..., 1]
    waves = [torch.sin(5 * x + 1), torch.sin(7 * y + 2 * x), torch.cos(4 * x - 6 * y)]
    return (127.5 + 110 * torch.stack(waves, dim=-1)).round().to(torch.uint8).numpy()


def opengl_world_from_cam(camera: Camera) -> list[list[float]]:
    """The `transform_matrix` of a camera."""
    return (camera.world_from_cam @ torch.diag(torch.tensor([1.0, -1, -1, 1], dtype=torch.float64))).tolist()


def write_image(path: Path, pixels: np.ndarray | None = None, **save_options: Any) -> Path:
    """An image file (by default what the first camera sees), its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(plane_picture(plane_camera(0)) if pixels is None else pixels).save(path, **save_options)
    return path


def write_depth(path: Path, depth: np.ndarray) -> Path:
    """Depth in metres as 16-bit PNG in millimetres, `.npy` or `.exr`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(np.round(depth * 1000).astype(np.uint16)).save(path)
    elif path.suffix == ".npy":
        np.save(path, depth.astype(np.float32))
    else:
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header, {"Z": depth.astype(np.float32)}).write(str(path))
    return path


def write_photos(folder: Path, count: int = 3, hw: tuple[int, int] = HW) -> Path:
    """A scene of images alone: `<folder>/0.png`, ..."""
    for index in range(count):
        write_image(folder / f"{index}.png", plane_picture(plane_camera(index, hw)))
    return folder


def write_scene(
    folder: Path, count: int = 3, hw: tuple[int, int] = HW, *, depth_suffix: str = ".png", **top: Any
) -> list[Camera]:
    """A scene with cameras and exact depth: `images/`, `depth/` and `transforms.json`.

    Args:
        depth_suffix: type of the depth maps.
        top: more keys for the top of the file.

    Returns:
        The cameras, in order; the depth is `plane_depth` of each.
    """
    cameras = [plane_camera(index, hw) for index in range(count)]
    frames = []
    for index, camera in enumerate(cameras):
        write_image(folder / "images" / f"{index}.png", plane_picture(camera))
        write_depth(folder / "depth" / f"{index}{depth_suffix}", plane_depth(camera).numpy())
        frames.append(
            {
                "file_path": f"images/{index}.png",
                "depth_file_path": f"depth/{index}{depth_suffix}",
                "transform_matrix": opengl_world_from_cam(camera),
            }
        )
    write_transforms(folder, frames, **intrinsics_json(cameras[0]), **top)
    return cameras


def intrinsics_json(camera: Camera) -> dict[str, float]:
    K, (height, width) = camera.K.tolist(), camera.hw
    return {"fl_x": K[0][0], "fl_y": K[1][1], "cx": K[0][2], "cy": K[1][2], "w": width, "h": height}


def write_transforms(folder: Path, frames: list[Any], **top: Any) -> None:
    (folder / "transforms.json").write_text(json.dumps({**top, "frames": frames}), encoding="utf-8")


def edit_transforms(folder: Path, frame: int | None = None, **changes: Any) -> None:
    """Change keys at the top of a `transforms.json`, or of one frame; None removes a key."""
    content = json.loads((folder / "transforms.json").read_text(encoding="utf-8"))
    part = content if frame is None else content["frames"][frame]
    part.update(changes)
    for key in [key for key, value in changes.items() if value is None]:
        del part[key]
    (folder / "transforms.json").write_text(json.dumps(content), encoding="utf-8")
