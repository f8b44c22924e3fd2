"""Every kind of picture comes out as upright 8-bit RGB, and every broken one says what is wrong with it."""

import struct
import tracemalloc
import zlib

import numpy as np
import pillow_heif
import pytest
import torch
from PIL import Image

from tests.scenes import plane_camera, plane_picture, write_image
from warpdata.errors import ViewError
from warpdata.sources.decode import image_size, load_image, load_mask, orientation
from warpdata.sources.fit import fit_image
from warpdata.sources.picture_names import is_image_name

PICTURE = plane_picture(plane_camera(0))


def loaded(path, fit=None):
    """(H, W, 3) uint8 array."""
    return load_image(path, fit).permute(1, 2, 0).numpy()


def png_with_header(width, height, data=b""):
    """A PNG file that claims a size, 8-bit RGB, whatever its data holds."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".TIFF"])
def test_lossless_formats_keep_every_byte(tmp_path, suffix):
    path = write_image(tmp_path / f"a{suffix}", PICTURE)
    np.testing.assert_array_equal(loaded(path), PICTURE)
    assert image_size(path) == PICTURE.shape[:2]
    assert load_image(path).shape == (3, *PICTURE.shape[:2])


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".heic", ".heif"])
def test_lossy_formats_come_close(tmp_path, suffix):
    pillow_heif.register_heif_opener()
    options = {"chroma": 444} if suffix.startswith(".he") else {"subsampling": 0}
    path = write_image(tmp_path / f"a{suffix}", PICTURE, quality=95, **options)
    assert image_size(path) == PICTURE.shape[:2]
    assert np.abs(loaded(path).astype(int) - PICTURE).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".heic"])
def test_orientation_is_undone(tmp_path, orientation, suffix):
    """The stored picture is turned so that the tag's own definition gives the upright one back."""
    stored_from_upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    stored = Image.fromarray(np.ascontiguousarray(stored_from_upright[orientation](PICTURE)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    options = {
        ".jpg": {"quality": 95, "subsampling": 0, "exif": exif},
        ".png": {"exif": exif},
        ".tif": {"compression": "tiff_lzw", "exif": exif},
        ".heic": {"quality": 95, "chroma": 444, "exif": exif.tobytes()},  # as bytes, it is written as a HEIF rotation
    }
    stored.save(path, **options[suffix])
    assert image_size(path) == PICTURE.shape[:2]
    assert np.abs(loaded(path).astype(int) - PICTURE).mean() < 3


@pytest.mark.parametrize("tag", [3, 6])
def test_an_orientation_in_a_tiffs_xmp_is_undone_and_told(tmp_path, tag):
    stored = PICTURE[::-1, ::-1] if tag == 3 else np.rot90(PICTURE, 1)
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="{tag}"/></x:xmpmeta>'
    path = tmp_path / "a.tif"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, tiffinfo={700: xmp.encode()})
    np.testing.assert_array_equal(loaded(path), PICTURE)
    assert image_size(path) == PICTURE.shape[:2]
    assert orientation(path) == tag


@pytest.mark.parametrize(
    ("suffix", "options"), [(".webp", {"quality": 30}), (".webp", {"lossless": True}), (".jp2", {}), (".jpg", {})]
)
def test_black_in_a_lossy_mask_is_black(tmp_path, suffix, options):
    mask = np.zeros((48, 70), np.uint8)
    mask[5:40, 11:52] = 255
    Image.fromarray(mask).convert("RGB").save(tmp_path / f"m{suffix}", **options)
    read = load_mask(tmp_path / f"m{suffix}").numpy()
    assert (read != (mask > 0)).mean() < 0.02


def test_labels_in_a_lossless_webp_count_however_dark(tmp_path):
    mask = np.zeros((48, 70, 3), np.uint8)
    mask[:, :30], mask[:, 30:50] = 1, 255
    Image.fromarray(mask).save(tmp_path / "m.webp", lossless=True)
    assert load_mask(tmp_path / "m.webp").float().mean().item() == pytest.approx(50 / 70)


def test_a_damaged_orientation_tag_is_no_orientation(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PICTURE).save(path, exif=b"Exif\0\0 nothing of the kind")
    np.testing.assert_array_equal(loaded(path), PICTURE)


def test_transparent_pixels_lie_on_white(tmp_path):
    """Half-transparent black is grey; hidden colours do not show. RGBA, LA and palettes alike."""
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[0] = [[10, 20, 30, 255], [0, 0, 0, 128], [255, 0, 0, 0]]
    rgba[1, :, 3] = 255
    want = [[10, 20, 30], [127, 127, 127], [255, 255, 255]]
    np.testing.assert_array_equal(loaded(write_image(tmp_path / "rgba.png", rgba))[0], want)

    la = Image.fromarray(rgba).convert("LA")
    la.save(tmp_path / "la.png")
    np.testing.assert_array_equal(loaded(tmp_path / "la.png")[0, 1:], want[1:])

    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 0, 0, 0, 0, 200])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "index.png", transparency=0)
    np.testing.assert_array_equal(loaded(tmp_path / "index.png")[0], [[255, 255, 255], [0, 0, 200]])
    palette.save(tmp_path / "table.png", transparency=bytes([0, 128]))
    np.testing.assert_array_equal(loaded(tmp_path / "table.png")[0], [[255, 255, 255], [127, 127, 227]])
    Image.fromarray(PICTURE).save(tmp_path / "key.png", transparency=tuple(map(int, PICTURE[0, 0])))
    assert loaded(tmp_path / "key.png")[0, 0].tolist() == [255, 255, 255]


def test_sixteen_bits_keep_their_high_byte(tmp_path):
    values = np.array([[0, 255, 256, 65535], [1000, 257 * 100, 40000, 511]], np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(values).save(tmp_path / name)
        np.testing.assert_array_equal(loaded(tmp_path / name), np.repeat((values >> 8)[..., None], 3, axis=2))
    Image.fromarray(values).save(tmp_path / "clear.png", transparency=1000)
    assert loaded(tmp_path / "clear.png")[1, 0].tolist() == [255, 255, 255]


def test_grey_bilevel_palette_and_cmyk_become_rgb(tmp_path):
    picture = Image.fromarray(PICTURE)
    for mode in ("L", "1", "P"):
        picture.convert(mode).save(tmp_path / f"{mode}.png")
        np.testing.assert_array_equal(loaded(tmp_path / f"{mode}.png"), picture.convert(mode).convert("RGB"))
    picture.convert("CMYK").save(tmp_path / "cmyk.tif")
    np.testing.assert_array_equal(loaded(tmp_path / "cmyk.tif"), PICTURE)
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=98)
    assert np.abs(loaded(tmp_path / "cmyk.jpg").astype(int) - PICTURE).mean() < 4


def test_the_first_picture_of_several_is_taken(tmp_path):
    others = [Image.fromarray(255 - PICTURE)]
    for name in ("a.png", "a.tif"):
        Image.fromarray(PICTURE).save(tmp_path / name, save_all=True, append_images=others)
        np.testing.assert_array_equal(loaded(tmp_path / name), PICTURE)


def test_floating_point_pictures_are_refused(tmp_path):
    Image.fromarray(np.ones((20, 20), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ViewError, match=r"a\.tif has 32-bit channels .* convert it"):
        load_image(tmp_path / "a.tif")


def test_a_fit_of_the_same_size_changes_nothing(tmp_path):
    path = write_image(tmp_path / "a.png", PICTURE)
    for mode in ("crop", "pad"):
        np.testing.assert_array_equal(loaded(path, fit_image(PICTURE.shape[:2], PICTURE.shape[:2], mode)), PICTURE)


def test_a_fit_is_one_bicubic_resampling_of_the_upright_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(PICTURE))).save(tmp_path / "a.png", exif=exif)
    fit = fit_image(PICTURE.shape[:2], (24, 35), "crop")
    want = Image.fromarray(PICTURE).resize((35, 24), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(loaded(tmp_path / "a.png", fit), want)


def test_a_file_that_changed_since_is_noticed(tmp_path):
    path = write_image(tmp_path / "a.png", PICTURE)
    with pytest.raises(ViewError, match="70x48 pixels, and 50x40 was expected"):
        load_image(path, fit_image((40, 50), (20, 25), "crop"))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\); copy it again or remove it"),
        (b"a shopping list: eggs", r"is not a picture that can be read: it begins with b'a shopping list:'; replace"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is not a picture that can be read"),
        (png_with_header(60_000, 60_000), "says it is too large .*400,000,000 pixels are allowed"),
        (png_with_header(30_000, 20_000), "says it is 30000x20000 pixels, and 400,000,000 are allowed"),
        (png_with_header(19_000, 19_000), "19000x19000 pixels, which its 57 bytes cannot hold"),
        (png_with_header(50, 50, zlib.compress(b"\0" * 100)), "cannot be read as a picture"),
    ],
)
def test_what_is_no_picture_says_so(tmp_path, content, message):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ViewError, match=message):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".heic"])
@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_a_truncated_file_says_so(tmp_path, suffix, part):
    path = write_image(tmp_path / f"a{suffix}", PICTURE)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ViewError, match=r"cannot be read as a picture \(.*copy it again|is not a picture"):
        load_image(path)


def test_missing_files_and_folders_say_so(tmp_path):
    with pytest.raises(ViewError, match="does not exist"):
        image_size(tmp_path / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(ViewError, match="cannot be read as a picture"):
        load_image(tmp_path / "b.png")


def test_oversized_headers_take_no_memory(tmp_path):
    for width, height in ((60_000, 60_000), (20_000, 19_999)):
        (tmp_path / "a.png").write_bytes(png_with_header(width, height))
        tracemalloc.start()
        with pytest.raises(ViewError):
            load_image(tmp_path / "a.png")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5e6


def test_sizes_come_from_the_header_alone(tmp_path):
    """A picture whose pixels are broken still has a size."""
    (tmp_path / "a.png").write_bytes(png_with_header(50, 40, zlib.compress(b"\0" * 100)))
    assert image_size(tmp_path / "a.png") == (40, 50)


def test_blank_pictures_are_no_lie(tmp_path):
    """The densest files there are: one value a million times."""
    for mode, name, options in (
        ("1", "a.png", {}),
        ("1", "a.tif", {"compression": "group4"}),
        ("RGB", "b.jpg", {"quality": 1, "progressive": True}),
    ):
        Image.new(mode, (3000, 2000)).save(tmp_path / name, **options)
        assert load_image(tmp_path / name).max() <= 1


def test_masks_are_true_where_not_zero(tmp_path):
    values = np.array([[0, 1], [255, 0]], np.uint8)
    Image.fromarray(values).save(tmp_path / "grey.png")
    Image.fromarray(values != 0).save(tmp_path / "bilevel.png")
    Image.fromarray(np.repeat(values[..., None], 3, axis=2)).save(tmp_path / "rgb.png")
    Image.fromarray(values.astype(np.uint16)).save(tmp_path / "deep.png")
    for name in ("grey", "bilevel", "rgb", "deep"):
        assert torch.equal(load_mask(tmp_path / f"{name}.png"), torch.tensor([[False, True], [True, False]]))


def test_alpha_of_a_mask_is_the_mask(tmp_path):
    """A cutout: what is black in it is not excluded, what is transparent is. Without transparency colours count."""
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[..., 3] = [[0, 255], [255, 0]]
    Image.fromarray(rgba).save(tmp_path / "a.png")
    Image.fromarray(rgba).convert("LA").save(tmp_path / "b.png")
    rgba[..., 2], rgba[..., 3] = rgba[..., 3] // 255, 255
    Image.fromarray(rgba).save(tmp_path / "c.png")
    for name in "abc":
        assert torch.equal(load_mask(tmp_path / f"{name}.png"), torch.tensor([[False, True], [True, False]]))


def test_a_lossy_mask_has_no_ringing(tmp_path):
    """JPEG's black beside white is not quite 0; a mask of 0 and 1 in JPEG is still one."""
    values = np.zeros((40, 40), np.uint8)
    values[:, 11:] = 255
    Image.fromarray(values).save(tmp_path / "a.jpg", quality=60)
    assert (np.asarray(Image.open(tmp_path / "a.jpg"))[values == 0] > 0).any()
    assert torch.equal(load_mask(tmp_path / "a.jpg"), torch.from_numpy(values > 0))
    Image.fromarray(np.ones((16, 16), np.uint8)).save(tmp_path / "b.jpg", quality=100)
    assert load_mask(tmp_path / "b.jpg").all()


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".jp2", ".gif", ".ppm", ".tga"])
def test_what_pillow_can_decode_is_read(tmp_path, suffix):
    if not is_image_name(f"a{suffix}"):
        pytest.skip(f"this Pillow was built without {suffix}")
    options = {".webp": {"lossless": True}, ".avif": {"quality": 95, "subsampling": "4:4:4"}}.get(suffix, {})
    path = write_image(tmp_path / f"a{suffix}", PICTURE, **options)
    assert image_size(path) == PICTURE.shape[:2]
    assert np.abs(loaded(path).astype(int) - PICTURE).mean() < {".avif": 3, ".gif": 12}.get(suffix, 1e-9)


def test_grey_of_sixteen_bits_keeps_its_high_byte_in_pgm_too(tmp_path):
    values = np.array([[0, 255, 256, 65535], [1000, 257 * 100, 40000, 511]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.pgm")
    np.testing.assert_array_equal(loaded(tmp_path / "a.pgm")[..., 0], values >> 8)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_the_files_own_tag_is_told(tmp_path, suffix):
    for tag in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = tag
        assert orientation(write_image(tmp_path / f"{tag}{suffix}", PICTURE, exif=exif)) == tag
    assert orientation(write_image(tmp_path / f"none{suffix}", PICTURE)) == 1
