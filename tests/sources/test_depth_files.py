"""Depth maps from disk: values and units, holes, and files that cannot be used."""

import io
import tracemalloc

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from tests.scenes import write_depth
from warpdata.errors import ViewError
from warpdata.sources.depth_files import load_depth
from warpdata.sources.scene import DepthFile

METRES = np.array([[1.0, 2.5, 3.25], [0.0, 4.0, 60.0]])


def load(path, unit=1.0):
    return load_depth(DepthFile(path=path, unit=unit)).numpy()


@pytest.mark.parametrize(("suffix", "unit"), [(".png", 0.001), (".npy", 1.0), (".exr", 1.0), (".NPY", 1.0)])
def test_values_come_back_in_scene_units(tmp_path, suffix, unit):
    path = write_depth(tmp_path / f"d{suffix.lower()}", METRES).rename(tmp_path / f"d{suffix}")
    depth = load(path, unit)
    np.testing.assert_allclose(depth, METRES, rtol=1e-6)
    np.testing.assert_allclose(load(path, 10 * unit), 10 * METRES, rtol=1e-6)
    assert depth.dtype == np.float32


@pytest.mark.parametrize("suffix", [".npy", ".exr"])
def test_what_is_no_depth_becomes_zero(tmp_path, suffix):
    stored = np.array([[1.0, np.nan, np.inf], [-1.0, -np.inf, 3e38]])
    path = write_depth(tmp_path / f"d{suffix}", stored)
    assert load(path, 100.0).tolist() == [[100, 0, 0], [0, 0, 0]]


def test_whole_numbers_and_single_channels_are_depth_too(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(1, 7, dtype=np.uint16).reshape(2, 3, 1))
    assert load(tmp_path / "a.npy", 0.5).tolist() == [[0.5, 1, 1.5], [2, 2.5, 3]]
    np.save(tmp_path / "b.npy", np.ones((1, 2, 3)))
    assert load(tmp_path / "b.npy").shape == (2, 3)


@pytest.mark.parametrize(
    ("channels", "wanted"),
    [
        (["R"], "R"),
        (["Y"], "Y"),
        (["ViewLayer.Depth.Z", "ViewLayer.Normal.Z", "ViewLayer.Combined.R"], "ViewLayer.Depth.Z"),
        (["distance"], "distance"),
    ],
)
def test_the_depth_channel_is_found(tmp_path, channels, wanted):
    pixels = {name: np.full((4, 5), 1.0 + (name != wanted), np.float32) for name in channels}
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, pixels).write(str(tmp_path / "d.exr"))
    assert (load(tmp_path / "d.exr") == 1).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.float16, np.float32])
def test_the_largest_number_of_a_type_is_no_depth(tmp_path, dtype):
    largest = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else np.finfo(dtype).max
    np.save(tmp_path / "d.npy", np.array([[1, largest, 7]], dtype))
    assert load(tmp_path / "d.npy").tolist() == [[1, 0, 7]]


def test_the_largest_number_of_a_narrower_type_is_depth(tmp_path):
    """The type that is stored decides, not the value."""
    stored = np.array([[65535.0, 65504.0, 255.0, 32767.0]])
    np.save(tmp_path / "a.npy", stored.astype(np.float32))
    np.save(tmp_path / "b.npy", stored.astype(np.int32))
    assert load(tmp_path / "a.npy").tolist() == load(tmp_path / "b.npy").tolist() == stored.tolist()


def test_nothing_measured_in_png_and_exr(tmp_path):
    Image.fromarray(np.array([[1000, 65535]], np.uint16)).save(tmp_path / "d.png")
    assert load(tmp_path / "d.png", 0.001).tolist() == [[1, 0]]
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    for dtype, nothing in ((np.float16, 65504), (np.float16, np.inf), (np.float32, 1e10), (np.uint32, 2**32 - 1)):
        OpenEXR.File(header, {"Z": np.array([[3, nothing]], dtype)}).write(str(tmp_path / "d.exr"))
        assert load(tmp_path / "d.exr").tolist() == [[3, 0]]


def test_blender_files_are_read(shared):
    for name in ("blender45_000.exr", "blender50_000.exr"):
        depth = load(shared / "sources/golden" / name)
        assert depth.shape == (64, 96)
        assert depth[depth > 0].min() > 3
        assert depth.max() < 1e6  # Blender writes 1e10 where there is nothing


def npy_header(shape, dtype="<f4"):
    """A `.npy` file that promises more than it holds."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    return header.getvalue() + b"\0" * 16


def saved(save, *arguments, **options):
    file = io.BytesIO()
    save(file, *arguments, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.npy", None, "does not exist"),
        ("d.tif", b"", r"unknown type; convert it to one of \.png, \.npy, \.exr"),
        ("d.npy", b"", "cannot be read"),
        ("d.npy", b"text", "cannot be read"),
        ("d.npy", saved(np.save, np.array([{}], dtype=object), allow_pickle=True), "cannot be read .*objects"),
        ("d.npy", saved(np.savez, depth=METRES), "cannot be read"),
        ("d.npy", saved(np.save, np.ones((2, 3, 4))), "cannot be read"),
        ("d.npy", saved(np.save, np.ones(3)), r"shape \(3,\); expected numbers of shape \(h, w\)"),
        ("d.npy", saved(np.save, np.ones((2, 3), complex)), "holds complex128"),
        ("d.npy", saved(np.save, np.ones((2, 3), np.uint8)), "holds uint8 .* 16 bits at least"),
        ("d.npy", saved(np.save, np.ones((0, 3))), "cannot be read|says it is 3x0 pixels"),
        ("d.npy", npy_header((60_000, 60_000)), "cannot be read"),
        ("d.png", b"", "cannot be read"),
        ("d.png", saved(Image.fromarray(np.ones((2, 3), np.uint8)).save, "png"), "mode L; depth needs .* 16 bits"),
        ("d.exr", b"text", "is not an OpenEXR file"),
        ("d.exr", b"\x76\x2f\x31\x01", "cannot be read"),
    ],
)
def test_unusable_files_say_why(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ViewError, match=message):
        load(tmp_path / name)


def test_truncated_files_say_so(tmp_path):
    rng = np.random.default_rng(0)
    for suffix in (".png", ".npy", ".exr"):
        path = write_depth(tmp_path / f"d{suffix}", rng.random((40, 50)))
        path.write_bytes(path.read_bytes()[:-900])
        with pytest.raises(ViewError, match="cannot be read"):
            load(path)


def test_channels_that_could_be_anything_are_refused(tmp_path):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: np.ones((4, 5), np.float32) for name in "AB"}).write(str(tmp_path / "d.exr"))
    with pytest.raises(
        ViewError, match=r"has the channels \['A', 'B'\]; expected a single one, or .* named depth or Z"
    ):
        load(tmp_path / "d.exr")


def test_sizes_are_checked_before_memory_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("warpdata.sources.depth_files.MAX_IMAGE_PIXELS", 1000)
    for suffix in (".png", ".npy", ".exr"):
        path = write_depth(tmp_path / f"d{suffix}", np.ones((1000, 1000)))
        tracemalloc.start()
        with pytest.raises(ViewError, match="says it is 1000x1000 pixels; 1 to 1,000 are allowed"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 1e6
        tracemalloc.stop()
