"""From a picture's own colours to sRGB, by its embedded ICC profile or what else says which space its numbers are in.

What is looked at, the first that is there: PNG's `cICP`, the ICC profile (JPEG, PNG, TIFF, WebP, AVIF, HEIF, GIF,
JPEG XL), the code points of AVIF and HEIF (`nclx`), PNG's `sRGB`, then `gAMA` and `cHRM`, and EXIF's mark of Adobe RGB
(interoperability index R03), which is all that many cameras write. Nothing at all means sRGB.

* Conversion is relative colorimetric with black point compensation: a colour that both spaces have stays itself, in
  pictures of one scene from different cameras alike. (Perceptual intent would move all colours, and differs from
  maker to maker; profiles of cameras and displays, matrices and curves, have no perceptual table anyway.)
* A profile that moves no colour by more than `SRGB_LEVELS` is sRGB, whatever its name: the bytes stay as they are.
* What cannot be used (damaged, or of another kind than the picture) is ignored, and the reason is returned.
* Not handled: HDR curves (PQ, HLG) and gain maps, whose values need tone mapping (said in the reason; a gain map's
  base picture is ordinary and is what is read); profiles in JPEG 2000 and BMP, which Pillow does not hand over.
  RGB of 16 bits reaches here with the high byte alone, as Pillow decodes it; grey of 16 bits keeps all its bits.
"""

from __future__ import annotations

import io
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import ExifTags, Image, ImageCms

from warpdata.formats.colour_tags import ColourCodes, heif_colour_codes, png_colour_codes
from warpdata.formats.icc import ADOBE_RGB, GAMMA_OF_TRANSFER, SPACE_OF_PRIMARIES, SRGB, RgbSpace, rgb_profile

SRGB_LEVELS = 2
"""Of 255. Profiles called sRGB, by whatever maker, differ from each other by 1; a plain gamma of 2.2 by 7."""

SRGB_PNG_GAMMA = (0.44, 0.47)
"""Values of PNG's `gAMA` that stand for sRGB's curve (0.45455 is what all programs write for it)."""

_CHROMATICITY_TOLERANCE = 0.005
_GREY_MODES = ("1", "L", "LA", "La")
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


class UnsuitableProfileError(ValueError):
    """Colours cannot be converted by what the picture says of them, and why."""


def source_profile(image: Image.Image) -> bytes | None:
    """ICC profile to convert an opened picture from; None where it is in sRGB. Decodes no pixel.

    Raises:
        UnsuitableProfileError: the picture says something of its colours that cannot be used.
    """
    profile = image.info.get("icc_profile")
    if image.format == "PNG" and (codes := _tag(image, png_colour_codes)):
        space = _space_of_codes(codes)
    elif profile:
        return None if _is_srgb(bytes(profile)) else bytes(profile)
    elif "icc_profile" in image.info:  # Pillow found one that it could not put together
        raise UnsuitableProfileError("its colour profile is damaged")
    elif image.format in ("AVIF", "HEIF"):
        codes = _tag(image, heif_colour_codes)
        space = _space_of_codes(codes) if codes else SRGB
    elif image.format == "PNG" and "srgb" not in image.info:
        space = _space_of_png(image)
    else:
        space = ADOBE_RGB if _says_adobe_rgb(image) else SRGB
    return None if space == SRGB else _profile_of(space)


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """A decoded picture of any mode in sRGB: mode RGB, or RGBA where it has transparency.

    Raises:
        UnsuitableProfileError: the profile is damaged, or for another kind of picture.
    """
    if image.mode == "LAB":
        return lab_to_srgb(image)
    kind = _opened_profile(profile).profile.xcolor_space.strip()
    if kind == "RGB" and image.mode.startswith("I;16"):
        grey = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        return _transform(profile, "RGB", "RGB").apply(grey.convert("RGB"))
    if kind == "RGB" and image.mode != "CMYK":
        mode = "RGBA" if image.has_transparency_data else "RGB"
        return _transform(profile, mode, mode).apply(image if image.mode == mode else image.convert(mode))
    if kind == "GRAY" and image.mode.startswith("I;16"):
        deep = Image.fromarray(np.asarray(image).astype(np.uint16))
        return _with_transparent_value(image, _transform(profile, deep.mode, "RGB").apply(deep))
    if kind == "GRAY" and image.mode in _GREY_MODES:
        rgb = _transform(profile, "L", "RGB").apply(image if image.mode == "L" else image.convert("L"))
        if image.has_transparency_data:
            rgb.putalpha(image.convert("RGBA").getchannel("A"))
        return rgb
    if kind == image.mode == "CMYK":
        return _transform(profile, image.mode, "RGB").apply(image)
    raise UnsuitableProfileError(f"its colour profile is for {kind}, and the picture is {image.mode}")


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """A picture in CIE L*a*b* (of a TIFF), which needs no profile, in sRGB."""
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb_profile(), "LAB", "RGB", _INTENT).apply(image)


def _with_transparent_value(image: Image.Image, rgb: Image.Image) -> Image.Image:
    """The alpha of a grey picture of 16 bits in which one value is transparent."""
    if isinstance(transparent := image.info.get("transparency"), int):
        rgb.putalpha(Image.fromarray(np.where(np.asarray(image) == transparent, 0, 255).astype(np.uint8)))
    return rgb


@lru_cache(maxsize=16)
def _opened_profile(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if opened.profile.device_class in ("link", "abst", "nmcl"):
            raise UnsuitableProfileError(f"its colour profile is of class {opened.profile.device_class}")
        return opened
    except (OSError, TypeError, ValueError, ImageCms.PyCMSError) as error:
        if isinstance(error, UnsuitableProfileError):
            raise
        raise UnsuitableProfileError(f"its colour profile of {len(profile):,} bytes is damaged ({error})") from error


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str, srgb_mode: str) -> ImageCms.ImageCmsTransform:
    # What littleCMS prepares for speed has too few steps for the darks of a linear grey: 10 levels off.
    flags = _FLAGS if mode in ("RGB", "RGBA", "CMYK") else _FLAGS | ImageCms.Flags.NOOPTIMIZE
    try:
        return ImageCms.buildTransform(_opened_profile(profile), _srgb_profile(), mode, srgb_mode, _INTENT, flags)
    except ImageCms.PyCMSError as error:
        raise UnsuitableProfileError(f"its colour profile cannot be used for {mode} ({error})") from error


@lru_cache(maxsize=1)
def _srgb_profile() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Whether a profile leaves RGB as it is: judged on a lattice of colours and on all greys."""
    if _opened_profile(profile).profile.xcolor_space.strip() != "RGB":
        return False
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    colours = np.concatenate([lattice, np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)])[None]
    converted = np.asarray(_transform(profile, "RGB", "RGB").apply(Image.fromarray(colours)))
    return bool(np.abs(converted.astype(int) - colours).max() <= SRGB_LEVELS)


@lru_cache(maxsize=16)
def _profile_of(space: RgbSpace) -> bytes | None:
    try:
        profile = rgb_profile(space)
        return None if _is_srgb(profile) else profile
    except (ValueError, OverflowError) as error:
        raise UnsuitableProfileError(f"what it says of its colours cannot be used: {error}") from error


def _tag(image: Image.Image, read) -> ColourCodes | None:
    """What a reader of tags finds in the file of a picture that is opened and not yet loaded."""
    file = image.fp
    if file is None:
        return None
    place = file.tell()
    try:
        return read(file)
    finally:
        file.seek(place)


def _space_of_codes(codes: ColourCodes) -> RgbSpace:
    primaries, transfer = codes
    if primaries not in SPACE_OF_PRIMARIES or transfer not in GAMMA_OF_TRANSFER:
        what = {16: "the HDR curve PQ", 18: "the HDR curve HLG"}.get(transfer, f"colours of H.273 {codes}")
        raise UnsuitableProfileError(f"it has {what}, which is not converted; export it as sRGB")
    return replace(SPACE_OF_PRIMARIES[primaries], gamma=GAMMA_OF_TRANSFER[transfer])


def _space_of_png(image: Image.Image) -> RgbSpace:
    """Of the chunks `gAMA` and `cHRM`; each says nothing of the other's business."""
    space = SRGB
    gamma = image.info.get("gamma")
    if gamma and not SRGB_PNG_GAMMA[0] <= gamma <= SRGB_PNG_GAMMA[1]:
        space = replace(space, gamma=1 / gamma)
    if chromaticity := image.info.get("chromaticity"):
        (white, *primaries) = (chromaticity[place : place + 2] for place in (0, 2, 4, 6))
        same = np.abs(np.subtract((white, *primaries), (SRGB.white, *SRGB.primaries))).max() < _CHROMATICITY_TOLERANCE
        space = space if same else replace(space, primaries=tuple(primaries), white=white)
    return space


def _says_adobe_rgb(image: Image.Image) -> bool:
    if b"R03" not in image.info.get("exif", b""):
        return False
    try:
        interoperability = Image.Image.getexif(image).get_ifd(ExifTags.IFD.Interop)
        return str(interoperability.get(ExifTags.Interop.InteropIndex, "")).strip("\0 ") == "R03"
    except Exception:  # a damaged tag does not make the picture unusable
        return False
