"""Training goes on with empty splats, but not in silence."""

import logging
from dataclasses import replace

from tests.triplets.planes import plane_pair
from warpdata.config import RenderOptions
from warpdata.training.empty_splats import EmptySplats
from warpdata.training.loader import render_batch
from warpdata.triplets.inputs import collate_inputs
from warpdata.triplets.render import render_triplets


def pair_of(sample_id: str, factor: float):
    """A pair whose target stands where it should (1), or as far off as another unit puts it."""
    pair = plane_pair()
    pose = pair.target_camera.cam_from_world.clone()
    pose[:3, 3] *= factor
    return replace(pair, id=sample_id, target_camera=replace(pair.target_camera, cam_from_world=pose))


def test_each_scene_is_named_once(caplog):
    watch = EmptySplats()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            pairs = [pair_of("a/1", 1.0), pair_of("b/1", 1000.0), pair_of("b/2", 1000.0), pair_of("c/1", 1000.0)]
            inputs = collate_inputs(pairs)
            watch.watch(render_triplets(inputs, RenderOptions()), inputs, RenderOptions())
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "scene b, pair 1",
        "scene c, pair 1",
    ]
    assert "do poses and depth have one unit?" in caplog.text


def test_rendering_a_batch_warns(caplog):
    inputs = collate_inputs([pair_of("of this test alone/1", 1000.0)])
    with caplog.at_level(logging.WARNING):
        render_batch(inputs, RenderOptions())
        render_batch(inputs, RenderOptions())
    assert caplog.text.count("scene of this test alone, pair 1: no point of the reference falls into the target") == 1
