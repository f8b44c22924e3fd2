"""Depth and confidence maps as few bytes, to a stated relative error.

A map becomes whole numbers, the numbers become differences, the differences are deflated:

1. Numbers. `rounded` keeps the float32 pattern without its last `23 - mantissa_bits` bits, rounded to nearest. The
   relative error is at most 2^-(mantissa_bits + 1) whatever the range of the map, and the numbers grow with the
   logarithm of the value. `multiple` is for maps of whole multiples of a unit, as 16-bit PNG depth is: no error.
   `constant` stores one value.
2. Holes (0: "no value") take the number before them in reading order, so that they cost nothing; a bit mask keeps them.
3. Differences. Each number is predicted by the plane through its neighbours: left + above - above left.
4. The differences, signs folded into the last bit, are split into planes of bytes, least significant first, and
   deflated with run-length matching alone: what is left is noise, in which longer matches are not worth their search.

Against 16-bit PNG of log depth this takes 55 to 90 % of the bytes at about the same speed; see `benchmarks/cache.py`.

How far a reprojection moves: a point at depth z that is stored as z (1 + e) keeps its ray, so in another view it moves
along its epipolar line, by |e| * parallax * (z_0 / z_t) pixels to first order. The parallax is the distance from the
point's image to that of the point infinitely far behind it; z_t is its depth in the other view and z_0 that depth less
the share due to the baseline, so the factor is 1 for sideways and below 1 for backward motion. At 14 bits e <= 2^-15: a
shift of 0.05 px takes a parallax of 1638 px, more than three times the width of a 518-pixel depth map.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32

DEPTH_BITS = 14
"""Mantissa bits of depth: relative error at most 2^-15."""

CONFIDENCE_BITS = 6
"""Mantissa bits of confidence - 1: relative error at most 2^-7, so a threshold t on confidence decides as before for
all pixels but those with |confidence - t| <= (t - 1) / 127."""

_LARGEST_MULTIPLE = 2**24
"""Whole numbers above this are not exact in float32."""

_LARGEST = float(np.finfo(np.float32).max)

_LARGEST_PATTERN = 0x7F7FFFFF
"""The bits of the largest finite float32, as a whole number."""

_LARGEST_RATIO = 1032
"""Deflate cannot shrink by more than this factor."""


def encode_map(
    values: Float32[np.ndarray, "h w"], *, mantissa_bits: int, unit: float | None = None
) -> tuple[dict[str, Any], bytes]:
    """A map's description, which is JSON, and its bytes.

    Args:
        values: any map; what is negative or not finite is stored as 0.
        mantissa_bits: 1 to 23, precision of maps that are neither constant nor multiples of `unit`.
        unit: a map of whole multiples of it, computed in float32, is kept without loss.
    """
    values = np.where(np.isfinite(values) & (values > 0), values, np.float32(0))
    if (values == values.flat[0]).all():
        return {"encoding": "constant", "value": float(values.flat[0])}, b""
    numbers = None if unit is None else _multiples(values, unit)
    if numbers is not None:
        description = {"encoding": "multiple", "unit": unit}
    else:
        description = {"encoding": "rounded", "mantissa_bits": mantissa_bits}
        numbers = _round_mantissa(values, mantissa_bits)
    valid = numbers > 0
    holes = not valid.all()
    planes = _byte_planes(_differences(_fill(numbers, valid) if holes else numbers))
    packed = np.packbits(valid) if holes else np.empty(0, np.uint8)
    deflate = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    content = deflate.compress(planes.tobytes()) + deflate.compress(packed.tobytes()) + deflate.flush()
    return description | {"planes": len(planes), "holes": holes}, content


def decode_map(description: dict[str, Any], content: bytes, hw: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """The map that `encode_map` was given, to its stated error.

    Memory is taken only for what `content` can hold.

    Raises:
        ValueError: description and content do not fit together or say what no encoder says.
    """
    encoding = description.get("encoding")
    if encoding == "constant":
        value = description.get("value")
        if not isinstance(value, float) or not 0 <= value <= _LARGEST:
            raise ValueError(f"a constant map holds {value!r}")
        return np.full(hw, value, np.float32)
    unit, mantissa_bits = description.get("unit"), description.get("mantissa_bits")
    if encoding == "multiple" and isinstance(unit, float) and _is_unit(unit):
        numbers = _decode_numbers(description, content, hw, _LARGEST_MULTIPLE)
        return numbers.astype(np.float32) * np.float32(unit)
    if encoding == "rounded" and isinstance(mantissa_bits, int) and 1 <= mantissa_bits <= 23:
        shift = 23 - mantissa_bits
        return (_decode_numbers(description, content, hw, _LARGEST_PATTERN >> shift) << shift).view(np.float32)
    raise ValueError(f"a map has the unknown encoding {description!r}")


def _is_unit(unit: float) -> bool:
    """Whether the multiples of a unit are float32 numbers of full precision."""
    return float(np.finfo(np.float32).tiny) <= unit <= _LARGEST / _LARGEST_MULTIPLE


def _round_mantissa(values: Float32[np.ndarray, "h w"], bits: int) -> Int32[np.ndarray, "h w"]:
    shift = 23 - bits
    half = (1 << shift) >> 1
    return np.minimum((values.view(np.int32) + half) >> shift, _LARGEST_PATTERN >> shift)


def _multiples(values: Float32[np.ndarray, "h w"], unit: float) -> Int32[np.ndarray, "h w"] | None:
    """The whole numbers that times `unit` are exactly `values`, or None."""
    if not _is_unit(unit) or float(values.max()) / unit >= _LARGEST_MULTIPLE:
        return None
    numbers = np.rint(values / np.float32(unit))
    return numbers.astype(np.int32) if np.array_equal(numbers * np.float32(unit), values) else None


def _fill(numbers: Int32[np.ndarray, "h w"], valid: Bool[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
    """Each hole's number from the last valid pixel before it; holes before the first stay 0."""
    source = np.maximum.accumulate(np.where(valid.ravel(), np.arange(numbers.size), 0))
    return numbers.ravel()[source].reshape(numbers.shape)


def _differences(numbers: Int32[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
    return np.diff(np.diff(numbers, axis=1, prepend=np.int32(0)), axis=0, prepend=np.int32(0))


def _byte_planes(differences: Int32[np.ndarray, "h w"]) -> np.ndarray:
    """(planes, h * w) uint8, as many planes as the largest difference needs."""
    folded = ((differences << 1) ^ (differences >> 31)).astype("<u4")
    planes = max(1, (int(folded.max()).bit_length() + 7) // 8)
    return folded.reshape(-1, 1).view(np.uint8)[:, :planes].T


def _decode_numbers(
    description: dict[str, Any], content: bytes, hw: tuple[int, int], largest: int
) -> Int32[np.ndarray, "h w"]:
    planes, holes = description.get("planes"), description.get("holes")
    if not (isinstance(planes, int) and 1 <= planes <= 4 and isinstance(holes, bool)):
        raise ValueError(f"a map says it has {planes!r} byte planes and holes {holes!r}")
    pixels = hw[0] * hw[1]
    length = planes * pixels + ((pixels + 7) // 8 if holes else 0)
    if length > _LARGEST_RATIO * len(content):
        raise ValueError(f"{len(content)} bytes cannot hold a map of {hw[1]}x{hw[0]} pixels")
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(content, length + 1)
    except zlib.error as error:
        raise ValueError(f"a map cannot be inflated: {error}") from error
    if len(raw) != length or not inflate.eof or inflate.unused_data:
        raise ValueError(f"a map of {hw[1]}x{hw[0]} pixels does not inflate to its {length} bytes")
    folded = np.zeros(hw, np.int32)
    for plane in range(planes):
        folded |= np.frombuffer(raw, np.uint8, pixels, plane * pixels).reshape(hw).astype(np.int32) << (8 * plane)
    # The sign was folded into the last bit; a shift of an unsigned view brings down the top bit as a plain bit.
    differences = (folded.view(np.uint32) >> 1).view(np.int32) ^ -(folded & 1)
    numbers = np.cumsum(np.cumsum(differences, axis=0, dtype=np.int32), axis=1, dtype=np.int32)
    if holes:
        valid = np.unpackbits(np.frombuffer(raw, np.uint8, offset=planes * pixels), count=pixels)
        numbers *= valid.reshape(hw)
    if numbers.min() < 0 or numbers.max() > largest:
        raise ValueError(f"a map holds the numbers {numbers.min()} to {numbers.max()}, beyond 0 to {largest}")
    return numbers
