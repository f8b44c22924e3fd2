"""The flip between OpenGL's camera axes and OpenCV's, and the half pixel, by numbers worked by hand."""

import numpy as np

from warpdata.formats.axes import flip_camera_axes, with_first_pixel_at_half, with_first_pixel_at_zero


def test_a_camera_that_looks_down_minus_z_looks_down_plus_z():
    """OpenGL: x right, y up, looking along -z. The same camera in OpenCV's axes has y down and looks along +z."""
    world_from_gl = np.eye(4)
    world_from_gl[:3, 3] = [1, 2, 3]
    world_from_cv = flip_camera_axes(world_from_gl)
    np.testing.assert_array_equal(world_from_cv @ [0, 0, 5, 1], world_from_gl @ [0, 0, -5, 1])  # ahead
    np.testing.assert_array_equal(world_from_cv @ [0, 1, 0, 1], world_from_gl @ [0, -1, 0, 1])  # below
    np.testing.assert_array_equal(flip_camera_axes(world_from_cv), world_from_gl)


def test_the_first_pixel_moves_by_half_a_pixel():
    K = np.array([[100.0, 0, 32.5], [0, 90.0, 24.5], [0, 0, 1]])
    np.testing.assert_array_equal(with_first_pixel_at_zero(K)[:2, 2], [32.0, 24.0])
    np.testing.assert_array_equal(with_first_pixel_at_half(with_first_pixel_at_zero(K)), K)
    np.testing.assert_array_equal(K[:2, 2], [32.5, 24.5])  # the caller's own stays
