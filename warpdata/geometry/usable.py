"""Which pictures of a scene are of use to an estimator: they decode, and are not tiny; and are there enough?"""

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


def check_enough(scene: Scene, failures: Mapping[str, str], least: int = 1) -> None:
    """Whether enough views are left: one for geometry at all, two for a pair.

    Args:
        failures: view name -> why it cannot be used.
        least: so many have to be left.

    Raises:
        GeometryError: there are fewer; names the others.
    """
    usable = len(scene.views) - len(failures)
    if usable < least:
        needed = "a pair needs two pictures" if least > 1 else "geometry needs a picture"
        raise GeometryError(f"{needed} that can be used, scene {scene.id} has {usable} of {len(scene.views)}", failures)
