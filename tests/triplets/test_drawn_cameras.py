"""Drawn cameras: how much they see is as often as asked for, whatever the order they are drawn in."""

from collections import Counter

import numpy as np
import pytest
import torch

from tests.triplets import boxes
from warpdata.camera import check_camera
from warpdata.config import PairOptions, RenderOptions
from warpdata.triplets.camera_paths import placed, turned
from warpdata.triplets.drawn_cameras import CameraDraw, draw_camera, turns, wanted_share
from warpdata.triplets.reduced_picture import ReducedPicture

WHOLE = ReducedPicture.of(boxes.depth(), boxes.confidence(), boxes.camera(), RenderOptions(), pixels=10**9)


def draw_of(seed=0, low=0.3, high=0.9, histogram=(), **render):
    pairs = PairOptions(pairs="reproject", pair_overlap=(low, high), overlap_histogram=histogram)
    return CameraDraw(seed=seed, pairs=pairs, render=RenderOptions(**render))


def drawn(index=0, epoch=0, scene_id="s", draw=None, depth=None, confidence=None):
    return draw_camera(
        boxes.depth() if depth is None else depth,
        boxes.confidence() if confidence is None else confidence,
        boxes.camera(),
        draw or draw_of(),
        scene_id=scene_id,
        index=index,
        epoch=epoch,
    )


@pytest.mark.parametrize("histogram", [(1.0,), (1.0, 1.0, 2.0), (0.0, 3.0, 0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("over", ["index", "epoch"])
def test_wanted_shares_follow_the_histogram(histogram, over):
    """Evenly, not merely at random: of 200 draws each step has its share but for two."""
    draw = draw_of(low=0.2, high=1.0, histogram=histogram)
    shares = [wanted_share(draw, "s", **{"index": 3, "epoch": 3, over: number}) for number in range(200)]
    steps = Counter(min(int((share - 0.2) / 0.8 * len(histogram)), len(histogram) - 1) for share in shares)
    for step, weight in enumerate(histogram):
        assert steps[step] == pytest.approx(200 * weight / sum(histogram), abs=2.5)


def test_scenes_of_one_picture_follow_it_too():
    draw = draw_of(low=0.1, high=1.0)
    shares = [wanted_share(draw, f"scene{number}", 0, 0) for number in range(400)]
    assert sum(share < 0.55 for share in shares) == pytest.approx(200, abs=35)
    assert len(set(shares)) == 400


def test_a_camera_depends_on_seed_epoch_and_index_and_on_nothing_else():
    again = {
        (seed, epoch, index): drawn(index, epoch, draw=draw_of(seed))
        for seed in (0, 1)
        for epoch in (0, 1)
        for index in (0, 1)
    }
    for (seed, epoch, index), camera in reversed(again.items()):
        assert torch.equal(drawn(index, epoch, draw=draw_of(seed)).cam_from_world, camera.cam_from_world)
    assert len({str(camera.cam_from_world.tolist()) for camera in again.values()}) == 8
    assert not torch.equal(drawn(scene_id="t").cam_from_world, drawn().cam_from_world)


def test_the_share_that_is_seen_is_the_one_wanted():
    off = []
    for index in range(10):
        camera = drawn(index)
        assert check_camera(camera) is None
        assert (camera.hw, camera.K.tolist()) == (boxes.HW, boxes.camera().K.tolist())
        off.append(abs(WHOLE.share_seen(camera) - wanted_share(draw_of(), "s", index, 0)))
    assert sorted(off)[7] < 0.01
    assert max(off) < 0.03


def test_cameras_stay_before_what_the_picture_shows():
    for index in range(10):
        camera = drawn(index, draw=draw_of(low=0.05, high=0.3))
        assert not WHOLE.shows_before(camera.world_from_cam[:3, 3].numpy())  # the picture's camera is the world
    for centre, expected in {(0, 0, 3.8): True, (0, 0, 3.5): False, (0, 0, -9): False, (30, 0, 9): False}.items():
        assert WHOLE.shows_before(np.array(centre, dtype=np.float64)) is expected


def test_they_scale_with_the_scene():
    """In a unit a thousand times smaller, the same camera."""
    near, far = drawn(2), drawn(2, depth=1000 * boxes.depth())
    torch.testing.assert_close(1000 * near.cam_from_world[:3, 3], far.cam_from_world[:3, 3], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(near.cam_from_world[:3, :3], far.cam_from_world[:3, :3], rtol=0, atol=1e-4)


def test_more_than_there_are_points_cannot_be_seen():
    """Half of the picture is sky: the nearest to the wanted share is taken."""
    depth = boxes.depth()
    depth[:20] = 0
    camera = drawn(depth=depth, draw=draw_of(low=0.8, high=0.9))
    whole = ReducedPicture.of(depth, boxes.confidence(), boxes.camera(), RenderOptions(), pixels=10**9)
    assert whole.share_seen(camera) > 0.45


def test_a_picture_without_points_has_its_own_camera():
    for nothing in ({"depth": torch.zeros(boxes.HW)}, {"confidence": torch.ones(boxes.HW)}):
        assert torch.equal(drawn(**nothing).cam_from_world, boxes.camera().cam_from_world)


def test_the_rough_measure_is_near_the_exact_one():
    cameras = [boxes.camera(x, z) for x, z in [(0.1, 0), (0.8, 0), (0, 1.0), (-1.5, 0.5), (0.3, -2.0)]]
    cameras.append(placed(boxes.camera(), turned(yaw=0.2, pitch=0.1, roll=-0.1)))
    poses = torch.stack([camera.world_from_cam for camera in cameras]).numpy()
    for rough, camera in zip(WHOLE.roughly_seen(poses), cameras, strict=True):
        assert rough == pytest.approx(WHOLE.share_seen(camera), abs=0.06)


def test_turns_are_those_of_camera_paths():
    angles = torch.tensor([[0.3, -0.2, 0.1], [-1.0, 0.4, -0.6]], dtype=torch.float64)
    for found, (yaw, pitch, roll) in zip(turns(*angles.T.numpy()), angles.tolist(), strict=True):
        np.testing.assert_allclose(found, turned(yaw=yaw, pitch=pitch, roll=roll)[:3, :3], rtol=0, atol=1e-12)
