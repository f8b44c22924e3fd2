"""Splats at the exposure of their targets: the factors that were put in come out, whatever else the pictures show."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.triplets.planes import plane_pair
from warpdata.config import RenderOptions
from warpdata.config.quality import GAINS
from warpdata.triplets.exposure import apply_gains, define_joint_levels, fit_gains, joint_levels
from warpdata.triplets.inputs import collate_inputs
from warpdata.triplets.render import render_triplets

GIVEN = torch.tensor([0.8, 1.0, 1.3])


def exposed(pictures, gains=GIVEN):
    return (pictures * gains[:, None, None]).round().clamp(0, 255).to(torch.uint8)


def textured(seed, hw=(60, 70)):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(20, 190, (1, 3, *hw), generator=generator).to(torch.uint8)


def everywhere(pictures):
    return torch.ones_like(pictures[:, :1], dtype=torch.bool)


def test_the_factors_of_an_exposure_are_found():
    splat = textured(0)
    assert fit_gains(splat, exposed(splat), everywhere(splat)).tolist()[0] == pytest.approx(GIVEN.tolist(), abs=2e-3)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.4])
def test_pixels_that_show_something_else_do_not_count(share):
    splat = textured(0)
    target = exposed(splat).float() + 3 * torch.randn(splat.shape, generator=torch.Generator().manual_seed(1))
    target = target.round().clamp(0, 255).to(torch.uint8)
    target[..., : int(60 * share), :] = 250
    assert fit_gains(splat, target, everywhere(splat)).tolist()[0] == pytest.approx(GIVEN.tolist(), rel=0.01)


def test_holes_and_clipped_levels_do_not_count():
    splat = textured(0)
    target = exposed(splat)
    shown = everywhere(splat)
    shown[..., :25, :] = False
    target[..., :25, :] = 0
    splat[..., 40:, :], target[..., 40:, :] = 200, 255
    splat[..., 30:35, :] = 0
    assert fit_gains(splat, target, shown).tolist()[0] == pytest.approx(GIVEN.tolist(), abs=2e-3)


@pytest.mark.parametrize("level", [0, 255])
def test_nothing_to_go_by_leaves_the_splat_as_it_is(level):
    splat = textured(0)
    target = torch.full_like(splat, level)
    assert fit_gains(splat, target, everywhere(splat)).tolist() == [[1, 1, 1]]
    assert fit_gains(splat, exposed(splat), ~everywhere(splat)).tolist() == [[1, 1, 1]]
    assert fit_gains(splat[..., :9, :9], exposed(splat)[..., :9, :9], everywhere(splat)[..., :9, :9]).tolist() == [
        [1] * 3
    ]


def test_levels_are_counted_as_defined():
    pictures = torch.cat([textured(0), textured(1)]), torch.cat([textured(2), textured(3)])
    shown = textured(4)[:, :1].repeat(2, 1, 1, 1) > 100
    assert torch.equal(joint_levels(*pictures, shown), define_joint_levels(*pictures, shown))


def test_the_background_in_holes_keeps_its_colour():
    splat = torch.tensor([100, 30, 65], dtype=torch.uint8).view(1, 1, 1, 3).repeat(1, 3, 1, 1)
    coverage = torch.tensor([255, 0, 128], dtype=torch.uint8).view(1, 1, 1, 3)
    changed = apply_gains(splat, coverage, torch.tensor([[0.5, 1.0, 2.0]]), (30, 30, 30))
    half = [round(gain * (65 - 30 * 127 / 255) + 30 * 127 / 255) for gain in (0.5, 1, 2)]
    assert changed[0, :, 0].tolist() == [[50, 30, half[0]], [100, 30, half[1]], [200, 30, half[2]]]


def test_triplets_are_matched_only_where_it_is_asked_for():
    pair = plane_pair()
    darker = replace(pair, target=exposed(pair.target, torch.tensor([0.7, 0.8, 0.9])))
    plain, matched = (render_triplets(darker, RenderOptions(), match_exposure=match) for match in (False, True))
    unexposed = render_triplets(pair, RenderOptions())
    assert torch.equal(plain.splat, unexposed.splat)
    assert not GAINS.keys() & plain.scores.keys()
    assert [matched.scores[name] for name in GAINS] == pytest.approx([0.7, 0.8, 0.9], abs=0.01)
    assert abs(matched.scores["exposure_gap"]) < 0.005 < abs(plain.scores["exposure_gap"])
    assert matched.scores["psnr"] > plain.scores["psnr"] + 5
    batch = render_triplets(collate_inputs([pair, darker]), RenderOptions(), match_exposure=True)
    assert torch.equal(batch.splat[1], matched.splat)
    assert {name: value[1].item() for name, value in batch.scores.items()} == matched.scores


def test_borders_stay_white():
    pair = plane_pair(output_hw=(60, 70), preprocess_mode="pad")
    dark = pair.target.clone()
    dark[:, 6:54] //= 2
    triplet = render_triplets(replace(pair, target=dark), RenderOptions(), match_exposure=True)
    assert (triplet.splat[:, :6] == 255).all()
    assert triplet.scores["gain_green"] == pytest.approx(0.5, abs=0.01)
