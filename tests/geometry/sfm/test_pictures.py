"""What structure from motion is given: each picture decoded once, reduced, and the useless ones named."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from tests.geometry.pictures import numbered, photograph, scene_of
from warpdata.geometry.sfm.pictures import prepare_pictures, read_exif
from warpdata.geometry.types import no_progress


def test_useless_pictures_are_named_and_every_one_is_decoded_once(tmp_path, monkeypatch):
    counts = Counter()
    prepare = ImageFile.ImageFile.load_prepare

    def counted(image):
        counts[Path(getattr(image.fp, "name", image.filename)).name] += 1
        return prepare(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", counted)
    paths = [photograph(tmp_path / f"{name}.png", (60, 80), seed=seed) for seed, name in enumerate("abcd")]
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    numbered(tmp_path / "c.png", 0, (15, 80))
    (tmp_path / "d.png").write_bytes((tmp_path / "d.png").read_bytes()[:-200])
    counts.clear()
    pictures, left_out = prepare_pictures(
        scene_of(paths).views, tmp_path / "work", megapixels=0.0012, progress=no_progress
    )
    assert counts == {f"{name}.png": 1 for name in "abcd"}
    (picture,) = pictures
    assert (picture.view.name, picture.hw, picture.image_hw) == ("a", (30, 40), (60, 80))
    with Image.open(picture.path) as reduced:
        assert reduced.size == (40, 30)
    assert left_out["b"] == "its picture is identical to that of a"
    assert "80 x 15 pixels; at least 16" in left_out["c"]
    assert "d.png" in left_out["d"]


@pytest.mark.parametrize(("stated", "read"), [(28, 28.0), (0, None), (20_000, None)])
def test_exif_tells_the_focal_length(tmp_path, stated, read):
    tags = Image.Exif()
    tags[0x010F], tags[0x0110] = "Maker", "Model 1"
    tags.get_ifd(0x8769)[0xA405] = stated
    Image.new("RGB", (20, 20)).save(tmp_path / "a.jpg", exif=tags)
    found = read_exif(tmp_path / "a.jpg")
    assert (found.focal_length_35mm, found.camera_model) == (read, "Maker Model 1")


def test_a_picture_without_exif_is_as_good(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    found = read_exif(tmp_path / "a.png")
    assert (found.focal_length_35mm, found.camera_model) == (None, "")
