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

SCENE_META_DISTORTED = "scene_meta_distorted.json"
"""The same for pictures whose lens is not undone."""

MODALITIES = {
    "file_path": ("image", "image_distorted"),
    "depth_file_path": ("depth", "gt_depth", "rendered_depth"),
    "mask_path": ("mask",),
}
"""nerfstudio's key -> the modalities that name its file, the first there is; `rendered_depth` is that of a scan."""


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


def scene_meta_text(
    scene: str,
    frames: Sequence[WaiFrame],
    *,
    scale: Literal["metric", "arbitrary"],
    license: str | None = None,
) -> str:
    """The text of a `scene_meta.json`.

    Args:
        license: of the pictures, where it is known.
    """
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
        **({} if license is None else {"license": license}),
        **shared,
        "frames": entries,
        "scene_modalities": {},
        "frame_modalities": {name: {"frame_key": name, "format": name} for name in ("image", "depth")},
    }
    return dump_json(content, indent=1) + "\n"


def read_scene_meta(file: Path) -> Transforms:
    """Read a `scene_meta.json`; opens no other file. Its keys are nerfstudio's, its axes OpenCV's unless it says else.

    Pictures, depth and masks are what the modalities of `MODALITIES` name in each frame. Depth that others predicted
    (`pred_depth` and its like, a table of methods) is not taken for the scene's own.

    Raises:
        SceneError: it is no such JSON, or states a lens that is not known for all frames.
    """
    content = read_object(file)
    content.setdefault("camera_convention", "opencv")
    keys = {key: _frame_keys(content, names, file) for key, names in MODALITIES.items()}
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


def _frame_keys(content: dict[str, Any], names: Sequence[str], file: Path) -> list[str]:
    """The keys under which a frame may name its file of the first modality there is; none where the scene has none."""
    modalities = content.get("frame_modalities")
    if modalities is None:
        return [key for name in names for key in (name, f"{name}_path")]
    for name in names:
        about = modalities.get(name) if isinstance(modalities, dict) else modalities
        if (
            isinstance(about, dict)
            and "frame_key" not in about
            and all(isinstance(one, dict) for one in about.values())
        ):
            continue  # a table of methods
        if about is None:
            continue
        if not isinstance(about, dict) or not isinstance(about.get("frame_key", name), str):
            raise SceneError(f"{file}: its frame_modalities say of {name} {about!r:.80}, expected frame_key and format")
        return [about.get("frame_key", name)]
    return []


def _in_nerfstudio_keys(frame: Any, keys: dict[str, list[str]]) -> Any:
    if not isinstance(frame, dict):
        return frame  # whoever reads it says so
    files = {name: next((frame[key] for key in tried if frame.get(key)), None) for name, tried in keys.items()}
    return {**frame, **files, "file_path": files["file_path"] or frame.get("file_path")}
