"""What structure from motion takes of a scene's views, and what it leaves out."""

import numpy as np
from PIL import Image

from tests.scenes import HW, plane_camera, plane_picture, write_image
from warpdata.geometry.sfm.pictures import prepare_pictures
from warpdata.geometry.types import no_progress
from warpdata.sources.scene import View


def view(folder, index, tag=1, mask=None):
    exif = Image.Exif()
    exif[0x0112] = tag
    picture = write_image(folder / f"{index}.png", plane_picture(plane_camera(index)), exif=exif)
    path = None if mask is None else write_image(folder / "masks" / f"{index}.png", mask)
    return View(name=str(index), path=picture, camera=plane_camera(index), mask=path)


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
