"""WAI's `scene_meta.json`: camera-to-world in OpenCV axes, depth as OpenEXR in files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from warpdata.files.bounded_json import dump_json, read_json
from warpdata.formats.intrinsics import pinhole_json, share_intrinsics

SCENE_META = "scene_meta.json"


@dataclass(frozen=True, kw_only=True)
class WaiFrame:
    """One view.

    Attributes:
        name: its `frame_name`.
        image: path of its picture below the scene's folder.
        depth: path of its depth map; None where it has none.
        K: of the picture, in pixels.
        world_from_cam: its pose.
        hw: size of the picture.
    """

    name: str
    image: str
    depth: str | None
    K: Float64[np.ndarray, "3 3"]
    world_from_cam: Float64[np.ndarray, "4 4"]
    hw: tuple[int, int]


def scene_meta_text(scene: str, frames: Sequence[WaiFrame], *, scale: Literal["metric", "arbitrary"]) -> str:
    """The text of a `scene_meta.json`."""
    entries: list[dict[str, Any]] = [
        {
            "frame_name": frame.name,
            "file_path": frame.image,
            "image": frame.image,
            **({} if frame.depth is None else {"depth": frame.depth}),
            "transform_matrix": frame.world_from_cam.tolist(),
        }
        for frame in frames
    ]
    shared, entries = share_intrinsics([pinhole_json(frame.K, frame.hw) for frame in frames], entries)
    content = {
        "scene_name": scene,
        "dataset_name": "warpdata",
        "version": "0.1",
        "shared_intrinsics": bool(shared),
        "camera_model": "PINHOLE",
        "camera_convention": "opencv",
        "scale_type": scale,
        **shared,
        "frames": entries,
        "scene_modalities": {},
        "frame_modalities": {name: {"frame_key": name, "format": name} for name in ("image", "depth")},
    }
    return dump_json(content, indent=1) + "\n"


def read_scene_meta(path: Path) -> list[WaiFrame]:
    """The views of a `scene_meta.json` with pinhole cameras. Paths are as they were written: whoever opens them has to
    see that they stay in the scene's folder.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or its cameras are no pinholes in OpenCV axes.
    """
    content = read_json(path)
    try:
        model, axes = content.get("camera_model", "PINHOLE"), content.get("camera_convention", "opencv")
        if model != "PINHOLE" or axes != "opencv":
            raise ValueError(f"cameras are {model} in axes of {axes}, expected PINHOLE in opencv")
        return [_frame({**content, **entry}) for entry in content["frames"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no {SCENE_META} that can be read ({error})") from error


def _frame(entry: dict[str, Any]) -> WaiFrame:
    K = np.eye(3)
    K[[0, 1, 0, 1], [0, 1, 2, 2]] = [float(entry[key]) for key in ("fl_x", "fl_y", "cx", "cy")]
    pose = np.array(entry["transform_matrix"], np.float64)
    if pose.shape != (4, 4) or not (np.isfinite(pose).all() and np.isfinite(K).all()):
        raise ValueError(f"the camera of {entry['frame_name']!r:.80} is no pinhole with a 4x4 pose")
    depth = entry.get("depth")
    return WaiFrame(
        name=str(entry["frame_name"]),
        image=str(entry.get("image") or entry["file_path"]),
        depth=None if depth is None else str(depth),
        K=K,
        world_from_cam=pose,
        hw=(int(entry["h"]), int(entry["w"])),
    )
