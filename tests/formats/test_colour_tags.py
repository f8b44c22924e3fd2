"""Code points of colour in PNG, AVIF and HEIF, and nothing but None from anything else."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, features

from warpdata.formats.colour_tags import heif_colour_codes, png_colour_codes

PICTURE = Image.new("RGB", (16, 16), (200, 60, 30))


def saved(name, **options):
    file = io.BytesIO()
    PICTURE.save(file, name, **options)
    return file.getvalue()


def with_chunk(png, kind, body):
    """A PNG with one more chunk, the second."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def p3_heif():
    file = io.BytesIO()
    pillow_heif.from_pillow(PICTURE).save(
        file, save_nclx_profile=True, color_primaries=12, transfer_characteristics=13, matrix_coefficients=6
    )
    return file.getvalue()


def test_png_says_it_before_its_pixels():
    png = saved("PNG")
    assert png_colour_codes(io.BytesIO(png)) is None
    assert png_colour_codes(io.BytesIO(with_chunk(png, b"cICP", bytes([12, 13, 0, 1])))) == (12, 13)
    assert png_colour_codes(io.BytesIO(with_chunk(png, b"cICP", bytes([12])))) is None


def test_heif_and_avif_say_it_of_their_primary_picture():
    assert heif_colour_codes(io.BytesIO(p3_heif())) == (12, 13)
    if features.check("avif"):
        assert heif_colour_codes(io.BytesIO(saved("AVIF"))) == (1, 13)


@pytest.mark.parametrize("read", [png_colour_codes, heif_colour_codes])
def test_damage_is_no_tag(read):
    """Any byte changed, any end cut off: None or some codes, never an error."""
    whole = bytearray(
        with_chunk(saved("PNG"), b"cICP", bytes([12, 13, 0, 1])) if read is png_colour_codes else p3_heif()
    )
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 700), 4):
            damaged[place] = rng.integers(256)
        for content in (damaged, whole[: rng.integers(len(whole))]):
            found = read(io.BytesIO(bytes(content)))
            assert found is None or len(found) == 2
