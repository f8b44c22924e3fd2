"""Which file names are those of pictures: of types that are decoded here, and of types that are not."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PIL import features

_ALWAYS = (
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .bmp .tif .tiff .heic .heif .hif .gif .ppm .pgm .pbm .pnm .tga"
).split()
_WHERE_PILLOW_HAS_IT = {"webp": [".webp"], "avif": [".avif"], "jpg_2000": [".jp2", ".j2k", ".jpf", ".jpx"]}
"""Pillow's name of a decoder -> suffixes."""

_JPEG_XL_PLUGINS = {"pillow_jxl": "pillow_jxl", "jxlpy": "jxlpy.JXLImagePlugin"}
"""Package -> its module that teaches Pillow JPEG XL when it is imported."""

JPEG_XL_PLUGIN = next((module for package, module in _JPEG_XL_PLUGINS.items() if find_spec(package)), None)
"""The one that is installed, or None."""

_NEVER = (
    # raw files of cameras
    ".3fr .arw .cap .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf"
    " .raw .rw2 .rwl .sr2 .srf .srw .x3f"
    # what editors and renderers write
    " .psd .psb .xcf .kra .svg .eps .ai .exr .hdr .pfm .jxr .wdp .hdp .bpg .qoi .pcx .sgi .dds .ico"
).split()

IMAGE_SUFFIXES = frozenset(
    _ALWAYS
    + [suffix for name, suffixes in _WHERE_PILLOW_HAS_IT.items() if features.check(name) for suffix in suffixes]
    + [".jxl"] * (JPEG_XL_PLUGIN is not None)
)
"""Names of pictures that can be decoded here end in one of these, in any case."""

UNREADABLE_SUFFIXES = (
    frozenset([*_NEVER, ".jxl", *(suffix for suffixes in _WHERE_PILLOW_HAS_IT.values() for suffix in suffixes)])
    - IMAGE_SUFFIXES
)
"""Names of pictures that cannot."""


def is_image_name(name: str) -> bool:
    """Whether a file name is that of a picture that can be decoded here. Hidden files are none."""
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES


def unreadable_picture_name(name: str) -> bool:
    """Whether a file name is that of a picture of a type that cannot be decoded here. Hidden files are none.

    A raw file or an EXR beside a picture of the same stem is that picture's companion: whoever lists a folder asks
    only about names without one.
    """
    return not name.startswith(".") and Path(name).suffix.lower() in UNREADABLE_SUFFIXES
