"""What structure from motion is given: each picture decoded once, reduced, and the useless ones named."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from tests.geometry.pictures import numbered, photograph, scene_of
from tests.scenes import HW, plane_camera, plane_picture, write_image
from warpdata.geometry.sfm.pictures import prepare_pictures, read_exif
from warpdata.geometry.types import no_progress
from warpdata.sources import MaskFile, PictureFile, View


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
    found = read_exif(PictureFile(tmp_path / "a.jpg"))
    assert (found.focal_length_35mm, found.camera_model) == (read, "Maker Model 1")


def test_a_picture_without_exif_is_as_good(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    found = read_exif(PictureFile(tmp_path / "a.png"))
    assert (found.focal_length_35mm, found.camera_model) == (None, "")


def view(folder, index, tag=1, mask=None):
    exif = Image.Exif()
    exif[0x0112] = tag
    picture = write_image(folder / f"{index}.png", plane_picture(plane_camera(index)), exif=exif)
    cut = None if mask is None else MaskFile(write_image(folder / "masks" / f"{index}.png", mask))
    return View(name=str(index), picture=PictureFile(picture), camera=plane_camera(index), mask=cut)


def prepared(folder, views, **options):
    pictures, left_out = prepare_pictures(views, folder / "work", megapixels=1.0, progress=no_progress, **options)
    return [picture.view.name for picture in pictures], left_out


def test_masks_of_another_shape_cost_their_view(tmp_path):
    turned = np.full(HW[::-1], 255, np.uint8)
    used, left_out = prepared(tmp_path, [view(tmp_path, 0), view(tmp_path, 1, mask=turned), view(tmp_path, 2)])
    assert used == ["0", "2"]
    assert "another shape than its picture" in left_out["1"]


def test_cameras_that_are_used_must_be_of_the_upright_picture(tmp_path):
    views = [view(tmp_path, 0), view(tmp_path, 1, tag=3), view(tmp_path, 2, tag=6)]
    used, left_out = prepared(tmp_path, views, cameras_known=True)
    assert used == ["0"]
    assert "orientation tag 3" in left_out["1"]
    assert "its camera is for a picture of 70x48" in left_out["2"]
    assert prepared(tmp_path, views) == (["0", "1", "2"], {})
