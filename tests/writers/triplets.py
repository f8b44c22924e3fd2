"""Triplets with known answers: lopsided, different in every pixel and role."""

from functools import cache

import torch

from warpdata.camera import Camera
from warpdata.triplets.triplet import Triplet

HW = (26, 39)


@cache
def camera(seed: int, hw=HW) -> Camera:
    generator = torch.Generator().manual_seed(seed)
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = rotation * torch.linalg.det(rotation).sign()
    pose[:3, 3] = torch.randn(3, generator=generator, dtype=torch.float64)
    K = torch.tensor([[31.5, 0, 17.25], [0, 29.75, 14.5], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=pose, hw=hw)


def picture(seed: int, channels: int = 3, hw=HW) -> torch.Tensor:
    """A smooth gradient of its own colour with one marked corner: the top left pixels are white, the rest is darker."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.rand(channels, 1, 1, generator=generator) * 100
    ramp = torch.linspace(0, 90, hw[0])[:, None] + torch.linspace(0, 30, hw[1])[None, :]
    image = (base + ramp).to(torch.uint8)
    image[:, :4, :4] = 255
    return image


def triplet(scene: str, reference: int, target: int, hw=HW, name: str | None = None, prompt: str = "") -> Triplet:
    """Frames of a scene are the same whichever triplet shows them."""
    frame = 1000 * (sum(map(ord, scene)) % 97)
    return Triplet(
        id=f"{scene}/{name or f'{target:06d}'}",
        splat=picture(frame + 500 + 31 * reference + target, hw=hw),
        reference=picture(frame + reference, hw=hw),
        target=picture(frame + target, hw=hw),
        coverage=picture(frame + 700 + target, 1, hw),
        confidence=picture(frame + 800 + reference, 1, hw),
        reference_camera=camera(frame + reference, hw),
        target_camera=camera(frame + target, hw),
        reference_name=f"{reference:06d}",
        target_name=f"{target:06d}",
        prompt=prompt,
        scores={"hole_fraction": 0.25},
    )


def scene(name: str = "room", count: int = 4, hw=HW) -> list[Triplet]:
    return [triplet(name, k, k + 1, hw) for k in range(count)]
