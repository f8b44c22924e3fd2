"""From a video's frame to sRGB, by the codes of colour (ITU-T H.273) that it carries.

* Matrix and range: BT.601, BT.709, BT.2020, SMPTE 240M, limited and full. A frame that does not say is taken for
  BT.709 from 720 lines on and for BT.601 below, as players do; a range that is not said is limited.
* Ordinary curves (BT.709, BT.601, sRGB, gamma 2.2, BT.2020 of SDR) are taken for sRGB's own, as players and browsers
  do: grey stays as it is. Primaries of BT.2020 and P3 are converted; those of BT.601, which hardly differ, are not.
* HDR is brought down: PQ (SMPTE ST 2084) and HLG (BT.2100, on a display of 1000 cd/m2) to light in sRGB's primaries,
  then by the curve of BT.2390-11, section 5.4.1, from `HDR_PEAK_NITS` to `WHITE_NITS`: up to 88 cd/m2 all stays as it
  is, what is brighter is bent, and the peak is white. The curve goes by the brightest of R, G and B, so that no hue
  turns, and is the same for all videos and frames, so that nothing flickers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8, UInt16

from warpdata.errors import SceneError

WHITE_NITS = 203.0
"""Reference white of HDR (ITU-R BT.2408), in cd/m2: what the brightest sRGB stands for."""

HDR_PEAK_NITS = 1000.0
"""What becomes white."""

PQ, HLG = 16, 18
"""Codes of transfer."""

_UNKNOWN = 2
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
"""Code of a matrix -> FFmpeg's constant for its coefficients."""

_EXACT = 0x4 | 0x2000 | 0x4000 | 0x40000
"""FFmpeg's flags for bicubic interpolation of the colour planes, at full resolution, rounded right."""

_FULL_RANGE, _LIMITED_RANGE = 2, 1
_HD_LINES = 720

_BT709, _BT2020, _P3 = 1, 9, 12
_PRIMARIES = {
    _BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    _BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    _P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""Code -> chromaticities x, y of R, G, B; white is D65 in all."""
_D65 = (0.3127, 0.3290)


def srgb_pixels(frame: Any) -> UInt8[np.ndarray, "h w 3"]:
    """A decoded frame's pixels as sRGB.

    Args:
        frame: PyAV's.

    Raises:
        SceneError: its colours are of a kind that is not converted.
    """
    if frame.color_trc in (PQ, HLG):
        return _encoded(_tone_mapped(_light(_rgb(frame, "rgb48le"), frame.color_trc), frame.color_primaries))
    if frame.color_primaries not in (_BT2020, _P3):
        return _rgb(frame, "rgb24")
    linear = _srgb_light()[_rgb(frame, "rgb48le")]
    return _encoded(linear @ _to_bt709(frame.color_primaries).T)


def _rgb(frame: Any, format: str) -> UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"]:
    """R'G'B' in the frame's own primaries and curve, full range."""
    name = frame.format.name
    full = frame.color_range == _FULL_RANGE or name.startswith("yuvj")
    if not frame.format.is_rgb:
        matrix = frame.colorspace
        if matrix in (0, _UNKNOWN):
            matrix = 1 if frame.height >= _HD_LINES else 5
        if matrix not in _MATRICES:
            raise SceneError(
                f"a frame has colours of matrix {matrix} (H.273), which is not converted; convert the video to BT.709"
            )
        options = {"src_colorspace": _MATRICES[matrix]}
    else:
        full, options = frame.color_range != _LIMITED_RANGE, {}
    rgb = frame.reformat(
        format=format,
        src_color_range=_FULL_RANGE if full else _LIMITED_RANGE,
        dst_color_range=_FULL_RANGE,
        interpolation=_EXACT,
        **options,
    ).to_ndarray()
    if rgb.dtype == np.uint8:
        return rgb
    # FFmpeg's white in 16 bits is that of the bits it had, moved up: 0xff00 of limited range, whatever its depth.
    bits = frame.format.components[0].bits if full else 8
    white = (2**bits - 1) << (16 - bits)
    return np.minimum(np.rint(rgb * np.float32(65535 / white)), 65535).astype(np.uint16)


def _light(rgb: UInt16[np.ndarray, "h w 3"], transfer: int) -> Float[np.ndarray, "h w 3"]:
    """cd/m2 of R, G and B on the display."""
    if transfer == PQ:
        return _pq_light()[rgb]
    scene = _hlg_scene_light()[rgb]
    # BT.2100-2, table 5: the display's gamma is 1.2 at 1000 cd/m2, and works on luminance.
    luminance = scene @ np.float32([0.2627, 0.6780, 0.0593])
    return HDR_PEAK_NITS * np.power(luminance, np.float32(0.2))[..., None] * scene


def _tone_mapped(nits: Float[np.ndarray, "h w 3"], primaries: int) -> Float[np.ndarray, "h w 3"]:
    """Linear sRGB, of which 1 is white. Primaries that are not said are those of BT.2020, as HDR has them."""
    known = primaries if primaries in _PRIMARIES else _BT2020
    nits = np.maximum(nits @ _to_bt709(known).T, 0)
    brightest = nits.max(axis=-1)
    scale = display_nits(brightest) / (WHITE_NITS * np.maximum(brightest, 1e-6))
    return nits * scale[..., None].astype(np.float32)


def display_nits(nits: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """What a display that ends at `WHITE_NITS` shows of light that ends at `HDR_PEAK_NITS`, both in cd/m2.

    ITU-R BT.2390-11, section 5.4.1, with black at 0.
    """
    peak, white = _pq_code(HDR_PEAK_NITS), _pq_code(WHITE_NITS)
    level = np.minimum(_pq_code(nits) / peak, 1)
    most = white / peak
    knee = 1.5 * most - 0.5
    t = np.maximum(level - knee, 0) / (1 - knee)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return _pq_nits(np.where(level < knee, level, bent) * peak)


# SMPTE ST 2084, in fractions of 4096 as the standard has them.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_code(nits: Any) -> Any:
    power = np.power(np.asarray(nits, np.float64) / 10000, _M1)
    return np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2)


def _pq_nits(code: Any) -> Any:
    power = np.power(code, 1 / _M2)
    return 10000 * np.power(np.maximum(power - _C1, 0) / (_C2 - _C3 * power), 1 / _M1)


@lru_cache(maxsize=1)
def _pq_light() -> Float[np.ndarray, "65536"]:
    return _pq_nits(np.arange(65536) / 65535).astype(np.float32)


@lru_cache(maxsize=1)
def _hlg_scene_light() -> Float[np.ndarray, "65536"]:
    """BT.2100-2, table 5: light of the scene, 0 to 1, of every code."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    code = np.arange(65536) / 65535
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12).astype(np.float32)


@lru_cache(maxsize=1)
def _srgb_light() -> Float[np.ndarray, "65536"]:
    code = np.arange(65536) / 65535
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _encoded(linear: Float[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Linear sRGB with its curve (IEC 61966-2-1), 8 bits; what lies outside is cut."""
    linear = linear.clip(0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, np.float32(1 / 2.4)) - 0.055)
    return np.rint(255 * curved).astype(np.uint8)


@lru_cache(maxsize=4)
def _to_bt709(primaries: int) -> Float[np.ndarray, "3 3"]:
    """Linear RGB of other primaries -> linear RGB of sRGB's."""
    return (np.linalg.inv(_xyz_from_rgb(_BT709)) @ _xyz_from_rgb(primaries)).astype(np.float32)


def _xyz_from_rgb(primaries: int) -> Float[np.ndarray, "3 3"]:
    def xyz(x: float, y: float) -> Float[np.ndarray, "3"]:
        return np.array([x / y, 1, (1 - x - y) / y])

    columns = np.stack([xyz(*corner) for corner in _PRIMARIES[primaries]], axis=1)
    return columns * np.linalg.solve(columns, xyz(*_D65))
