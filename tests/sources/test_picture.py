"""Pictures, masks and depth maps are values: equal, hashable, small in a pickle, and not always files."""

import hashlib
import pickle

import numpy as np
import pytest

from tests.pictures import Rendered
from tests.scenes import plane_camera, plane_picture, write_depth, write_image
from warpdata.errors import ViewError
from warpdata.files.digests import file_sha256
from warpdata.sources import DepthFile, DepthMap, Mask, MaskFile, Picture, PictureFile
from warpdata.sources.fit import fit_image
from warpdata.sources.picture import name_below, picture_below


def test_files_are_of_the_protocols(tmp_path):
    assert isinstance(PictureFile(tmp_path), Picture)
    assert isinstance(MaskFile(tmp_path), Mask)
    assert isinstance(DepthFile(path=tmp_path), DepthMap)
    assert isinstance(Rendered(1), Picture)
    assert not isinstance(tmp_path, Picture)


def test_a_file_gives_its_size_pixels_bytes_and_digest(tmp_path):
    pixels = plane_picture(plane_camera(0))
    path = write_image(tmp_path / "A.PNG", pixels)
    picture = PictureFile(path)
    assert picture.hw() == pixels.shape[:2]
    assert np.array_equal(picture.load().permute(1, 2, 0).numpy(), pixels)
    assert picture.load(fit_image(pixels.shape[:2], (24, 35), "crop")).shape == (3, 24, 35)
    assert (picture.suffix, picture.label, picture.read_bytes()) == (".png", str(path), path.read_bytes())
    assert picture.digest() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert picture.digest(lambda asked: f"remembered {asked.name}") == "remembered A.PNG"
    assert picture.digest(lambda asked: None) is None


def test_a_mask_is_true_where_points_may_be(tmp_path):
    path = write_image(tmp_path / "m.png", np.array([[0, 1], [255, 0]], dtype=np.uint8))
    assert MaskFile(path).load().tolist() == [[False, True], [True, False]]


def test_depth_says_what_it_measures_and_in_what(tmp_path):
    path = write_depth(tmp_path / "d.npy", np.array([[1.0, 2.0], [0.0, np.nan]]))
    depth = DepthFile(path=path, unit=0.5)
    assert depth.load().tolist() == [[0.5, 1.0], [0.0, 0.0]]
    assert (depth.measure, depth.suffix, depth.label) == ("planar_z", ".npy", str(path))
    assert depth.digest() == file_sha256(path)


def test_pictures_are_equal_by_what_they_show_and_small_in_a_pickle(tmp_path):
    first, same, other = PictureFile(tmp_path / "a.png"), PictureFile(tmp_path / "a.png"), PictureFile(tmp_path / "b")
    assert first == same != other
    assert len({first, same, other}) == 2
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301
    assert len(pickle.dumps(first)) < 400 + len(str(tmp_path))


def test_a_missing_file_is_a_view_error(tmp_path):
    picture = PictureFile(tmp_path / "gone.png")
    for use in (picture.hw, picture.load, picture.read_bytes):
        with pytest.raises(ViewError, match=r"gone\.png"):
            use()


def test_names_in_records_lead_back_to_the_picture_and_nowhere_else(tmp_path):
    picture = PictureFile(tmp_path / "images" / "0.png")
    assert name_below(picture, tmp_path) == "images/0.png"
    assert picture_below("images/0.png", tmp_path) == picture
    assert name_below(picture, tmp_path / "elsewhere") is None
    assert name_below(Rendered(1), tmp_path) is None
    for name in ("../0.png", "a/../../0.png", "/etc/passwd", "C:\\0.png", "..\\0.png"):
        with pytest.raises(ValueError, match="outside its scene's folder"):
            picture_below(name, tmp_path)
