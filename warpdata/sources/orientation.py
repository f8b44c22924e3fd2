"""Pictures that an orientation tag turns, against cameras and masks that were made for their pixels.

Photographs are turned upright. A camera or a mask may be for the upright picture, or for the pixels as they are stored:
COLMAP, hloc and nerfstudio ignore the tag. Which of the two, sizes tell or nothing does:

    tag                        size of camera or mask        it is
    1                          any                           for both, which are the same
    5, 6, 7, 8 (sides swap)    shape of the upright picture  for the upright picture: used
    5, 6, 7, 8                 shape of the stored pixels    for those: refused
    5, 6, 7, 8                 (nearly) square, not stated   undecided: refused
    2, 3, 4 (mirror, 180°)     any                           undecided: refused

HEIF needs no tag, see `decode.orientation`.
"""

from __future__ import annotations

from warpdata.camera import Camera
from warpdata.errors import ViewError
from warpdata.sources.scene import View

SHAPE_TOLERANCE = 0.05
"""How far width / height of a depth map or a mask may be from its picture's; networks round sides to multiples of 14
or more."""

_FIRST_THAT_SWAPS_SIDES = 5
_REMEDY = (
    "if it is for the pixels as they are stored, as COLMAP, hloc and nerfstudio use them, remove the tag (exiftool "
    "-Orientation= FILE); if it is for the upright picture, turn the pixels (magick mogrify -auto-orient FILE)"
)


def same_shape(hw: tuple[int, int], image_hw: tuple[int, int]) -> bool:
    """Whether two sizes (height, width) can cover the same picture, within `SHAPE_TOLERANCE`."""
    return abs(hw[1] * image_hw[0] / (hw[0] * image_hw[1]) - 1) <= SHAPE_TOLERANCE


def undecided(label: str, tag: int, what: str) -> str:
    """Why `what` is refused for a picture that the tag turns, and what to do."""
    return f"{label} has the orientation tag {tag}, and nothing tells which pixels {what} is for: {_REMEDY}"


def upright_camera(view: View, image_hw: tuple[int, int]) -> Camera | None:
    """`view.camera_at(image_hw)`, where it is certain that this is the camera of the upright picture.

    Raises:
        ViewError: it is for pixels of another shape, or may be for the pixels as they are stored.
    """
    if view.camera is None:
        return None
    check_turned(view, view.camera.hw, "its camera")
    return view.camera_at(image_hw)


def check_turned(view: View, hw: tuple[int, int], what: str) -> None:
    """Refuse what may be for the stored pixels of a view's picture, by the size (height, width) it has.

    Raises:
        ViewError: the picture's tag is not 1, and `hw` does not tell stored from upright.
    """
    tag = view.picture.orientation()
    if tag != 1 and (tag < _FIRST_THAT_SWAPS_SIDES or same_shape(hw, (hw[1], hw[0]))):
        raise ViewError(undecided(view.picture.label, tag, what))
