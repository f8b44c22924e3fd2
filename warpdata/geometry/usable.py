"""Which pictures of a scene are of use to an estimator: they decode, and are not tiny; two make a pair."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import UInt8
from torch import Tensor

from warpdata.config import MIN_IMAGE_SIDE
from warpdata.errors import GeometryError, ViewError
from warpdata.sources.scene import Scene, View


def load_usable(view: View) -> UInt8[Tensor, "3 H W"]:
    """A view's upright picture.

    Raises:
        ViewError: it cannot be decoded, or is too small.
    """
    picture = view.picture.load()
    check_sides(picture.shape[1:])
    return picture


def check_sides(hw: tuple[int, int]) -> None:
    """Whether a picture of so many pixels is large enough to be of use.

    Raises:
        ViewError: it is not.
    """
    height, width = hw
    if min(height, width) < MIN_IMAGE_SIDE:
        raise ViewError(f"the picture is {width} x {height} pixels; at least {MIN_IMAGE_SIDE} on each side are needed")


def check_two_usable(scene: Scene, failures: Mapping[str, str]) -> None:
    """Whether enough views are left for a pair.

    Args:
        failures: view name -> why it cannot be used.

    Raises:
        GeometryError: fewer than two; names the others.
    """
    usable = len(scene.views) - len(failures)
    if usable < 2:
        raise GeometryError(
            f"a pair needs two pictures that can be used, scene {scene.id} has {usable} of {len(scene.views)}", failures
        )
