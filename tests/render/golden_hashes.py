"""Frozen results of the warp: a dozen scenes made of whole numbers, and the sha256 of what they render to.

After a change of the definition on purpose, which raises `WARP_VERSION`, add those of the new version with

    python -m tests.render.golden_hashes > tests/render/golden_hashes.json
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import torch

from tests.render.views import noise, noise_image, steps_depth
from warpdata.camera import Camera
from warpdata.render import WARP_VERSION, Rendering, RenderOptions, render_points, warp


def camera(hw: tuple[int, int], focal: tuple[float, float], x: float = 0, y: float = 0, z: float = 0) -> Camera:
    """Focal lengths, centre and position are short binary fractions, so that all geometry is exact."""
    K = torch.tensor([[focal[0], 0, hw[1] / 2 - 1.5], [0, focal[1], hw[0] / 2 + 0.5], [0, 0, 1]], dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor([x, y, z], dtype=torch.float64)
    return Camera(K=K, cam_from_world=pose, hw=hw)


def slanted_depth(hw: tuple[int, int]) -> torch.Tensor:
    """A slanted sheet with a slanted board before it."""
    depth = 4 + torch.arange(hw[1]) / 128 + torch.arange(hw[0])[:, None] / 64
    depth[hw[0] // 4 : hw[0] // 2, hw[1] // 3 : hw[1] // 2] /= 2
    return depth


def scene(
    hw, focal, *, step=(0.0, 0.0, 0.0), target_hw=None, depth_hw=None, slanted=False, **options
) -> Callable[[str, int, torch.device], Rendering]:
    seed = hw[0] * 100 + hw[1]
    depth = slanted_depth(hw) if slanted else steps_depth(depth_hw or hw, seed)
    confidence = 1 + noise(tuple(depth.shape), seed + 3, 64) / 64 if "confidence_threshold" in options else None
    target = camera(target_hw or hw, focal, *step)

    def render(backend: str, version: int, device: torch.device) -> Rendering:
        return warp(
            noise_image(hw, seed).to(device),
            depth.to(device),
            camera(hw, focal),
            target,
            confidence=None if confidence is None else confidence.to(device),
            options=RenderOptions(version=version, **options),
            backend=backend,
        )

    return render


def cloud(backend: str, version: int, device: torch.device) -> Rendering:
    """A thousand points in no order, many to a pixel."""
    points = noise((1000, 3), 17, 64).float() / 16 - torch.tensor([2.0, 2.0, -1.0])
    colors = noise((1000, 3), 18, 256).to(torch.uint8)
    options = RenderOptions(s0=0.25, version=version)
    seen_from = camera((37, 29), (32, 16))
    return render_points(points.to(device), colors.to(device), None, seen_from, options=options, backend=backend)


SCENES: dict[str, Callable[[str, int, torch.device], Rendering]] = {
    "identity": scene((33, 47), (64, 32)),
    "sideways": scene((48, 64), (64, 64), step=(0.25, 0, 0)),
    "forward": scene((48, 64), (64, 128), step=(0, 0, -1)),
    "back": scene((45, 61), (32, 64), step=(0, 0.125, 2)),
    "large_step": scene((64, 96), (128, 64), step=(-1, 0.5, 0.25), s0=0.125),
    "small_sigma": scene((31, 77), (64, 64), step=(0.5, 0.25, 0), sigma=2.0),
    "no_fill": scene((20, 20), (32, 16), step=(0.25, 0, 0), sigma=0.0),
    "background": scene((50, 30), (32, 64), step=(0.5, 0, 0), sigma=4.0, background=(255, 128, 3)),
    "confidence": scene((40, 56), (64, 64), step=(-0.25, 0, 0), confidence_threshold=1.25),
    "small_depth": scene((48, 64), (64, 64), step=(0.25, 0.125, 0), depth_hw=(24, 16), s0=0.0625),
    "other_size": scene((40, 56), (64, 64), step=(0.25, 0, 0), target_hw=(65, 33)),
    "nearer": scene((40, 56), (64, 32), step=(0.25, 0.125, -1.5), slanted=True),
    "cloud": cloud,
}


def digest(rendering: Rendering) -> str:
    sha256 = hashlib.sha256()
    for name in ("rgb", "coverage", "visible", "depth"):
        sha256.update(getattr(rendering, name).cpu().contiguous().numpy().tobytes())
    return sha256.hexdigest()


if __name__ == "__main__":
    versions = range(1, WARP_VERSION + 1)
    cpu = torch.device("cpu")
    hashes = {v: {name: digest(render("torch", v, cpu)) for name, render in SCENES.items()} for v in versions}
    print(json.dumps(hashes, indent=2))
