"""WAI's `scene_meta.json`: camera-to-world in OpenCV axes, depth as OpenEXR in files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from warpdata.errors import SceneError
from warpdata.files.bounded_json import dump_json
from warpdata.formats.intrinsics import pinhole_json, share_intrinsics
from warpdata.formats.transforms import Transforms, read_object, transforms_of

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


def read_scene_meta(file: Path) -> Transforms:
    """Read a `scene_meta.json`; opens no other file. Its keys are nerfstudio's, its axes OpenCV's unless it says else.

    Pictures, depth and masks are what the modalities `image`, `depth` and `mask` name in each frame. Depth that others
    predicted (`pred_depth` and its like, a table of methods) is not taken for the scene's own.

    Raises:
        SceneError: it is no such JSON, or describes lenses other than an ideal pinhole for all frames.
    """
    content = read_object(file)
    content.setdefault("camera_convention", "opencv")
    keys = {name: _frame_key(content, name, file) for name in ("image", "depth", "mask")}
    names: set[str] = set()
    twice: dict[str, str] = {}
    frames = content.get("frames")
    if isinstance(frames, list):
        content["frames"] = []
        for number, frame in enumerate(frames):
            name = frame.get("frame_name") if isinstance(frame, dict) else None
            if isinstance(name, str) and name in names:
                twice[f"{name} (entry {number})"] = f"the name {name!r} is that of an earlier frame, which is used"
                continue
            names |= {name} if isinstance(name, str) else set()
            content["frames"].append(_in_nerfstudio_keys(frame, keys))
    found = transforms_of(content, file)
    return replace(found, left_out=found.left_out | twice)


def _frame_key(content: dict[str, Any], modality: str, file: Path) -> str | None:
    """Under which key a frame names its file of a modality; None where the scene has none."""
    modalities = content.get("frame_modalities")
    if modalities is None:
        return modality
    about = modalities.get(modality) if isinstance(modalities, dict) else modalities
    if about is None:
        return None
    if not isinstance(about, dict) or not isinstance(about.get("frame_key", modality), str):
        raise SceneError(f"{file}: its frame_modalities say of {modality} {about!r:.80}, expected frame_key and format")
    return about.get("frame_key", modality)


def _in_nerfstudio_keys(frame: Any, keys: dict[str, str | None]) -> Any:
    if not isinstance(frame, dict):
        return frame  # whoever reads it says so
    files = {name: None if key is None else frame.get(key) for name, key in keys.items()}
    return {
        **frame,
        "file_path": files["image"] or frame.get("file_path"),
        "depth_file_path": files["depth"],
        "mask_path": files["mask"],
    }
