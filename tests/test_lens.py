"""Lenses against COLMAP's own code, and the pinhole pictures inside them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from warpdata.camera import pixel_centres
from warpdata.lens import Lens, LensError
from warpdata.lens_models import LENS_MODELS

HW = (48, 70)
PINHOLE = {"f": 75.0, "fx": 77.0, "fy": 71.0, "cx": 33.0, "cy": 26.0}

COEFFICIENTS = {
    "SIMPLE_PINHOLE": (),
    "PINHOLE": (),
    "SIMPLE_RADIAL": (-0.2,),
    "RADIAL": (0.12, -0.05),
    "OPENCV": (-0.25, 0.06, 0.004, -0.006),
    "OPENCV_FISHEYE": (0.06, -0.02, 0.01, -0.003),
    "FULL_OPENCV": (-0.2, 0.05, 0.003, -0.002, 0.01, 0.03, -0.01, 0.005),
    "FOV": (0.8,),
    "SIMPLE_RADIAL_FISHEYE": (0.05,),
    "RADIAL_FISHEYE": (0.05, -0.03),
    "THIN_PRISM_FISHEYE": (0.05, -0.02, 0.003, -0.002, 0.004, -0.001, 0.01, -0.015),
    "RAD_TAN_THIN_PRISM_FISHEYE": (0.03, -0.02, 0.01, 0, 0, 0, 0.004, -0.003, 0.01, -0.002, -0.008, 0.001),
    "SIMPLE_DIVISION": (-0.2,),
    "DIVISION": (0.15,),
    "SIMPLE_FISHEYE": (),
    "FISHEYE": (),
    "EUCM": (0.6, 1.1),
    "BROWN": (-0.22, 0.05, -0.01, 0.002, 0.003, -0.002),
}


def lens_of(model: str, hw: tuple[int, int] = HW) -> Lens:
    """A lopsided lens of each model, as distorted as real ones."""
    scale = hw[1] / HW[1]
    parameters = LENS_MODELS[model].parameters
    pinhole = [PINHOLE[name] * scale for name in parameters[: len(parameters) - len(COEFFICIENTS[model])]]
    return Lens(model=model, parameters=(*pinhole, *map(float, COEFFICIENTS[model])), hw=hw)


def make(model: str, parameters: tuple, hw: tuple[int, int]) -> Lens:
    return Lens(model=model, parameters=tuple(map(float, parameters)), hw=hw)


@pytest.mark.parametrize("model", [name for name, row in LENS_MODELS.items() if row.number is not None])
def test_formulas_are_those_of_colmap(model):
    pycolmap = pytest.importorskip("pycolmap", reason="pycolmap is not installed")
    theirs = pycolmap.Camera.create_from_model_name(1, model, 100, HW[1], HW[0])
    assert LENS_MODELS[model].number == int(theirs.model)
    assert list(LENS_MODELS[model].parameters) == [name.strip() for name in theirs.params_info.split(",")]
    lens = lens_of(model)
    theirs.params = lens.parameters
    uv = np.random.default_rng(0).uniform(-0.6, 0.6, (500, 2))
    expected = theirs.img_from_cam(np.concatenate([uv, np.ones((500, 1))], axis=1))
    np.testing.assert_allclose(lens.distort(uv), expected, atol=1e-10)


@pytest.mark.parametrize("model", COEFFICIENTS)
def test_rays_are_the_inverse(model):
    lens = lens_of(model)
    xy = np.random.default_rng(0).uniform(0, 1, (100, 2)) * HW[::-1]
    np.testing.assert_allclose(lens.distort(lens.rays(xy)), xy, atol=1e-6)


def test_browns_polynomial_is_that_of_opencv_with_one_term_more():
    cv2 = pytest.importorskip("cv2")
    lens = make("BROWN", (77, 71, 33, 26, -0.2, 0.05, 0.01, 0, 0.004, -0.003), hw=HW)
    uv = np.random.default_rng(1).uniform(-0.6, 0.6, (200, 2))
    points = np.concatenate([uv, np.ones((200, 1))], axis=1)
    opencv = np.array([-0.2, 0.05, 0.004, -0.003, 0.01])
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), lens.K.numpy(), opencv)
    np.testing.assert_allclose(lens.distort(uv), expected[:, 0], atol=1e-9)
    further = make("BROWN", (*lens.parameters[:7], 0.5, *lens.parameters[8:]), hw=HW)
    square = (uv**2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(further.distort(uv) - lens.distort(uv), 0.5 * square**4 * uv * lens.focal_xy, atol=1e-9)


@pytest.mark.parametrize("model", COEFFICIENTS)
def test_all_of_the_pinhole_picture_lies_inside(model):
    undistortion = lens_of(model).undistortion
    xy = undistortion.distorted_xy(pixel_centres(undistortion.hw, dtype=torch.float64).numpy())
    assert (xy >= 0).all()
    assert (xy <= np.array(HW[::-1])).all()


@pytest.mark.parametrize("model", [name for name in COEFFICIENTS if "FISHEYE" not in name])
def test_nothing_is_given_away(model):
    """Each side of the pinhole picture comes within a pixel or two of the side of the distorted one."""
    undistortion = lens_of(model, (480, 700)).undistortion
    xy = undistortion.distorted_xy(pixel_centres(undistortion.hw, dtype=torch.float64).numpy())
    margins = [xy[:, 0, 0].min(), xy[0, :, 1].min(), 700 - xy[:, -1, 0].max(), 480 - xy[-1, :, 1].max()]
    assert max(margins) < 8, margins


@pytest.mark.parametrize("model", [name for name in COEFFICIENTS if name not in ("FOV", "EUCM")])
def test_the_scale_in_the_middle_is_kept(model):
    lens = lens_of(model)
    assert lens.undistortion.focal_xy == pytest.approx(lens.focal_xy, rel=1e-2)


def test_a_pinhole_is_seen_as_one():
    assert lens_of("PINHOLE").is_pinhole
    assert make("OPENCV", (77, 71, 33, 26, 1e-6, 0, 0, 0), hw=HW).is_pinhole
    assert not make("OPENCV", (77, 71, 33, 26, 1e-2, 0, 0, 0), hw=HW).is_pinhole
    assert not lens_of("FISHEYE").is_pinhole


def test_a_pinhole_picture_of_a_pinhole_is_itself():
    undistortion = lens_of("PINHOLE").undistortion
    assert undistortion.hw == HW
    assert torch.allclose(undistortion.K, lens_of("PINHOLE").K, atol=1e-6)


def test_a_wide_fisheye_ends_at_sixty_degrees():
    undistortion = make("OPENCV_FISHEYE", (20, 20, 40, 32, 0, 0, 0, 0), hw=(64, 80)).undistortion
    reach = np.array(undistortion.centre_xy) / undistortion.focal_xy
    assert np.degrees(np.arctan(reach)) == pytest.approx(60, abs=1)


def test_a_strong_fisheye_does_not_grow_without_end():
    lens = make("SIMPLE_DIVISION", (100, 320, 240, -0.09), hw=(480, 640))
    height, width = lens.undistortion.hw
    assert height <= 960
    assert width <= 1280


def test_where_a_lens_folds_back_the_picture_ends():
    """r - 0.25 r³ turns at r = 1.15, before the corners of this picture, which no ray reaches."""
    lens = make("SIMPLE_RADIAL", (35, 35, 24, -0.25), hw=HW)
    undistortion = lens.undistortion
    corner = (np.array([[0.5, 0.5]]) - undistortion.centre_xy) / undistortion.focal_xy
    assert np.hypot(*corner[0]) < 1.1547


@pytest.mark.parametrize("k", [-20.0, 1e300, -1e300])
def test_a_lens_that_leaves_nothing_is_refused(k):
    lens = make("SIMPLE_RADIAL", (75, 33, 26, k), hw=HW)
    with pytest.raises(LensError, match=r"its distortion \(SIMPLE_RADIAL k = .*\) leaves .* of 70x48 pixels"):
        _ = lens.undistortion


@pytest.mark.parametrize(
    ("model", "parameters", "reason"),
    [
        ("EQUIRECTANGULAR", (70, 48), "camera model EQUIRECTANGULAR is not known"),
        ("PINHOLE", (1, 2, 3), r"has 4 parameters \(fx, fy, cx, cy\), found 3"),
        ("PINHOLE", (1, float("nan"), 3, 4), "NaN or infinite"),
        ("PINHOLE", (1, -2, 3, 4), "focal lengths are 1.0 and -2.0 px"),
    ],
)
def test_what_is_no_lens_is_refused(model, parameters, reason):
    with pytest.raises(LensError, match=reason):
        make(model, parameters, hw=HW)


def test_lenses_are_values():
    lens = lens_of("OPENCV")
    _ = lens.undistortion.K
    assert pickle.loads(pickle.dumps(lens)) == lens  # noqa: S301 - our own bytes
    assert hash(lens) == hash(lens_of("OPENCV"))
