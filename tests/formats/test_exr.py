"""Depth in OpenEXR: it comes back as written, and of many channels the right one or none is taken."""

import numpy as np
import OpenEXR
import pytest

from warpdata.errors import ViewError
from warpdata.formats.exr import Channel, depth_channel, read_depth_exr, write_depth_exr

DEPTH = np.arange(1, 13, dtype=np.float32).reshape(3, 4)


def read(path, check_hw=lambda hw: None):
    return read_depth_exr(path, check_hw)


def chosen(*names):
    """Label of the channel that is taken; a name before a colon is that of a part."""
    parts = [name.rpartition(":")[::2] for name in names]
    found = depth_channel([Channel(0, part, name) for part, name in parts])
    return None if found is None else found.label


def test_what_is_written_is_read(tmp_path):
    write_depth_exr(DEPTH, tmp_path / "new" / "d.exr")
    np.testing.assert_array_equal(read(tmp_path / "new" / "d.exr"), DEPTH)
    write_depth_exr(DEPTH.T, tmp_path / "t.exr")
    np.testing.assert_array_equal(read(tmp_path / "t.exr"), DEPTH.T)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["Y"], "Y"),
        (["R"], "R"),
        (["V"], "V"),
        (["distance"], "distance"),
        (["R", "G", "B", "Z"], "Z"),
        (["R", "G", "B", "A", "depth"], "depth"),
        (["R", "G", "B", "Depth"], "Depth"),
        (["Depth.V", "Image.R", "Image.G", "Image.B"], "Depth.V"),
        (["ViewLayer.Combined.R", "ViewLayer.Combined.A", "ViewLayer.Depth.V"], "ViewLayer.Depth.V"),
        (["ViewLayer.Depth.Z", "ViewLayer.Normal.X", "ViewLayer.Normal.Y", "ViewLayer.Normal.Z"], "ViewLayer.Depth.Z"),
        (["Z", "N.X", "N.Y", "N.Z"], "Z"),
        (["Z", "ZBack", "A"], "Z"),
        (["R", "G", "B", "zDepth"], "zDepth"),
        (["rgba:R", "rgba:G", "depth:R"], "depth.R"),
        (["rgba:R", "depth:Z", "depth:A"], "depth.Z"),
        (["ViewLayer.Depth:ViewLayer.Depth.Z", "ViewLayer.Combined:ViewLayer.Combined.R"], "ViewLayer.Depth.Z"),
    ],
)
def test_a_channel_that_is_named_depth_or_is_alone_is_taken(names, wanted):
    assert chosen(*names) == chosen(*reversed(names)) == wanted


@pytest.mark.parametrize(
    "names",
    [
        ["R", "G", "B"],
        ["R", "G", "B", "A"],
        ["Y", "A"],
        ["A"],
        ["X", "Y", "Z"],
        ["Normal.X", "Normal.Y", "Normal.Z"],
        ["left.Depth.Z", "right.Depth.Z"],
        ["left.Z", "right.Z"],
        ["depth.R", "depth.G", "depth.B"],
        ["inverse_depth", "R", "G", "B"],
        ["inverse_depth"],
        ["disparity"],
        ["ViewLayer.Mist.Z"],
        ["InvDepth.V"],
        ["a", "b"],
    ],
)
def test_what_could_be_anything_is_not_taken(names):
    assert chosen(*names) is None


def write(path, channels, **header):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(header, channels).write(str(path))


def test_colours_are_refused_by_name(tmp_path):
    write(tmp_path / "d.exr", {name: DEPTH for name in "RGB"})
    with pytest.raises(ViewError, match=r"has the channels \['B', 'G', 'R'\]; .* export depth alone"):
        read(tmp_path / "d.exr")


def test_the_right_part_of_several_is_read(tmp_path):
    parts = [
        OpenEXR.Part({"type": OpenEXR.scanlineimage}, {"R": -DEPTH, "G": -DEPTH, "B": -DEPTH}, "colour"),
        OpenEXR.Part({"type": OpenEXR.scanlineimage}, {"R": DEPTH}, "depth"),
    ]
    OpenEXR.File(parts).write(str(tmp_path / "d.exr"))
    np.testing.assert_array_equal(read(tmp_path / "d.exr"), DEPTH)


def test_sizes_are_asked_about_first(tmp_path):
    write_depth_exr(DEPTH, tmp_path / "d.exr")

    def refuse(hw):
        raise ViewError(f"{hw} is too large")

    with pytest.raises(ViewError, match=r"\(3, 4\) is too large"):
        read(tmp_path / "d.exr", refuse)
