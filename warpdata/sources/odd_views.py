"""Views that would spoil a scene for the others: much smaller, of another shape, or another view's copy.

All triplets of a scene have one size, the least of its views, so that one thumbnail makes thumbnails of all. A view is
odd when, after the reduction to the largest output,

* it has less than a quarter of the scene's median of pixels, or
* its longer side over its shorter differs from the median by more than a fifth. Sides are compared sorted: portraits
  among landscapes of one camera are not odd.

Odd ones are few: where more than a third of the views would be, the scene has no common size or shape, and all stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from warpdata.config import SizeOptions
from warpdata.files.digests import file_sha256
from warpdata.files.tree import file_numbers
from warpdata.sources.fit import limit_megapixels
from warpdata.sources.picture import Picture, Sha256Of

LEAST_PIXELS = 1 / 4
"""Of the median."""

SHAPE_TOLERANCE = 0.2
MOST_ODD = 1 / 3
"""Share of a scene's views that can be odd."""

HOW_TO_KEEP = "use `keep_odd_views=True` to use it all the same"


def odd_sizes(image_hws: Mapping[str, tuple[int, int]], size: SizeOptions) -> dict[str, str]:
    """View name -> why its picture's size is odd among the scene's.

    Args:
        image_hws: view name -> height and width of the upright picture.
        size: of the output.
    """
    if len(image_hws) < 2:
        return {}
    limit = size.resize_height * size.resize_width / 1e6 or size.max_megapixels
    pixels: dict[str, int] = {}
    shapes: dict[str, float] = {}
    for name, image_hw in image_hws.items():
        height, width = limit_megapixels(image_hw, limit)
        pixels[name] = height * width
        shapes[name] = max(image_hw) / min(image_hw)
    usual_pixels, usual_shape = median(pixels.values()), median(shapes.values())
    small = {name for name, count in pixels.items() if count < LEAST_PIXELS * usual_pixels}
    bent = {
        name for name, shape in shapes.items() if max(shape / usual_shape, usual_shape / shape) > 1 + SHAPE_TOLERANCE
    }
    few = MOST_ODD * len(image_hws)
    small, bent = (odd if len(odd) <= few else set() for odd in (small, bent))
    reasons = {}
    for name, (height, width) in image_hws.items():
        if name in small:
            how = f"{usual_pixels / pixels[name]:.0f} times fewer pixels than is usual in its scene"
        elif name in bent:
            how = f"another shape than is usual in its scene: sides as {shapes[name]:.2f} to 1, not {usual_shape:.2f}"
        else:
            continue
        reasons[name] = f"its picture of {width}x{height} has {how}, and would make every triplet so; {HOW_TO_KEEP}"
    return reasons


def copies(pictures: Mapping[str, Picture], sha256_of: Sha256Of = file_sha256) -> dict[str, str]:
    """View name -> why it is left out, of every view whose picture is the same as an earlier one's.

    Only pictures whose files have the same lengths are digested; one that cannot be read is nobody's copy.

    Args:
        sha256_of: digests of files, where they are known already.
    """
    alike: dict[object, list[str]] = {}
    for name, picture in pictures.items():
        alike.setdefault(_lengths(picture), []).append(name)
    first: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for names in alike.values():
        for name in names if len(names) > 1 else ():
            digest = _digest(pictures[name], sha256_of)
            if digest is None:
                continue
            if digest in first:
                reasons[name] = f"its picture is identical to that of {first[digest]}; {HOW_TO_KEEP}"
            first.setdefault(digest, name)
    return {name: reasons[name] for name in pictures if name in reasons}


def _lengths(picture: Picture) -> tuple[int | None, ...]:
    try:
        return tuple(file_numbers(path).size for path in picture.files)
    except OSError:
        return (None,)


def _digest(picture: Picture, sha256_of: Sha256Of) -> str | None:
    try:
        return picture.digest(sha256_of)
    except OSError:
        return None
