"""nerfstudio's `transforms.json`: camera-to-world in OpenGL axes, depth in thousandths of the unit, a point cloud."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from warpdata.files.bounded_json import dump_json
from warpdata.formats.ply import encode_ply
from warpdata.writers.output.encoder import PNG_LEVEL
from warpdata.writers.scenes.frames import PointSampler, SceneFrame, SceneFrames, save_image, save_text

log = logging.getLogger(__name__)

DEPTH_UNIT = 0.001
"""What readers multiply 16-bit depth by."""

OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""Takes coordinates in OpenGL camera axes (y up, z backward) to OpenCV's."""


def write_nerfstudio(frames: SceneFrames, root: Path) -> None:
    """Write `transforms.json`, `images/`, `depth/` and `points.ply`.

    A depth map that does not fit into 16 bits is left out.
    """
    sampler = PointSampler(len(frames))
    entries: list[dict[str, Any]] = []
    intrinsics = []
    for frame in frames:
        image = f"images/{frame.name}.jpg"
        save_image(frame.image, root / image)
        entry: dict[str, Any] = {
            "file_path": image,
            "transform_matrix": (frame.world_from_cam @ OPENCV_FROM_OPENGL).tolist(),
        }
        if _save_depth(frame, root / "depth" / f"{frame.name}.png"):
            entry["depth_file_path"] = f"depth/{frame.name}.png"
        else:
            log.warning("%s/%s: depth does not fit into 16 bits, left out", frames.scene_id, frame.name)
        sampler.add(frame)
        entries.append(entry)
        intrinsics.append(pinhole_json(frame))
    if not entries:
        return
    (root / "points.ply").write_bytes(encode_ply(sampler.cloud()))
    shared, entries = share_intrinsics(intrinsics, entries)
    content = {
        "camera_model": "OPENCV",
        "ply_file_path": "points.ply",
        "scale_type": frames.scale,
        **shared,
        "frames": entries,
    }
    save_text(dump_json(content, indent=1) + "\n", root / "transforms.json")


def pinhole_json(frame: SceneFrame) -> dict[str, float | int]:
    """Intrinsics under nerfstudio's names; no distortion."""
    fx, fy, cx, cy = frame.pinhole
    height, width = frame.camera.hw
    return {
        "fl_x": fx,
        "fl_y": fy,
        "cx": cx,
        "cy": cy,
        "w": width,
        "h": height,
        "k1": 0.0,
        "k2": 0.0,
        "p1": 0.0,
        "p2": 0.0,
    }


def share_intrinsics(
    intrinsics: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Intrinsics for the top of the file where all frames have the same, else in every frame; never mixed."""
    if all(one == intrinsics[0] for one in intrinsics):
        return intrinsics[0], entries
    return {}, [entry | one for entry, one in zip(entries, intrinsics, strict=True)]


def _save_depth(frame: SceneFrame, path: Path) -> bool:
    stored = np.rint(frame.depth.numpy() / DEPTH_UNIT)
    if stored.max() > np.iinfo(np.uint16).max:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(".png", stored.astype(np.uint16), [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    path.write_bytes(data.tobytes())
    return True
