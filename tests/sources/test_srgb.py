"""Pictures come out in sRGB whatever space they are stored in; those in sRGB keep every byte."""

import io
import logging
import struct
import threading
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin, features

from tests.scenes import plane_camera, plane_picture
from warpdata.formats.icc import ADOBE_RGB, SPACE_OF_PRIMARIES, SRGB, RgbSpace, rgb_profile
from warpdata.sources.decode import load_image
from warpdata.sources.fit import fit_image

WANTED = plane_picture(plane_camera(0)) // 2 + 64
"""Muted, so that every space has these colours."""

P3 = SPACE_OF_PRIMARIES[12]


def stored_in(space, pixels=WANTED):
    """The picture's numbers in another space."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(rgb_profile(space)))
    picture = Image.fromarray(pixels)
    return ImageCms.profileToProfile(picture, ImageCms.createProfile("sRGB"), profile, renderingIntent=1)


def grey_profile(gamma):
    """An ICC profile (v2) of greys with a gamma."""
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)) + b"\0\0"
    white = struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"kTRC", 176, len(curve))
    size = 128 + len(tags) + len(white) + len(curve)
    header = struct.pack(">I4sI4s4s4s", size, b"", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp").ljust(44, b"\0") + white[8:]
    return header.ljust(128, b"\0") + tags + white + curve


def ink_profile(lab_of_corners):
    """An ICC profile (v2) of CMYK by a table of its 16 corners, whose last index runs fastest: L*a*b*, 8 bits each."""
    identity = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = struct.pack(">4sI4B", b"mft1", 0, 4, 3, 2, 0) + matrix + 4 * identity + bytes(lab_of_corners) + 3 * identity
    white = struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"A2B0", 176, len(table))
    size = 128 + len(tags) + len(white) + len(table)
    header = struct.pack(">I4sI4s4s4s", size, b"", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp").ljust(44, b"\0") + white[8:]
    return header.ljust(128, b"\0") + tags + white + table


def loaded(path, fit=None):
    return load_image(path, fit).permute(1, 2, 0).numpy()


def error(path, wanted=WANTED):
    return np.abs(loaded(path).astype(int) - wanted).mean()


@pytest.mark.parametrize("space", [P3, ADOBE_RGB, SPACE_OF_PRIMARIES[9], RgbSpace(gamma=1.8)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".heic", ".avif"])
def test_an_embedded_profile_is_converted(tmp_path, suffix, space):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    pillow_heif.register_heif_opener()
    options = {
        ".jpg": {"quality": 98, "subsampling": 0},
        ".webp": {"lossless": True},
        ".heic": {"quality": 98, "chroma": 444},
        ".avif": {"quality": 98, "subsampling": "4:4:4"},
    }.get(suffix, {})
    path = tmp_path / f"a{suffix}"
    stored = stored_in(space)
    stored.save(path, icc_profile=rgb_profile(space), **options)
    assert np.abs(np.asarray(stored).astype(int) - WANTED).mean() > 3
    assert error(path) < (1 if suffix in (".png", ".tif", ".webp") else 3)


def test_profiles_of_srgb_change_no_byte(tmp_path):
    """Whoever made them: littleCMS's own, and one that is only close."""
    picture = plane_picture(plane_camera(0))
    for profile in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), rgb_profile(SRGB)):
        Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=profile)
        np.testing.assert_array_equal(loaded(tmp_path / "a.png"), picture)


def test_a_reduced_picture_is_the_reduction_of_the_converted_one(tmp_path):
    stored_in(P3).save(tmp_path / "a.png", icc_profile=rgb_profile(P3))
    fit = fit_image(WANTED.shape[:2], (24, 35), "pad")
    wanted = np.asarray(fit.apply(Image.fromarray(WANTED)))
    assert np.abs(loaded(tmp_path / "a.png", fit).astype(int) - wanted).mean() < 1
    wide = fit_image(WANTED.shape[:2], (24, 24), "pad")
    assert (loaded(tmp_path / "a.png", wide)[0] == 255).all()


def test_transparency_is_laid_on_white_after_the_conversion(tmp_path):
    stored = stored_in(P3).convert("RGBA")
    alpha = np.full(WANTED.shape[:2], 255, np.uint8)
    alpha[:10], alpha[10:20] = 0, 128
    stored.putalpha(Image.fromarray(alpha))
    stored.save(tmp_path / "a.png", icc_profile=rgb_profile(P3))
    wanted = 255 - (255 - WANTED.astype(float)) * alpha[..., None] / 255
    assert error(tmp_path / "a.png", wanted) < 1.5
    assert (loaded(tmp_path / "a.png")[:10] == 255).all()


def test_palettes_are_in_the_profiles_space(tmp_path):
    palette = stored_in(P3).quantize(64)
    palette.save(tmp_path / "a.png", icc_profile=rgb_profile(P3))
    palette.convert("RGB").save(tmp_path / "b.png", icc_profile=rgb_profile(P3))
    np.testing.assert_array_equal(loaded(tmp_path / "a.png"), loaded(tmp_path / "b.png"))


def test_greys_are_converted_at_their_own_depth(tmp_path):
    """Linear grey: in 8 bits its darks are steps, in 16 they are not."""
    light = np.linspace(0, 0.05, 256)
    wanted = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    profile = grey_profile(1.0)
    Image.fromarray(np.round(light[None] * 65535).astype(np.uint16)).save(tmp_path / "a.png", icc_profile=profile)
    Image.fromarray(np.round(light[None] * 255).astype(np.uint8)).save(tmp_path / "b.png", icc_profile=profile)
    assert np.abs(loaded(tmp_path / "a.png")[0] - wanted[:, None]).max() < 1.5
    assert 1.5 < np.abs(loaded(tmp_path / "b.png")[0] - wanted[:, None]).max() < 14


def test_grey_pictures_with_a_profile_of_colours(tmp_path):
    """Greys of an RGB space are greys in sRGB."""
    grey = Image.fromarray(WANTED).convert("L")
    linear = RgbSpace(gamma=1.0)
    for name, picture in (("a.png", grey), ("b.png", grey.convert("RGB"))):
        picture.save(tmp_path / name, icc_profile=rgb_profile(linear))
    np.testing.assert_array_equal(loaded(tmp_path / "a.png"), loaded(tmp_path / "b.png"))
    assert loaded(tmp_path / "a.png").mean() > np.asarray(grey).mean() + 20


def test_a_profile_of_another_kind_is_ignored_with_one_note(tmp_path, caplog):
    for name, profile in (("a.png", b"nothing of the kind"), ("b.png", grey_profile(1.0)), ("c.png", b"\0" * 200)):
        Image.fromarray(WANTED).save(tmp_path / name, icc_profile=profile)
        caplog.clear()
        for _ in range(3):
            np.testing.assert_array_equal(loaded(tmp_path / name), WANTED)
        notes = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert len(notes) == 1
        assert f"{name} is taken for sRGB: its colour profile" in notes[0]


def png_with(path, stored, *chunks):
    info = PngImagePlugin.PngInfo()
    for kind, body in chunks:
        info.add(kind, body)
    stored.save(path, pnginfo=info)
    return path


def chromaticities(space):
    numbers = [value for pair in (space.white, *space.primaries) for value in pair]
    return struct.pack(">8I", *(round(value * 100_000) for value in numbers))


def test_png_says_its_space_in_chunks(tmp_path):
    gamma = (b"gAMA", struct.pack(">I", 45455))
    p3 = (b"cHRM", chromaticities(P3))
    assert error(png_with(tmp_path / "a.png", stored_in(P3), gamma, p3)) < 1
    linear = stored_in(RgbSpace(gamma=1.0))
    assert error(png_with(tmp_path / "b.png", linear, (b"gAMA", struct.pack(">I", 100_000)))) < 1
    assert error(png_with(tmp_path / "c.png", stored_in(P3), (b"cICP", bytes([12, 13, 0, 1])))) < 1
    same = Image.fromarray(WANTED)
    assert error(png_with(tmp_path / "d.png", same, gamma, (b"cHRM", chromaticities(SRGB)))) == 0
    assert error(png_with(tmp_path / "e.png", same, gamma)) == 0
    assert error(png_with(tmp_path / "f.png", same, (b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000)))) == 0


def test_codes_in_png_come_before_its_profile(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add(b"cICP", bytes([1, 13, 0, 1]))
    Image.fromarray(WANTED).save(tmp_path / "a.png", pnginfo=info, icc_profile=rgb_profile(P3))
    assert error(tmp_path / "a.png") == 0


def test_high_dynamic_range_is_named(tmp_path, caplog):
    path = png_with(tmp_path / "a.png", Image.fromarray(WANTED), (b"cICP", bytes([9, 16, 0, 1])))
    assert error(path) == 0
    assert "the HDR curve PQ, which is not converted; export it as sRGB" in caplog.text


def test_heif_says_its_space_in_codes(tmp_path):
    pillow_heif.from_pillow(stored_in(P3)).save(
        tmp_path / "a.heic",
        quality=98,
        chroma=444,
        save_nclx_profile=True,
        color_primaries=12,
        transfer_characteristics=13,
        matrix_coefficients=6,
        full_range_flag=1,
    )
    assert error(tmp_path / "a.heic") < 3


def test_cameras_say_adobe_rgb_in_exif(tmp_path):
    def exif(index):
        """One entry in each of three folders: the picture's, EXIF's, interoperability's."""
        entries = ((0x8769, 4, 1, 26), (0xA005, 4, 1, 44), (1, 2, 4, int.from_bytes(index, "little")))
        folders = (struct.pack("<HHHIII", 1, *entry, 0) for entry in entries)
        return b"Exif\0\0" + struct.pack("<2sHI", b"II", 42, 8) + b"".join(folders)

    stored_in(ADOBE_RGB).save(tmp_path / "a.jpg", quality=98, subsampling=0, exif=exif(b"R03\0"))
    Image.fromarray(WANTED).save(tmp_path / "b.jpg", quality=98, subsampling=0, exif=exif(b"R98\0"))
    assert error(tmp_path / "a.jpg") < 3
    assert error(tmp_path / "b.jpg") < 3


def test_inks_are_what_their_profile_says(tmp_path):
    """Cyan alone prints a mid grey here; any black is black; the rest is white."""
    corners = []
    for corner in range(16):
        cyan, black = corner >> 3 & 1, corner & 1
        corners += [0 if black else 137 if cyan else 255, 128, 128]
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 0, 255]]], np.uint8)
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.tif", icc_profile=ink_profile(corners))
    np.testing.assert_allclose(loaded(tmp_path / "a.tif")[0], np.repeat([[255], [128], [255], [0]], 3, axis=1), atol=3)
    Image.fromarray(inks, "CMYK").save(tmp_path / "b.tif")
    np.testing.assert_array_equal(loaded(tmp_path / "b.tif")[0, 1], [0, 255, 255])


def test_lab_is_converted(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    picture = ImageCms.profileToProfile(
        Image.fromarray(WANTED), ImageCms.createProfile("sRGB"), lab, renderingIntent=1, outputMode="LAB"
    )
    picture.save(tmp_path / "a.tif")
    assert error(tmp_path / "a.tif") < 3


def test_threads_share_a_conversion(tmp_path):
    stored_in(P3).save(tmp_path / "a.png", icc_profile=rgb_profile(P3))
    results = []
    threads = [threading.Thread(target=lambda: results.append(loaded(tmp_path / "a.png"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(np.array_equal(result, results[0]) for result in results)


def test_a_png_whose_profile_cannot_be_unpacked_is_noted(tmp_path, caplog):
    Image.fromarray(WANTED).save(tmp_path / "a.png")
    png = (tmp_path / "a.png").read_bytes()
    body = b"iCCPp3\0\0" + zlib.compress(rgb_profile(P3))[:50]
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "a.png").write_bytes(png[:33] + chunk + png[33:])
    assert error(tmp_path / "a.png") == 0
    assert "a.png is taken for sRGB: its colour profile " in caplog.text
    assert "damaged" in caplog.text
