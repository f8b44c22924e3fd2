"""nerfstudio's `transforms.json`: camera-to-world in OpenGL axes, depth in thousandths of the unit, a point cloud."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from warpdata.formats.jpeg_png import encode_depth
from warpdata.formats.ply import encode_ply
from warpdata.formats.transforms import TRANSFORMS_FILE, WrittenFrame, transforms_text
from warpdata.writers.scenes.frames import PointSampler, SceneFrames, save_bytes, save_image

log = logging.getLogger(__name__)

DEPTH_UNIT = 0.001
"""What readers multiply 16-bit depth by."""

POINTS = "points.ply"


def write_nerfstudio(frames: SceneFrames, root: Path, own: Any = None) -> None:
    """Write `transforms.json`, `images/`, `depth/` and `points.ply`.

    A depth map that does not fit into 16 bits is left out.
    """
    sampler = PointSampler(len(frames))
    written: list[WrittenFrame] = []
    for frame in frames:
        image, depth = f"images/{frame.name}.jpg", f"depth/{frame.name}.png"
        save_image(frame.image, root / image)
        encoded = encode_depth(frame.depth, DEPTH_UNIT)
        if encoded is None:
            log.warning("%s/%s: depth does not fit into 16 bits, left out", frames.scene_id, frame.name)
        else:
            save_bytes(encoded, root / depth)
        sampler.add(frame)
        written.append(
            WrittenFrame(
                image=image,
                depth=None if encoded is None else depth,
                K=frame.K,
                world_from_cam=frame.world_from_cam,
                hw=frame.camera.hw,
            )
        )
    if written:
        save_bytes(encode_ply(sampler.cloud()), root / POINTS)
        save_bytes(transforms_text(written, scale=frames.scale, ply=POINTS).encode(), root / TRANSFORMS_FILE)
