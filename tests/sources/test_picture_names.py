"""Which names are those of pictures, and of pictures that cannot be read."""

import subprocess
import sys

from PIL import features

from warpdata.sources.picture_names import IMAGE_SUFFIXES, UNREADABLE_SUFFIXES, is_image_name, unreadable_picture_name


def test_names_of_pictures():
    assert all(
        map(is_image_name, ["a.jpg", "b.JPEG", "c.Png", "d.bmp", "e.tif", "f.tiff", "g.HEIC", "h.heif", "i.gif"])
    )
    assert not any(map(is_image_name, [".a.jpg", "a.txt", "jpg", "a.nef", "._b.png", "a.jpg.txt"]))


def test_names_of_pictures_that_cannot_be_read():
    assert all(map(unreadable_picture_name, ["a.NEF", "b.cr2", "c.dng", "d.psd", "e.exr"]))
    assert not any(map(unreadable_picture_name, ["a.jpg", ".b.nef", "notes.txt", "transforms.json", "a.npy", "a.mp4"]))


def test_no_name_is_both_and_types_depend_on_pillow():
    assert not IMAGE_SUFFIXES & UNREADABLE_SUFFIXES
    for decoder, name in (("webp", "a.webp"), ("avif", "a.AVIF"), ("jpg_2000", "a.jp2")):
        assert is_image_name(name) == features.check(decoder)
        assert unreadable_picture_name(name) != is_image_name(name)


def test_jpeg_xl_is_read_where_a_plugin_is_installed(tmp_path):
    """A stand-in for a plugin: it teaches Pillow a format called JXL when it is imported."""
    (tmp_path / "pillow_jxl.py").write_text(
        "from PIL import Image, ImageFile\n"
        "class Stub(ImageFile.ImageFile):\n"
        "    format = 'JXL'\n"
        "    def _open(self):\n"
        "        self._size, self._mode, self.tile = (30, 20), 'L', [('raw', (0, 0, 30, 20), 4, ('L', 0, 1))]\n"
        "Image.register_open('JXL', Stub, lambda start: start[:4] == b'JXL!')\n"
    )
    (tmp_path / "a.jxl").write_bytes(b"JXL!" + b"\7" * 600)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from warpdata.sources.picture_names import is_image_name, unreadable_picture_name\n"
        "from warpdata.sources.decode import load_image\n"
        "assert is_image_name('a.jxl') and not unreadable_picture_name('a.jxl')\n"
        "pixels = load_image(Path(sys.argv[1]) / 'a.jxl')\n"
        "assert pixels.shape == (3, 20, 30) and (pixels == 7).all()\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
