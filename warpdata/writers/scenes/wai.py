"""WAI's `scene_meta.json`: camera-to-world in OpenCV axes, depth as OpenEXR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warpdata.formats.exr import write_depth_exr
from warpdata.formats.wai import SCENE_META, WaiFrame, scene_meta_text
from warpdata.writers.scenes.frames import SceneFrames, save_bytes, save_image


def write_wai(frames: SceneFrames, root: Path, own: Any = None) -> None:
    """Write `scene_meta.json`, `images/` as PNG and `depth/`: nothing is lost, and the source `wai` reads it back."""
    written: list[WaiFrame] = []
    for frame in frames:
        image, depth = f"images/{frame.name}.png", f"depth/{frame.name}.exr"
        save_image(frame.image, root / image)
        write_depth_exr(frame.depth.numpy(), root / depth)
        written.append(
            WaiFrame(
                name=frame.name,
                image=image,
                depth=depth,
                K=frame.K,
                world_from_cam=frame.world_from_cam,
                hw=frame.camera.hw,
            )
        )
    if written:
        text = scene_meta_text(frames.scene_id, written, scale=frames.scale, license=frames.license)
        save_bytes(text.encode(), root / SCENE_META)
