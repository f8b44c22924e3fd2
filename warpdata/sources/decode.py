"""From a picture file to upright 8-bit sRGB: the one place of every rule about it.

* Orientation tags (EXIF, XMP, HEIF) are applied: the picture comes out as viewers show it. Who has cameras, depth or
  masks for it asks `orientation` what the tag was, see `sources.orientation`.
* Colours are converted to sRGB by the picture's profile or tags, see `sources.colour`. Where that cannot be done the
  numbers are taken for sRGB, and a warning names the picture, once.
* Transparency, of whole pixels or of a palette entry, is laid on white.
* 16-bit channels keep their high byte, grey and colour alike. 32-bit and floating-point pictures are refused: their
  range is not known.
* Grey, palette, bilevel and CMYK without a profile become RGB by Pillow's own formulas.
* Of animations and multi-page files the first picture is taken.
* A resize is one bicubic resampling from the decoded original. JPEG's decoding at reduced size is not used: it would
  be a second, cruder resampling before it. RGB is converted after it where that is fewer pixels.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import pillow_heif
import torch
from jaxtyping import Bool, UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from warpdata.config import MAX_IMAGE_PIXELS
from warpdata.errors import ViewError
from warpdata.files.tree import file_numbers, open_file
from warpdata.sources.fit import Fit
from warpdata.sources.picture_names import JPEG_XL_PLUGIN
from warpdata.sources.srgb import UnsuitableProfileError, lab_to_srgb, source_profile, to_srgb

MAX_PIXELS_PER_BYTE = 50_000
"""A file that claims more pixels than this for each of its bytes lies: even blank ones, in the densest of the ordinary
formats (AVIF, lossless WebP), stay below 28,000."""

MAX_PIXELS_PER_BYTE_OF_WAVELETS = 1_000_000
"""The same for JPEG 2000 and JPEG XL: a blank picture of any size is some 450 bytes there."""

_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "HEIF", "WEBP", "GIF", "AVIF", "JPEG2000", "PPM") + (
    ("JXL",) if JPEG_XL_PLUGIN else ()
)
"""What a file may be, whatever its name says. Formats that start other programs (EPS) are not among them."""

_FORMATS_BY_NAME = {".tga": ("TGA",)}
"""Suffix -> formats besides: those whose files do not say what they are."""

_UPRIGHT_FORMATS = ("TIFF", "HEIF", "JXL")
"""Formats whose reader has applied the orientation already, to the size as well."""

_AT_MOST_16_BIT = ("PNG", "PPM")
"""Formats whose whole numbers have 16 bits at most, though Pillow may hand them over in 32."""

_LOSSY_FORMATS = ("JPEG", "MPO", "HEIF", "AVIF", "JPEG2000")
"""Formats in which black comes back as nearly black, or may do so; WebP says which of its two codings it uses."""

_HALF = 128
_ORIENTATION_TAG = 0x0112
_UPRIGHT_FROM_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

logger = logging.getLogger(__name__)

pillow_heif.register_heif_opener()
if JPEG_XL_PLUGIN:
    importlib.import_module(JPEG_XL_PLUGIN)
if Image.MAX_IMAGE_PIXELS is not None:  # Pillow refuses pictures smaller than our own limit; ours is checked below
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, MAX_IMAGE_PIXELS)


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture, from the file's header alone.

    Raises:
        ViewError: the file is missing, empty, no picture, damaged or too large.
    """
    with _opened(path) as image:
        width, height = image.size
        is_turned_on_load = image.format == "TIFF" and _ORIENTATION_TAG not in image.tag_v2  # by a tag in its XMP
        tag = _tag(image) if is_turned_on_load else _orientation(image)
        return (width, height) if tag >= 5 else (height, width)


def orientation(path: Path) -> int:
    """The file's own orientation tag, 1 to 8 as in EXIF, from its header alone; 1 where it has none.

    HEIF says 1: turning is part of its decoding, so that every reader of it sees the upright picture.

    Raises:
        ViewError: as for `image_size`.
    """
    with _opened(path) as image:
        return _tag(image) if image.format == "TIFF" else _orientation(image)


def load_image(path: Path, fit: Fit | None = None) -> UInt8[Tensor, "3 H W"]:
    """The upright picture as sRGB bytes, brought to `fit.output_hw` in one resampling when a fit is given.

    Raises:
        ViewError: the file is missing, empty, no picture, damaged or too large, or `fit` is for another size.
    """
    with _opened(path) as image:
        profile = _profile(image, path)
        upright = _as_16_bit(_upright(image)) if image.format in _AT_MOST_16_BIT else _upright(image)
        plain = upright.mode == "RGB" and not upright.has_transparency_data
        convert_late = profile is not None and plain and fit is not None and _shrinks(fit)
        rgb = _to_rgb(upright, path, None if convert_late else profile)
    if fit is not None:
        if (rgb.height, rgb.width) != fit.source_hw:
            raise ViewError(
                f"{path} is {rgb.width}x{rgb.height} pixels, and {fit.source_hw[1]}x{fit.source_hw[0]} was expected; "
                "the file has changed: run again"
            )
        rgb = fit.apply(rgb)
        if convert_late:
            rgb = _to_rgb(rgb, path, profile)
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1).contiguous()


def load_mask(path: Path) -> Bool[Tensor, "h w"]:
    """A mask picture of any size: true where it is not zero.

    Where some pixel is transparent, alpha is the mask. In lossy formats, whose black is not quite 0, what is darker
    than half is 0. Of colour any channel counts.

    Raises:
        ViewError: as for `load_image`.
    """
    with _opened(path) as file:
        image = _upright(file)
        if image.has_transparency_data:
            alpha = np.asarray(image.convert("RGBA").getchannel("A"))
            if alpha.min() < 255:
                return torch.from_numpy(alpha != 0)
        if image.mode not in ("1", "L", "F") and not image.mode.startswith("I"):
            image = image.convert("RGB")
        values = np.array(image)
    if values.ndim == 3:
        values = values.max(axis=2)
    lossy = _is_lossy(file, path) and values.max() >= _HALF
    return torch.from_numpy(values >= _HALF if lossy else values != 0)


def _is_lossy(image: Image.Image, path: Path) -> bool:
    if image.format != "WEBP":
        return image.format in _LOSSY_FORMATS
    with open_file(path) as file:
        return file.read(16)[12:] != b"VP8L"


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The file with its header read and its size checked. Whatever goes wrong inside becomes a `ViewError`."""
    try:
        with open_file(path) as file:
            _check_not_empty(path)
            formats = _FORMATS + _FORMATS_BY_NAME.get(path.suffix.lower(), ())
            with Image.open(file, formats=formats) as image:
                _check_pixel_count(path, image)
                yield image
    except ViewError:
        raise
    except FileNotFoundError as error:
        raise ViewError(f"{path} does not exist") from error
    except UnidentifiedImageError as error:
        with open_file(path) as file:
            beginning = file.read(16)
        raise ViewError(
            f"{path} is not a picture that can be read: it begins with {beginning!r}; replace or remove it"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ViewError(
            f"{path} says it is too large ({error}), and {MAX_IMAGE_PIXELS:,} pixels are allowed; reduce or remove it"
        ) from error
    except Exception as error:  # decoders raise anything on damaged files: OSError, SyntaxError, struct.error, ...
        reason = str(error).strip() or type(error).__name__
        raise ViewError(f"{path} cannot be read as a picture ({reason}); copy it again or remove it") from error


def _check_not_empty(path: Path) -> None:
    if file_numbers(path).size == 0:
        raise ViewError(f"{path} is empty (0 bytes); copy it again or remove it")


def _check_pixel_count(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_IMAGE_PIXELS:
        raise ViewError(
            f"{path} says it is {width}x{height} pixels, and {MAX_IMAGE_PIXELS:,} are allowed; reduce or remove it"
        )
    size = file_numbers(path).size
    dense = image.format in ("JPEG2000", "JXL")
    if width * height > size * (MAX_PIXELS_PER_BYTE_OF_WAVELETS if dense else MAX_PIXELS_PER_BYTE):
        raise ViewError(
            f"{path} says it is {width}x{height} pixels, which its {size:,} bytes cannot hold; "
            "the file is damaged: copy it again or remove it"
        )


def _orientation(image: Image.Image) -> int:
    """1 to 8 as in EXIF: what is still to be undone. Read from the header: no pixel is decoded."""
    return 1 if image.format in _UPRIGHT_FORMATS else _tag(image)


def _tag(image: Image.Image) -> int:
    """The orientation in a file's EXIF or XMP, 1 where there is none."""
    try:
        # PngImageFile.getexif decodes the whole picture when no tag stands before the pixels.
        orientation = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except Exception:  # a damaged tag does not make the picture unusable
        return 1
    return orientation if orientation in _UPRIGHT_FROM_STORED else 1


def _upright(image: Image.Image) -> Image.Image:
    orientation = _orientation(image)
    image.load()
    return image if orientation == 1 else image.transpose(_UPRIGHT_FROM_STORED[orientation])


def _as_16_bit(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image).astype(np.uint16)) if image.mode == "I" else image


def _shrinks(fit: Fit) -> bool:
    return fit.output_hw[0] * fit.output_hw[1] < fit.source_hw[0] * fit.source_hw[1]


def _profile(image: Image.Image, path: Path) -> bytes | None:
    try:
        return source_profile(image)
    except UnsuitableProfileError as error:
        _warn_of_colours(path, str(error))
        return None


@lru_cache(maxsize=10_000)
def _warn_of_colours(path: Path, reason: str) -> None:
    """Once a picture, however often it is decoded."""
    logger.warning("%s is taken for sRGB: %s", path, reason)


def _to_rgb(image: Image.Image, path: Path, profile: bytes | None) -> Image.Image:
    if image.mode in ("I", "F"):
        raise ViewError(
            f"{path} has 32-bit channels (mode {image.mode}), whose range is not known; convert it to 8 or 16 bit"
        )
    if profile is not None:
        try:
            image = to_srgb(image, profile)
        except UnsuitableProfileError as error:
            _warn_of_colours(path, str(error))
    if image.mode == "LAB":
        image = lab_to_srgb(image)
    if image.mode.startswith("I;16"):
        return _grey16_to_rgb(image)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _grey16_to_rgb(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    if isinstance(transparent := image.info.get("transparency"), int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")
