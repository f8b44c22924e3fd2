"""The one size rule: how large the pictures of a triplet are, and how a picture of another shape is brought there."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from warpdata.camera import Camera
from warpdata.config import SizeOptions

Rectangle = tuple[float, float, float, float]
"""left, top, right, bottom in pixels; positions count from the picture's corner."""


def output_size(image_hws: Iterable[tuple[int, int]], options: SizeOptions) -> tuple[int, int]:
    """Height and width that splat, reference and target of one scene have.

    The explicit size, or the least height and the least width of the scene's pictures after `max_megapixels`, each
    then rounded down to a multiple of `multiple` (and never below one multiple).

    Args:
        image_hws: sizes (height, width) of the upright pictures of the scene.

    Raises:
        ValueError: there is no picture.
    """
    if options.resize_width and options.resize_height:
        hw = limit_megapixels((options.resize_height, options.resize_width), options.max_megapixels)
    else:
        sizes = [limit_megapixels(image_hw, options.max_megapixels) for image_hw in set(image_hws)]
        if not sizes:
            raise ValueError("the output size of a scene without pictures was asked for; it has none")
        hw = min(height for height, _ in sizes), min(width for _, width in sizes)
    height, width = (max(side // options.multiple, 1) * options.multiple for side in hw)
    return height, width


def limit_megapixels(hw: tuple[int, int], max_megapixels: float) -> tuple[int, int]:
    """The size reduced to `max_megapixels` (0: no limit), keeping its shape; each side rounded, half to even.

    Rounding may end above the limit by less than a row and a column: 4000x3000 at 1 becomes 1155x866.
    """
    height, width = hw
    megapixels = width * height / 1e6
    if not max_megapixels or megapixels <= max_megapixels:
        return hw
    scale = math.sqrt(max_megapixels / megapixels)
    return max(1, round(height * scale)), max(1, round(width * scale))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a picture comes to its output size: a rectangle of it is resized and put at a place on white.

    Attributes:
        source_hw: height and width of the upright original picture.
        output_hw: height and width of the result.
        box: the part of the original that is used; inside it.
        place: where that part ends up in the output; whole pixels, inside it.
    """

    source_hw: tuple[int, int]
    output_hw: tuple[int, int]
    box: Rectangle
    place: tuple[int, int, int, int]

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Output pixels an original pixel."""
        left, top, right, bottom = self.place
        return (right - left) / (self.box[2] - self.box[0]), (bottom - top) / (self.box[3] - self.box[1])

    @property
    def span(self) -> Rectangle:
        """The rectangle of the original plane that the whole output covers; larger than the picture when padded."""
        scale_x, scale_y = self.scale_xy
        left, top, right, bottom = self.place
        return (
            self.box[0] - left / scale_x,
            self.box[1] - top / scale_y,
            self.box[2] + (self.output_hw[1] - right) / scale_x,
            self.box[3] + (self.output_hw[0] - bottom) / scale_y,
        )

    def map_camera(self, camera: Camera) -> Camera:
        """The camera of the output, from the camera of the original picture.

        Raises:
            ValueError: the camera is for another size.
        """
        if camera.hw != self.source_hw:
            raise ValueError(f"a camera of size {camera.hw} was given to a fit of pictures of size {self.source_hw}")
        scale_x, scale_y = self.scale_xy
        offset = (self.place[0] - self.box[0] * scale_x, self.place[1] - self.box[1] * scale_y)
        return camera.mapped((scale_x, scale_y), offset, self.output_hw)

    def apply(self, image: Image.Image) -> Image.Image:
        """The RGB picture at its output size: one bicubic resampling, and none where no size changes."""
        left, top, right, bottom = self.place
        output_wh = (self.output_hw[1], self.output_hw[0])
        content = image.resize((right - left, bottom - top), Image.Resampling.BICUBIC, box=self.box)
        if content.size == output_wh:
            return content
        output = Image.new("RGB", output_wh, "white")
        output.paste(content, (left, top))
        return output


def fit_image(source_hw: tuple[int, int], output_hw: tuple[int, int], mode: Literal["crop", "pad"]) -> Fit:
    """How a picture of one size is brought to another.

    `crop` fills the output and cuts evenly what hangs over, keeping pixels square. `pad` keeps the whole picture and
    leaves even borders on two sides (the odd pixel goes right or below).
    """
    (height, width), (out_height, out_width) = source_hw, output_hw
    wide = width * out_height > height * out_width
    if mode == "crop":
        box_width = out_width * height / out_height if wide else float(width)
        box_height = float(height) if wide else out_height * width / out_width
        left, top = (width - box_width) / 2, (height - box_height) / 2
        box, place = (left, top, width - left, height - top), (0, 0, out_width, out_height)
    else:
        content_width = out_width if wide else max(1, round(width * out_height / height))
        content_height = max(1, round(height * out_width / width)) if wide else out_height
        left, top = (out_width - content_width) // 2, (out_height - content_height) // 2
        box = (0.0, 0.0, float(width), float(height))
        place = (left, top, left + content_width, top + content_height)
    return Fit(source_hw=source_hw, output_hw=output_hw, box=box, place=place)
