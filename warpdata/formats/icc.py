"""ICC profiles of RGB spaces that a picture names by their primaries and curve instead of embedding one.

Layout: ICC.1:2022 (v4). Code points of primaries and transfer curves: ITU-T H.273, as AVIF, HEIF and PNG use them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

D65 = (0.3127, 0.3290)
SRGB_PRIMARIES = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
ADOBE_PRIMARIES = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))
ADOBE_GAMMA = 563 / 256


@dataclass(frozen=True)
class RgbSpace:
    """What the numbers of an RGB picture mean.

    Attributes:
        primaries: CIE xy of red, green and blue.
        white: CIE xy of white.
        gamma: exponent that takes values to light; None is the curve of sRGB.
    """

    primaries: tuple[tuple[float, float], ...] = SRGB_PRIMARIES
    white: tuple[float, float] = D65
    gamma: float | None = None


SRGB = RgbSpace()
ADOBE_RGB = RgbSpace(primaries=ADOBE_PRIMARIES, gamma=ADOBE_GAMMA)

_SMPTE_170M = RgbSpace(primaries=((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)))
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))

SPACE_OF_PRIMARIES = MappingProxyType(
    {
        1: SRGB,
        2: SRGB,  # "unspecified"
        4: RgbSpace(primaries=((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), white=(0.310, 0.316)),
        5: RgbSpace(primaries=((0.64, 0.33), (0.29, 0.60), (0.15, 0.06))),
        6: _SMPTE_170M,
        7: _SMPTE_170M,
        9: RgbSpace(primaries=((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))),  # BT.2020
        11: RgbSpace(primaries=_P3, white=(0.314, 0.351)),
        12: RgbSpace(primaries=_P3),  # Display P3
        22: RgbSpace(primaries=((0.630, 0.340), (0.295, 0.605), (0.155, 0.077))),
    }
)
"""ColourPrimaries -> space, with the curve of sRGB."""

GAMMA_OF_TRANSFER = MappingProxyType({1: None, 2: None, 4: 2.2, 5: 2.8, 6: None, 8: 1.0, 13: None, 14: None, 15: None})
"""TransferCharacteristics -> `RgbSpace.gamma`. Video's curves are shown, and so meant, as sRGB's is. PQ (16) and HLG
(18) are missing: they need tone mapping, not a profile."""

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Parameters g, a, b, c, d of ICC's parametric curve 3."""


def rgb_profile(space: RgbSpace) -> bytes:
    """An ICC profile (v4, matrix and curves) of an RGB space.

    Raises:
        ValueError: the primaries and white span no colours.
    """
    columns = _pcs_from_rgb(space).T
    tags = {
        b"desc": _text("RGB"),
        b"cprt": _text("no copyright"),
        b"wtpt": _xyz(_D50),
        **{name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(space.gamma)),
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", offset + len(body), b"", 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp").ljust(44, b"\0") + _xyz(_D50)[8:]
    return header.ljust(128, b"\0") + table + body


def _pcs_from_rgb(space: RgbSpace) -> np.ndarray:
    """(3, 3): linear RGB to XYZ under D50, white adapted by Bradford's matrix."""
    xy = np.array(space.primaries, np.float64)
    if not (np.isfinite(xy).all() and min(*xy[:, 1], space.white[1]) > 0):
        raise ValueError(f"primaries {space.primaries} with white {space.white} span no colours")
    primaries = np.stack([xy[:, 0] / xy[:, 1], np.ones(3), (1 - xy.sum(axis=1)) / xy[:, 1]])
    white = np.array([space.white[0] / space.white[1], 1.0, (1 - sum(space.white)) / space.white[1]])
    if abs(np.linalg.det(primaries)) < 1e-6:
        raise ValueError(f"primaries {space.primaries} lie on a line")
    xyz_from_rgb = primaries * np.linalg.solve(primaries, white)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white)) @ _BRADFORD
    return adapted @ xyz_from_rgb


def _xyz(values: np.ndarray) -> bytes:
    if np.abs(values).max() >= 32768:
        raise ValueError(f"XYZ {values} is not a colour")
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(float(value) * 65536) for value in values))


def _curve(gamma: float | None) -> bytes:
    parameters = _SRGB_CURVE if gamma is None else (gamma,)
    kind = 3 if gamma is None else 0
    return struct.pack(
        f">4sIHH{len(parameters)}i", b"para", 0, kind, 0, *(round(value * 65536) for value in parameters)
    )


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", len(encoded), 28) + encoded
