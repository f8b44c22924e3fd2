"""Videos written here, read back by PyAV."""

from __future__ import annotations

import errno
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from warpdata.errors import OutputError
from warpdata.formats import video_writer
from warpdata.formats.video_writer import VideoWriter, exact_rate

av = pytest.importorskip("av", reason="PyAV (extra video) is not installed")

COLOURS = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128], [200, 30, 90], [12, 200, 240]],
    dtype=np.uint8,
)


def patches(shift: int = 0) -> np.ndarray:
    """(64, 128, 3), eight colours, moved round with each number."""
    return np.roll(COLOURS, shift, axis=0).reshape(2, 4, 3).repeat(32, axis=0).repeat(32, axis=1)


def noise(hw, seed=0):
    return torch.randint(0, 256, (3, *hw), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def written(path, pictures, **options):
    with VideoWriter(path, **options) as video:
        for picture in pictures:
            video.write(picture)
    return path


def decoded(path, format="rgb24"):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=format) for frame in container.decode(video=0)]


@pytest.mark.parametrize("hw", [(48, 64), (33, 51), (1, 1)])
def test_lossless_video_is_the_pictures(tmp_path, hw):
    pictures = [noise(hw, seed) for seed in range(4)]
    path = written(tmp_path / "a.mkv", pictures, fps=10, hw=hw, lossless=True)
    for out, picture in zip(decoded(path), pictures, strict=True):
        np.testing.assert_array_equal(out, picture.permute(1, 2, 0).numpy())


def test_a_player_that_goes_by_the_tags_sees_the_colours(tmp_path):
    path = written(tmp_path / "a.mp4", [patches(k) for k in range(3)], fps=24, hw=(64, 128))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        frames = [frame.to_ndarray(format="yuv444p") for frame in container.decode(video=0)]
    assert tags == (1, 1, 1, 1)
    for number, frame in enumerate(frames):
        y, cb, cr = frame[:, 16::32, 16::32].reshape(3, -1).astype(float)
        # ITU-R BT.709-6, item 3: limited range, 8 bit.
        y, pb, pr = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
        red, blue = y + 1.5748 * pr, y + 1.8556 * pb
        green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
        out = 255 * np.stack([red, green, blue], axis=-1)
        assert np.abs(out - np.roll(COLOURS, number, axis=0)).max() < 4


def test_time_of_every_frame(tmp_path):
    path = written(tmp_path / "a.mp4", [patches(k) for k in range(5)], fps=29.97, hw=(64, 128))
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)
        assert [frame.pts * frame.time_base for frame in container.decode(video=0)] == [
            Fraction(1001 * k, 30000) for k in range(5)
        ]


def test_an_odd_side_is_a_pixel_longer_in_h264(tmp_path):
    picture = torch.full((3, 33, 51), 90, dtype=torch.uint8)
    (out,) = decoded(written(tmp_path / "a.mp4", [picture], fps=1, hw=(33, 51)))
    assert out.shape == (34, 52, 3)
    assert np.abs(out.astype(int) - 90).max() <= 1


@pytest.mark.parametrize(("name", "lossless"), [("a.mp4", False), ("a.mkv", True)])
def test_equal_pictures_give_equal_bytes(tmp_path, name, lossless):
    pictures = [noise((120, 160), seed) for seed in range(8)]
    first = written(tmp_path / "1" / name, pictures, fps=25, hw=(120, 160), lossless=lossless)
    second = written(tmp_path / "2" / name, pictures, fps=25, hw=(120, 160), lossless=lossless)
    assert first.read_bytes() == second.read_bytes()
    with av.open(str(first)) as container:
        assert "creation_time" not in container.metadata


def test_its_index_comes_first(tmp_path):
    data = written(tmp_path / "a.mp4", [patches()], fps=25, hw=(64, 128)).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_both_orders_of_axes_are_taken(tmp_path):
    first = written(tmp_path / "1.mp4", [patches()], fps=25, hw=(64, 128))
    second = written(tmp_path / "2.mp4", [torch.from_numpy(patches()).permute(2, 0, 1)], fps=25, hw=(64, 128))
    assert first.read_bytes() == second.read_bytes()


def test_an_error_in_the_block_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")

    def interrupted():
        yield patches()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        written(path, interrupted(), fps=25, hw=(64, 128))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(video_writer, "sync_file", full)
    with pytest.raises(OutputError, match=r"a\.mp4: the disk is full"):
        written(tmp_path / "a.mp4", [patches()], fps=25, hw=(64, 128))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        VideoWriter(tmp_path / "file" / "a.mp4", fps=25, hw=(64, 128))


def test_a_video_needs_a_picture(tmp_path):
    with pytest.raises(ValueError, match="no picture was written"), VideoWriter(tmp_path / "a.mp4", fps=25, hw=(4, 6)):
        pass
    assert not list(tmp_path.iterdir())


def test_a_picture_of_another_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"shape \(3, 4, 8\)"), VideoWriter(tmp_path / "a.mp4", fps=25, hw=(4, 6)) as v:
        v.write(torch.zeros(3, 4, 8, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.mkv", {}, r"does not end with \.mp4"),
        ("a.mp4", {"lossless": True}, r"does not end with \.mkv"),
        ("a.mp4", {"hw": (0, 6)}, "6 x 0 pixels"),
        ("a.mp4", {"hw": (4, 20000)}, "20000 x 4 pixels"),
        ("a.mp4", {"fps": float("nan")}, "nan pictures a second"),
        ("a.mp4", {"fps": 0}, "0 pictures a second"),
    ],
)
def test_arguments_that_make_no_video(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        VideoWriter(tmp_path / name, **{"fps": 25, "hw": (4, 6)} | options)


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (30, Fraction(30)),
        (12.5, Fraction(25, 2)),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (0.1, Fraction(1, 10)),
    ],
)
def test_rates_are_the_fractions_they_mean(fps, exact):
    assert exact_rate(fps) == exact


def test_without_pyav_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install 'warpdata\[video\]'"):
        VideoWriter(tmp_path / "a.mp4", fps=25, hw=(4, 6))
