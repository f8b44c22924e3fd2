"""Questions that two cameras answer: how far the camera turned, and which way it went."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from warpdata.camera import Camera
from warpdata.writers.layouts.sharegpt.question import Question, Shown, lettered
from warpdata.writers.layouts.sharegpt.templates import Templates

DIRECTIONS = ("right", "left", "down", "up", "forward", "backward")
"""Along +x, -x, +y, -y, +z, -z of a camera."""

STAYED = "it did not move"
STANDING = 1e-6
"""A camera moved less than this share of its distance from the origin, or of 1, stands."""

BOTH = (Shown(role="reference"), Shown(role="target"))


def rotation_deg(reference: Camera, target: Camera) -> float:
    """Angle of R_target R_referenceᵀ, in degrees.

    From sine and cosine, so that it is exact for small angles too: |R - Rᵀ| / (2√2) and (trace R - 1) / 2.
    """
    R = target.cam_from_world[:3, :3].double() @ reference.cam_from_world[:3, :3].double().mT
    sine = torch.linalg.norm(R - R.mT).item() / (2 * math.sqrt(2))
    return math.degrees(math.atan2(sine, (R.trace().item() - 1) / 2))


def movement(reference: Camera, target: Camera) -> Float64[Tensor, "3"]:
    """Way from the reference's centre to the target's, in the reference's axes: right, down, forward."""
    there = torch.linalg.inv(target.cam_from_world.double())[:3, 3]
    pose = reference.cam_from_world.double()
    return pose[:3, :3] @ there + pose[:3, 3]


def ask_rotation(reference: Camera, target: Camera, rng: Random, templates: Templates) -> Question:
    """By how much the camera turned."""
    angle = rotation_deg(reference, target)
    return Question(
        shown=BOTH,
        text=templates.draw("CAMERA_ROTATION", rng),
        answer=f"{angle:.1f}",
        facts={"units": "degrees", "rounded_to": 0.1},
    )


def ask_moving(reference: Camera, target: Camera, rng: Random, templates: Templates) -> Question:
    """Which way it went, of four options."""
    right = main_direction(reference, target)
    others = [one for one in (*DIRECTIONS, STAYED) if one != right]
    options = [right, *rng.sample(others, 3)]
    rng.shuffle(options)
    facts: dict[str, Any] = {"units": "letter", "options": options}
    return Question(
        shown=BOTH,
        text=templates.draw("CAMERA_MOVING", rng, lettered(options)),
        answer=chr(ord("A") + options.index(right)),
        facts=facts,
    )


def main_direction(reference: Camera, target: Camera) -> str:
    """The direction with the largest part in a movement."""
    way = movement(reference, target)
    scale = max(1.0, reference.cam_from_world[:3, 3].norm().item())
    if way.norm().item() < STANDING * scale:
        return STAYED
    axis = int(way.abs().argmax())
    return DIRECTIONS[2 * axis + (way[axis].item() < 0)]
