"""Videos read frame by frame: order, time, shape, damage; colours in test_video_colour.py."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest

from tests.videos import FACE, LOSSLESS, Clip, cut, face, texture
from warpdata.errors import SceneError
from warpdata.formats import video
from warpdata.formats.video import Video

pytest.importorskip("av", reason="PyAV (extra video) is not installed")

HW = (48, 80)


def read(path):
    with Video(path) as opened:
        frames = list(opened.frames())
        return frames, opened


def moving(count=30, hw=HW):
    wide = texture((hw[0] + 2 * count, hw[1] + 2 * count))
    return [np.ascontiguousarray(wide[2 * k : 2 * k + hw[0], k : k + hw[1]]) for k in range(count)]


def corners(picture):
    """(2, 2, 3): the colours in the middle of each quarter."""
    height, width = picture.shape[:2]
    return picture[height // 4 :: height // 2, width // 4 :: width // 2][:2, :2]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "mjpeg"),
        ("a.mkv", "ffv1"),
        ("a.webm", "libvpx-vp9"),
        ("a.avi", "mpeg4"),
        ("a.ts", "libx264"),
        ("a.mpg", "mpeg2video"),
    ],
)
def test_every_frame_of_every_container(tmp_path, name, codec):
    pictures = moving(12)
    frames, opened = read(
        Clip(codec=codec, pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p", options={"b": "4M"}).write(
            tmp_path / name, pictures
        )
    )
    assert [frame.number for frame in frames] == list(range(12))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(12) / 30, atol=2e-3)
    assert opened.breaks == []
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.srgb().astype(int) - picture).mean() < 12


def test_times_are_those_of_the_file_not_of_a_count(tmp_path):
    times_s = [0, 0.02, 0.2, 0.21, 0.5, 1.7]
    frames, _ = read(Clip(times_s=times_s).write(tmp_path / "a.mp4", moving(6)))
    np.testing.assert_allclose([frame.time_s for frame in frames], times_s, atol=1e-4)


def test_time_begins_with_the_first_frame(tmp_path):
    frames, _ = read(Clip(times_s=[5, 5.1, 5.4]).write(tmp_path / "a.mkv", moving(3)))
    np.testing.assert_allclose([frame.time_s for frame in frames], [0, 0.1, 0.4], atol=1e-3)


# Row vectors (x, y, 1) times the matrix, ISO/IEC 14496-12 8.2.2.1; 16.16 and 2.30 fixed point.
ONE = 0x10000
MATRICES = {
    "as it is": ((ONE, 0, 0, ONE), lambda p: p),
    "a quarter clockwise, as phones held upright write": ((0, ONE, -ONE, 0), lambda p: np.rot90(p, -1)),
    "half": ((-ONE, 0, 0, -ONE), lambda p: np.rot90(p, 2)),
    "a quarter anticlockwise": ((0, -ONE, ONE, 0), lambda p: np.rot90(p, 1)),
    "mirrored": ((-ONE, 0, 0, ONE), lambda p: p[:, ::-1]),
    "upside down": ((ONE, 0, 0, -ONE), lambda p: p[::-1]),
    "transposed": ((0, ONE, ONE, 0), lambda p: p.transpose(1, 0, 2)),
    "transposed the other way": ((0, -ONE, -ONE, 0), lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_frames_come_upright(tmp_path, name):
    (a, b, c, d), upright = MATRICES[name]
    clip = Clip(matrix=(a, b, 0, c, d, 0, 0, 0, 1 << 30))
    frames, _ = read(clip.write(tmp_path / "a.mp4", [face(HW)] * 2))
    picture = frames[1].srgb()
    assert picture.shape == upright(face(HW)).shape
    assert np.abs(corners(picture).astype(int) - upright(FACE)).max() < 12


def test_a_turn_that_is_no_quarter_is_refused(tmp_path):
    clip = Clip(matrix=(46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30))
    with pytest.raises(SceneError, match="turn its pixels"):
        read(clip.write(tmp_path / "a.mp4", [face(HW)]))


@pytest.mark.parametrize(("ratio", "hw"), [(Fraction(4, 3), (48, 107)), (Fraction(3, 4), (64, 80))])
def test_pixels_become_square(tmp_path, ratio, hw):
    frames, _ = read(Clip(pixel_ratio=ratio).write(tmp_path / "a.mp4", [face(HW)]))
    picture = frames[0].srgb()
    assert picture.shape == (*hw, 3)
    assert np.abs(corners(picture).astype(int) - FACE).max() < 12


def test_a_turned_frame_has_the_pixels_stretched_along_its_own_width(tmp_path):
    clip = Clip(pixel_ratio=Fraction(3, 2), matrix=(0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30))
    frames, _ = read(clip.write(tmp_path / "a.mp4", [face(HW)]))
    assert frames[0].srgb().shape == (120, 48, 3)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_file_cut_short_gives_its_frames_up_to_there_and_says_so(tmp_path, name):
    pictures = moving(60, (96, 160))
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    whole = Clip(codec=codec, muxing={"movflags": "+faststart"} if name == "a.mp4" else {}).write(
        tmp_path / name, pictures
    )
    frames, opened = read(cut(whole, 0.6))
    assert 5 < len(frames) < 55
    for frame in frames:
        assert np.abs(frame.srgb().astype(int) - pictures[round(frame.time_s * 30)]).mean() < 12
    (said,) = opened.breaks
    assert f"breaks off after {frames[-1].time_s + 1 / 30:.1f} s of the " in said


def test_damage_costs_frames_up_to_the_next_that_stands_alone(tmp_path):
    pictures = moving(60)
    path = Clip(options={"g": "10", "bf": "0", "sc_threshold": "0"}, muxing={"movflags": "+faststart"}).write(
        tmp_path / "a.mp4", pictures
    )
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes((7 * value + 13) % 256 for value in data[middle : middle + 400])
    path.write_bytes(data)
    frames, opened = read(path)
    numbers = [round(frame.time_s * 30) for frame in frames]
    lost = sorted(set(range(60)) - set(numbers))
    assert 0 < len(lost) <= 20
    assert lost[-1] % 10 == 9, "the frame after those lost begins a group"
    for frame, number in zip(frames, numbers, strict=True):
        assert np.abs(frame.srgb().astype(int) - pictures[number]).mean() < 12
    (said,) = opened.breaks
    assert "is damaged: its frames from" in said


def test_a_recording_that_was_not_finished_is_said(tmp_path):
    path = cut(Clip().write(tmp_path / "a.mp4", moving(10)), 0.6)
    with pytest.raises(SceneError, match=r"cut_a\.mp4 cannot be opened as a video .* its recording was not finished"):
        Video(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"RIFF\xff\xff\xff\x7fAVI LIST", b"no video at all\n" * 99])
def test_what_is_no_video_is_said(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(SceneError, match=r"a\.mp4"):
        read(path)


def test_a_playlist_called_like_a_video_is_not_followed(tmp_path):
    Clip().write(tmp_path / "secret.mp4", moving(3))
    for content in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path}/secret.mp4\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {tmp_path}/secret.mp4\n",
    ):
        path = tmp_path / "a.mp4"
        path.write_text(content)
        with pytest.raises(SceneError, match="cannot be opened as a video"):
            read(path)


def test_sound_alone_is_no_video(tmp_path):
    import av

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SceneError, match="holds no video stream, only audio"):
        read(path)


def test_interlaced_video_is_refused(tmp_path):
    path = Clip(options={"x264-params": "tff=1"}).write(tmp_path / "a.mp4", moving(4))
    with pytest.raises(SceneError, match=r"is interlaced.*bwdif"):
        read(path)


def test_frames_that_are_too_large_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = Clip().write(tmp_path / "a.mp4", moving(3))
    monkeypatch.setattr(video, "MAX_FRAME_PIXELS", 48 * 80 - 1)
    with pytest.raises(SceneError, match="80 x 48 pixels"):
        Video(path)


def test_a_header_that_lies_about_the_size_gets_no_memory(tmp_path):
    """The size in the sample description is made huge; the coded frames stay as they are."""
    path = Clip().write(tmp_path / "a.mp4", moving(3))
    data = bytearray(path.read_bytes())
    place = data.index(b"avc1", data.index(b"stsd")) + 4 + 24
    assert struct.unpack_from(">HH", data, place) == (80, 48)
    struct.pack_into(">HH", data, place, 65535, 65535)
    path.write_bytes(data)
    frames, _ = read(path)
    assert (frames[0].decoded.height, frames[0].decoded.width) == HW


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv420p", "yuv422p10le", "gray", "gbrp16le"])
def test_luma_is_brightness_whatever_the_coding(tmp_path, pix_fmt):
    frames, _ = read(Clip(**LOSSLESS | {"pix_fmt": pix_fmt}).write(tmp_path / "a.mkv", [face(HW)]))
    luma = frames[0].luma()
    assert luma.shape == HW
    assert luma.dtype == np.uint8
    # BT.601 of FACE: red 95, green 130, blue 53, white 240, in either range.
    order = corners(luma[..., None]).reshape(-1).argsort().tolist()
    assert order == [2, 0, 1, 3]


def test_a_format_that_cannot_be_converted_is_said(tmp_path, monkeypatch):
    (frame, *_), _ = read(Clip().write(tmp_path / "a.mp4", moving(3)))
    refuse = pytest.importorskip("av").error.InvalidDataError

    def refused(decoded):
        raise refuse(1, "unsupported")

    monkeypatch.setattr(video, "srgb_pixels", refused)
    with pytest.raises(SceneError, match="frames of the format yuv420p are not converted"):
        frame.srgb()
