"""From two views with geometry to a triplet: sizes, borders, filters, scores, and what a batch must not change."""

import numpy as np
import pytest
import torch

from tests.scenes import HW
from tests.triplets.planes import plane_pair
from warpdata.config import FilterOptions, RenderOptions
from warpdata.geometry.types import GIVEN_CONFIDENCE
from warpdata.triplets.inputs import collate_inputs
from warpdata.triplets.render import render_triplets
from warpdata.triplets.triplet import split_batch


def test_a_view_paired_with_itself_comes_back():
    triplet = render_triplets(plane_pair(target=0), RenderOptions())
    assert torch.equal(triplet.splat, triplet.reference)
    assert (triplet.coverage == 255).all()
    unmoved = {"hole_fraction": 0.0, "psnr": 99.0, "exposure_gap": 0.0, "baseline": 0.0, "rotation_deg": 0.0}
    assert unmoved.items() <= triplet.scores.items()


def test_the_splat_lines_up_with_the_target():
    """One pixel of a plane moved by half a pixel would already cost more than this."""
    triplet = render_triplets(plane_pair(), RenderOptions())
    assert triplet.scores["psnr"] > 26
    assert 0 < triplet.scores["hole_fraction"] < 0.3
    assert triplet.splat.shape == triplet.reference.shape == triplet.target.shape == (3, *HW)


@pytest.mark.parametrize("output_hw", [(48, 70), (40, 64), (31, 97)])
def test_a_resized_splat_lines_up_as_well(output_hw):
    triplet = render_triplets(plane_pair(output_hw=output_hw), RenderOptions())
    assert triplet.splat.shape == (3, *output_hw)
    assert triplet.scores["psnr"] > 24
    assert triplet.reference_camera.hw == triplet.target_camera.hw == output_hw


@pytest.mark.parametrize("upsample_depth", [True, False])
def test_coarse_depth_lines_up_enlarged_or_not(upsample_depth):
    pair = plane_pair(depth_hw=(24, 35), upsample_depth=upsample_depth)
    assert pair.point_hw == (HW if upsample_depth else (24, 35))
    assert pair.depth.shape == (24, 35)
    triplet = render_triplets(pair, RenderOptions())
    assert triplet.splat.shape == (3, *HW)
    assert triplet.scores["psnr"] > (26 if upsample_depth else 20)


def test_borders_are_white_and_never_become_points():
    triplet = render_triplets(plane_pair(output_hw=(60, 70), preprocess_mode="pad"), RenderOptions())
    border = torch.ones(60, dtype=torch.bool)
    border[6:54] = False
    for picture in (triplet.splat, triplet.reference, triplet.target):
        assert (picture[:, border] == 255).all()
    assert (triplet.coverage[:, border] == 0).all()
    assert triplet.scores["psnr"] > 24


def test_black_and_white_pixels_can_be_dropped():
    """R + G + B = 15 is black and 16 is not; 241 everywhere is white and one channel at 240 is not."""
    picture = np.full((*HW, 3), 128, dtype=np.uint8)
    picture[10, 10], picture[10, 20] = (5, 5, 5), (6, 5, 5)
    picture[20, 10], picture[20, 20] = (241, 241, 241), (241, 240, 241)
    both = FilterOptions(filter_black_bg=True, filter_white_bg=True)
    dropped = plane_pair(picture=picture, filters=both).depth == 0
    assert dropped.nonzero().tolist() == [[10, 10], [20, 10]]
    assert (plane_pair(picture=picture).depth > 0).all()


def test_confidence_is_shown_on_its_fixed_scale():
    triplet = render_triplets(plane_pair(), RenderOptions())
    assert triplet.confidence.unique().tolist() == [round(255 * (1 - 1 / GIVEN_CONFIDENCE))]


def test_a_batch_gives_the_same_bytes_as_one_pair_at_a_time():
    pairs = [plane_pair(0, 1), plane_pair(1, 0), plane_pair(0, 2)]
    batch = render_triplets(collate_inputs(pairs), RenderOptions())
    for pair, from_batch in zip(pairs, split_batch(batch), strict=True):
        alone = render_triplets(pair, RenderOptions())
        assert torch.equal(alone.splat, from_batch.splat)
        assert torch.equal(alone.coverage, from_batch.coverage)
        assert alone.scores == pytest.approx(from_batch.scores)
        assert (from_batch.id, from_batch.target_name) == (pair.id, pair.target_name)


def test_pairs_of_different_sizes_make_no_batch():
    with pytest.raises(ValueError, match="share the sizes"):
        collate_inputs([plane_pair(), plane_pair(output_hw=(40, 64))])


def test_a_target_without_overlap_is_all_holes():
    pair = plane_pair()
    behind = pair.target_camera.cam_from_world.clone()
    behind[:3, 3] -= torch.tensor([0.0, 0.0, 100.0], dtype=torch.float64)
    camera = type(pair.target_camera)(K=pair.target_camera.K, cam_from_world=behind, hw=HW)
    triplet = render_triplets(type(pair)(**{**vars(pair), "target_camera": camera}), RenderOptions())
    assert {"hole_fraction": 1.0, "psnr": 0.0, "exposure_gap": 0.0}.items() <= triplet.scores.items()
    assert not triplet.splat.any()
