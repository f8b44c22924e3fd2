"""WAI's `scene_meta.json`: camera-to-world in OpenCV axes, depth as OpenEXR."""

from __future__ import annotations

from pathlib import Path

from warpdata.files.bounded_json import dump_json
from warpdata.formats.exr import write_depth_exr
from warpdata.writers.scenes.frames import SceneFrames, save_image, save_text
from warpdata.writers.scenes.nerfstudio import pinhole_json, share_intrinsics


def write_wai(frames: SceneFrames, root: Path) -> None:
    """Write `scene_meta.json`, `images/` and `depth/`."""
    entries, intrinsics = [], []
    for frame in frames:
        image, depth = f"images/{frame.name}.jpg", f"depth/{frame.name}.exr"
        save_image(frame.image, root / image)
        write_depth_exr(frame.depth.numpy(), root / depth)
        entries.append(
            {
                "frame_name": frame.name,
                "file_path": image,
                "image": image,
                "depth": depth,
                "transform_matrix": frame.world_from_cam.tolist(),
            }
        )
        intrinsics.append({key: value for key, value in pinhole_json(frame).items() if key[0] not in "kp"})
    if not entries:
        return
    shared, entries = share_intrinsics(intrinsics, entries)
    content = {
        "scene_name": frames.scene_id,
        "dataset_name": "warpdata",
        "version": "0.1",
        "shared_intrinsics": bool(shared),
        "camera_model": "PINHOLE",
        "camera_convention": "opencv",
        "scale_type": frames.scale,
        **shared,
        "frames": entries,
        "scene_modalities": {},
        "frame_modalities": {name: {"frame_key": name, "format": name} for name in ("image", "depth")},
    }
    save_text(dump_json(content, indent=1) + "\n", root / "scene_meta.json")
