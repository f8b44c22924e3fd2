"""Colours of videos: planes made here by the standards' formulas, coded without loss, read back as sRGB."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.videos import LOSSLESS, Clip, yuv_frame
from warpdata.errors import SceneError
from warpdata.formats.video import Video
from warpdata.formats.video_colour import HDR_PEAK_NITS, WHITE_NITS, display_nits

pytest.importorskip("av", reason="PyAV (extra video) is not installed")

RGB = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128], [200, 30, 90], [12, 200, 240]]
)
"""Eight colours, as columns of 8 pixels; 16 pixels high."""

KR_KB = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
"""H.273, table 4: code of a matrix -> weights of red and blue."""

FORMATS = {8: "yuv444p", 10: "yuv444p10le"}


def stored(rgb, matrix, *, full=False, bits=8, hw=(16, 64)):
    """(3, H, W) planes of R'G'B' in [0, 1] by H.273, equations 38 to 46."""
    red, green, blue = (np.asarray(rgb, float)[..., k] for k in range(3))
    kr, kb = KR_KB[matrix]
    y = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - y) / (2 * (1 - kb)), (red - y) / (2 * (1 - kr))
    top = 2**bits - 1
    scale = 2 ** (bits - 8)
    coded = (
        (top * y, top * cb + 2 ** (bits - 1), top * cr + 2 ** (bits - 1))
        if full
        else (scale * (219 * y + 16), scale * (224 * cb + 128), scale * (224 * cr + 128))
    )
    columns = np.rint(np.stack(coded)).clip(0, top).astype(np.uint16 if bits > 8 else np.uint8)
    return columns.repeat(hw[1] // columns.shape[-1], axis=-1)[:, None].repeat(hw[0], axis=1)


def shown(path, planes, *, bits=8, **tags):
    """The colours that come out of a video of such planes, (n, 3)."""
    frame = yuv_frame(planes, FORMATS[bits], **tags)
    Clip(**LOSSLESS | {"pix_fmt": FORMATS[bits]}, tags=tags).write(path, [frame])
    with Video(path) as video:
        (out,) = video.frames()
        return out.srgb()[8, 4::8].astype(int)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", KR_KB)
def test_matrices_and_ranges(tmp_path, matrix, full, bits):
    planes = stored(RGB / 255, matrix, full=full, bits=bits)
    out = shown(tmp_path / "a.mkv", planes, bits=bits, colorspace=matrix, color_range=2 if full else 1)
    assert np.abs(out - RGB).max() <= 2


@pytest.mark.parametrize(("height", "matrix"), [(64, 5), (720, 1)])
def test_what_is_not_said_depends_on_the_lines(tmp_path, height, matrix):
    planes = stored(RGB / 255, matrix, hw=(height, 64))
    assert np.abs(shown(tmp_path / "a.mkv", planes) - RGB).max() <= 2


def test_full_range_of_mjpeg(tmp_path):
    planes = stored(RGB / 255, 5, full=True)
    frame = yuv_frame(planes, "yuvj444p", color_range=2)
    path = Clip(codec="mjpeg", pix_fmt="yuvj444p", options={"qmin": "1", "q": "1"}).write(tmp_path / "a.avi", [frame])
    with Video(path) as video:
        (out,) = video.frames()
        assert np.abs(out.srgb()[8, 4::8].astype(int) - RGB).max() <= 4


def test_chroma_of_half_size_is_interpolated(tmp_path):
    """A ramp of colour at half resolution comes out as a ramp, not as steps."""
    ramp = np.linspace(0, 1, 64)
    full = stored(np.stack([ramp, 0.5 - 0 * ramp, 1 - ramp], axis=-1), 1, hw=(16, 64))
    tags = {"colorspace": 1, "color_range": 1}
    frame = yuv_frame([full[0], full[1, ::2, ::2], full[2, ::2, ::2]], "yuv420p", **tags)
    Clip(**LOSSLESS | {"pix_fmt": "yuv420p"}, tags=tags).write(tmp_path / "a.mkv", [frame])
    with Video(tmp_path / "a.mkv") as video:
        (out,) = video.frames()
        red = out.srgb()[8, 4:-4, 0].astype(int)
    assert np.abs(np.diff(red) - 4).max() <= 3


def test_wide_primaries_of_ordinary_video_are_converted(tmp_path):
    """Linear light of (0.5, 0.2, 0.1) in BT.2020 is (0.6864, 0.1597, 0.0896) in BT.709 by BT.2407's matrix."""
    encode = lambda value: 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055  # noqa: E731
    planes = stored([[encode(value) for value in (0.5, 0.2, 0.1)]] * 8, 9, bits=10)
    out = shown(tmp_path / "a.mkv", planes, bits=10, colorspace=9, color_range=1, color_primaries=9, color_trc=14)
    matrix = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    expected = [255 * encode(value) for value in np.array(matrix) @ [0.5, 0.2, 0.1]]
    assert np.abs(out[0] - expected).max() <= 2


def pq(nits):
    """ST 2084, equation 5.2, written out."""
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def srgb_of_nits(nits):
    """8-bit grey of what is not bent: 203 cd/m2 are white."""
    linear = nits / 203
    return 255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)


PQ_TAGS = {"colorspace": 9, "color_range": 1, "color_primaries": 9, "color_trc": 16}
HLG_TAGS = PQ_TAGS | {"color_trc": 18}


def test_grey_of_pq_below_the_knee_keeps_its_light(tmp_path):
    nits = [0, 0.5, 2, 10, 25, 50, 80, 87]
    planes = stored([[pq(value)] * 3 for value in nits], 9, bits=10)
    out = shown(tmp_path / "a.mkv", planes, bits=10, **PQ_TAGS)
    assert (np.ptp(out, axis=1) <= 1).all(), "grey stays grey"
    assert np.abs(out[:, 1] - [srgb_of_nits(value) for value in nits]).max() <= 1.5


def test_grey_of_pq_above_the_knee_rises_to_white_at_the_peak(tmp_path):
    nits = [100, 150, 203, 300, 450, 600, 1000, 4000]
    out = shown(tmp_path / "a.mkv", stored([[pq(value)] * 3 for value in nits], 9, bits=10), bits=10, **PQ_TAGS)[:, 1]
    assert (np.diff(out[:-1]) > 0).all()
    assert out[-2:].tolist() == [255, 255]
    assert 210 < out[2] < 235, "reference white keeps room above it"


def test_grey_of_hlg(tmp_path):
    """BT.2100: code 0.5 is scene light 1/12, shown at 1000 (1/12)^1.2 = 50.7 cd/m2; code 0.75 is reference white."""
    codes = [0, 0.25, 0.5, 0.6, 0.75, 0.85, 0.9, 1]
    out = shown(tmp_path / "a.mkv", stored([[code] * 3 for code in codes], 9, bits=10), bits=10, **HLG_TAGS)
    assert (np.ptp(out, axis=1) <= 1).all()
    assert (np.diff(out[:, 1]) > 0).all()
    assert out[0, 1] == 0
    assert out[-1, 1] == 255
    assert abs(out[1, 1] - srgb_of_nits(1000 * (0.25**2 / 3) ** 1.2)) <= 1.5
    assert abs(out[2, 1] - srgb_of_nits(1000 * (1 / 12) ** 1.2)) <= 1.5
    in_pq = shown(tmp_path / "b.mkv", stored([[pq(203)] * 3] * 8, 9, bits=10), bits=10, **PQ_TAGS)
    assert abs(out[4, 1] - in_pq[0, 1]) <= 2, "reference white is the same in both"


def test_a_bright_colour_keeps_its_hue(tmp_path):
    """Of light (800, 400, 400) in BT.709, brought to BT.2020: the ratios to the brightest stay in linear light."""
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    nits = to_2020 @ [800, 400, 400]
    planes = stored([[pq(value) for value in nits]] * 8, 9, bits=10)
    out = shown(tmp_path / "a.mkv", planes, bits=10, **PQ_TAGS)[0] / 255
    linear = ((out + 0.055) / 1.055) ** 2.4
    assert linear[1] / linear[0] == pytest.approx(0.5, abs=0.03)
    assert linear[2] / linear[0] == pytest.approx(0.5, abs=0.03)


def test_the_tone_curve_is_the_one_of_bt_2390():
    """Its knee is at 1.5 x PQ(203) / PQ(1000) - 0.5 of PQ(1000), 87.836 cd/m2; its slope is 1 there."""
    knee = (1.5 * pq(WHITE_NITS) / pq(HDR_PEAK_NITS) - 0.5) * pq(HDR_PEAK_NITS)
    below, above = (0.999 * 87.836, 1.02 * 87.836)
    assert pq(87.836) == pytest.approx(knee, abs=2e-3)
    np.testing.assert_allclose(display_nits(np.array([0.0, 1.0, below])), [0, 1, below], rtol=1e-6, atol=1e-9)
    assert display_nits(np.array([above]))[0] == pytest.approx(above, rel=1e-3)
    np.testing.assert_allclose(display_nits(np.array([1000.0, 9000.0])), WHITE_NITS, rtol=1e-6)
    # At 203 cd/m2: E1 = 0.77237, KS = 0.65856, and T is a third; E2 = P(T).
    ks, most = 0.65856, 0.77237
    t = (most - ks) / (1 - ks)
    bent = (2 * t**3 - 3 * t**2 + 1) * ks + (t**3 - 2 * t**2 + t) * (1 - ks) + (-2 * t**3 + 3 * t**2) * most
    assert pq(display_nits(np.array([203.0]))[0]) == pytest.approx(bent * pq(1000), abs=1e-4)
    assert math.isclose(t, 1 / 3, rel_tol=1e-3)


def test_a_matrix_that_is_not_converted_is_refused(tmp_path):
    planes = stored(RGB / 255, 9, bits=10)
    with pytest.raises(SceneError, match="matrix 14"):
        shown(tmp_path / "a.mkv", planes, bits=10, colorspace=14, color_range=1)
