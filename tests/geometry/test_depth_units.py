"""A scene whose depth and cameras differ in unit is warned of; ordinary scenes are not."""

import pytest
import torch

from warpdata.geometry.depth_units import odd_depths_warning, scale_warning

WALK = torch.tensor([[0.3 * index, 0.0, 0.0] for index in range(8)], dtype=torch.float64)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_the_unit_itself_does_not_matter(unit):
    assert scale_warning([3.0 * unit] * 8, WALK * unit) is None
    assert "are depth and poses in one unit?" in scale_warning([3000.0 * unit] * 8, WALK * unit)
    assert "are depth and poses in one unit?" in scale_warning([0.003 * unit] * 8, WALK * unit)


def test_the_message_names_what_was_found():
    warning = scale_warning([3000.0] * 8, WALK)
    assert warning.startswith(
        "the median depth, 3e+03, is 1,429 times the distance between the outermost cameras, 2.1:"
    )
    assert "depth_unit_scale_factor" in warning
    assert "is 100 times smaller than the distance from camera to camera, 0.3:" in scale_warning([0.003] * 8, WALK)


@pytest.mark.parametrize(
    ("depth", "centres"),
    [
        (3.0, WALK * 0.03),  # a slow video: a hundred steps to the surface
        (10.0, torch.cat([WALK * 1000, WALK * 1000 + 0.5])),  # a long street, every camera with another close by
        (500.0, WALK * 10),  # from the air
        (3.0, WALK * 0),  # turning on the spot: nothing to compare
        (3.0, WALK[:1]),
        (0.0, WALK),  # no depth at all
    ],
)
def test_ordinary_scenes_raise_no_alarm(depth, centres):
    assert scale_warning([depth] * len(centres), centres) is None


def test_views_without_depth_do_not_count():
    assert scale_warning([0.0, 0.0, 0.0, 3.0], WALK[:4]) is None
    assert scale_warning([0.0, 0.0, 0.0, 3000.0], WALK[:4]) is not None


@pytest.mark.parametrize("factor", [1000.0, 1 / 39.37, 0.01])
def test_a_view_in_another_unit_than_the_others_is_named(factor):
    depths = {"a": 3.0, "b": 2.0, "c": 3.0 * factor, "d": 0.0, "e": 4.0}
    warning = odd_depths_warning(depths)
    assert "depths of c differ from the scene's usual" in warning
    assert odd_depths_warning({name: depth * 1e-3 for name, depth in depths.items()}) is not None


def test_near_and_far_views_of_one_scene_raise_no_alarm():
    assert odd_depths_warning({"flower": 0.4, "house": 6.0, "hill": 90.0}) is None
    assert odd_depths_warning({"a": 1.0}) is None
    assert odd_depths_warning({"a": 0.0, "b": 0.0}) is None
