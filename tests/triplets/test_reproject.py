"""There and back: what a drawn camera sees stays as it was, to the byte; what it does not see is a hole."""

from dataclasses import replace

import pytest
import torch

from tests.scenes import plane_camera, plane_picture
from tests.triplets import boxes
from tests.triplets.boxes import HW, seen_after_step_to_the_right, step_of
from tests.triplets.planes import picture_loader, plane_frame
from warpdata.camera import stack_cameras
from warpdata.config import FilterOptions, PairOptions, RenderOptions, SizeOptions
from warpdata.render import warp
from warpdata.render.near_far import near_far_of_depth
from warpdata.render.view import view_of_depth
from warpdata.triplets.drawn_cameras import CameraDraw
from warpdata.triplets.inputs import collate_inputs
from warpdata.triplets.render import render_triplets
from warpdata.triplets.reproject import _seen, refuse_compat, reproject, seen_from
from warpdata.triplets.reprojected_inputs import prepare_reprojected
from warpdata.triplets.triplet import split_batch

OPTIONS = RenderOptions()


def there_and_back(drawn, options=OPTIONS, backend="auto", **changes):
    scene = {"image": boxes.image(), "depth": boxes.depth(), "confidence": boxes.confidence()} | changes
    return reproject(
        scene.pop("image"), scene.pop("depth"), drawn, boxes.camera(), **scene, options=options, backend=backend
    )


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_seen_from_where_it_was_taken_a_picture_is_itself(backend, version):
    back = there_and_back(boxes.camera(), RenderOptions(version=version), backend)
    assert back.visible.all()
    assert torch.equal(back.rgb, boxes.image())


@pytest.mark.parametrize("pixels", [1, 3, 6])
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_a_step_to_the_right_hides_what_one_counts_by_hand(pixels, backend):
    back = there_and_back(boxes.camera(x=step_of(pixels)), backend=backend)
    assert torch.equal(back.visible[0], seen_after_step_to_the_right(pixels))


@pytest.mark.parametrize(("x", "z"), [(0.7, 0.0), (-0.4, 1.3), (0.9, -3.0)])
def test_what_is_seen_keeps_its_colour_and_holes_fade(x, z):
    back = there_and_back(boxes.camera(x, z), RenderOptions(sigma=3.0))
    assert 0.1 < back.visible.float().mean() < 1
    seen = back.visible[0]
    assert torch.equal(back.rgb[:, seen], boxes.image()[:, seen])
    assert (back.coverage[0][seen] == 255).all()
    assert (back.coverage[0][~seen] < 255).all()


def test_going_back_hides_little_and_leaves_no_pinholes():
    """Farther away four points share a pixel, and all of them are seen."""
    back = there_and_back(boxes.camera(z=-8.0), depth=torch.full(HW, 8.0))
    assert back.visible.all()


def test_going_ahead_sees_the_middle_alone():
    """At half the distance to the wall, half of each side; nothing shines through between the points."""
    back = there_and_back(boxes.camera(z=4.0), depth=torch.full(HW, 8.0))
    rows, columns = back.visible[0].any(dim=1).nonzero(), back.visible[0].any(dim=0).nonzero()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (11, 30, 15, 46)
    assert back.visible[0, 11:31, 15:47].all()


def test_points_without_confidence_are_holes_and_hide_nothing():
    confidence = boxes.confidence()
    confidence[boxes.BOARD_ROWS, boxes.BOARD_COLUMNS] = 1.0
    back = there_and_back(boxes.camera(x=step_of(3)), confidence=confidence)
    expected = torch.ones(HW, dtype=torch.bool)
    expected[:, :3] = False
    expected[boxes.BOARD_ROWS, boxes.BOARD_COLUMNS] = False
    assert torch.equal(back.visible[0], expected)


def test_what_falls_on_the_border_of_the_other_picture_is_not_seen():
    picture = torch.ones(1, *HW, dtype=torch.bool)
    picture[:, :, :5] = False
    back = there_and_back(boxes.camera(x=step_of(3)), depth=torch.full(HW, 8.0), picture=picture)
    assert back.visible[0].any(dim=0).tolist() == [column >= 8 for column in range(HW[1])]


@pytest.mark.parametrize("near_far", [{}, {"near": 3.0, "far": 7.5}])
def test_the_compiled_test_is_the_definition(near_far):
    """On depth full of edges, gaps and odd values, for cameras to all sides."""
    generator = torch.Generator().manual_seed(3)
    depth = 2 + 6 * torch.rand(1, *HW, generator=generator)
    depth[torch.rand(1, *HW, generator=generator) < 0.1] = 0
    depth[0, 3, 4], depth[0, 5, 6], depth[0, 7, 8] = torch.nan, torch.inf, -1.0
    confidence = 1 + torch.rand(1, *HW, generator=generator)
    options = RenderOptions(confidence_threshold=1.2, **near_far)
    image, camera = boxes.image()[None], stack_cameras([boxes.camera()])
    for x, z in [(0.0, 0.0), (0.8, 0.3), (-1.5, 2.5), (0.1, -4.0)]:
        drawn = stack_cameras([boxes.camera(x, z)])
        shown = warp(image, depth, camera, drawn, confidence=confidence, options=options).depth
        view = view_of_depth(camera, drawn).within(near_far_of_depth(depth, options))
        want = _seen(depth, confidence, view, shown, options.confidence_threshold)
        assert 0 < want.sum() < want.numel()
        assert torch.equal(seen_from(image, depth, confidence, camera, drawn, options=options), want)


def inputs(target=0, reference=None, index=0, epoch=0, output_hw=(48, 70), depth_hw=(48, 70), filters=None, **size):
    draw = CameraDraw(seed=5, pairs=PairOptions(pairs="reproject", pair_overlap=(0.3, 0.8)), render=OPTIONS)
    return prepare_reprojected(
        f"plane/view{target}",
        plane_frame(target, depth_hw),
        picture_loader(plane_picture(plane_camera(target))),
        None if reference is None else plane_frame(reference),
        None if reference is None else picture_loader(plane_picture(plane_camera(reference))),
        draw=draw,
        scene_id="plane",
        index=index,
        epoch=epoch,
        output_hw=output_hw,
        size=SizeOptions(**size),
        filters=filters or FilterOptions(),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"output_hw": (40, 64)},
        {"output_hw": (60, 70), "preprocess_mode": "pad"},
        {"depth_hw": (24, 35), "upsample_depth": True},
    ],
    ids=str,
)
def test_splat_and_target_are_one_photograph(changes):
    triplet = render_triplets(inputs(reference=1, **changes), OPTIONS)
    assert triplet.scores["psnr"] == 99.0
    assert 0.15 < triplet.scores["hole_fraction"] < 0.75
    assert triplet.scores["baseline"] > 0
    assert (triplet.reference_name, triplet.target_name) == ("view1", "view0")
    assert triplet.drawn_camera.hw == triplet.target_camera.hw == triplet.target.shape[-2:]
    assert torch.equal(triplet.drawn_camera.K, triplet.target_camera.K)
    seen = (triplet.coverage == 255).expand(3, -1, -1)
    assert torch.equal(triplet.splat[seen], triplet.target[seen])


def test_coarse_points_are_enlarged_as_in_other_triplets():
    triplet = render_triplets(inputs(depth_hw=(24, 35)), OPTIONS)
    assert triplet.splat.shape == (3, 48, 70)
    assert triplet.scores["psnr"] > 25


def test_borders_stay_white():
    triplet = render_triplets(inputs(output_hw=(60, 70), preprocess_mode="pad"), OPTIONS)
    assert (triplet.splat[:, :6] == 255).all()
    assert (triplet.coverage[:, :6] == 0).all()


def test_without_a_reference_there_is_none():
    one = inputs()
    triplet = render_triplets(one, OPTIONS)
    assert triplet.reference is None
    assert triplet.reference_camera is None
    assert triplet.reference_name == ""
    assert triplet.scores["sharpness_reference"] == 0
    assert triplet.as_float().reference is None


@pytest.mark.parametrize("reference", [None, 2])
def test_a_batch_changes_nothing(reference):
    pairs = [inputs(target, reference, index=target, epoch=epoch) for target in (0, 1, 3) for epoch in (0, 1)]
    batch = render_triplets(collate_inputs(pairs), OPTIONS)
    for pair, of_batch in zip(pairs, split_batch(batch), strict=True):
        alone = render_triplets(pair, OPTIONS)
        assert alone.id == of_batch.id
        for name in ("splat", "coverage", "confidence", "target"):
            assert torch.equal(getattr(alone, name), getattr(of_batch, name))
        assert alone.scores == pytest.approx(of_batch.scores)
        assert torch.equal(alone.drawn_camera.cam_from_world, of_batch.drawn_camera.cam_from_world)
        assert (of_batch.reference is None) == (reference is None)


def test_pixels_of_background_are_no_points():
    picture = plane_picture(plane_camera(0)).copy()
    picture[10:20, 10:30] = 255
    one = replace(inputs(filters=FilterOptions(filter_white_bg=True)))
    assert one.depth.min() > 0
    white = prepare_white(picture)
    assert (white.depth[10:20, 10:30] == 0).all()
    assert not render_triplets(white, OPTIONS).coverage[0, 12:18, 12:28].eq(255).any()


def prepare_white(picture):
    draw = CameraDraw(seed=5, pairs=PairOptions(pairs="reproject"), render=OPTIONS)
    return prepare_reprojected(
        *("plane/view0", plane_frame(0), picture_loader(picture), None, None),
        draw=draw,
        scene_id="plane",
        index=0,
        epoch=0,
        output_hw=(48, 70),
        size=SizeOptions(),
        filters=FilterOptions(filter_white_bg=True),
    )


def test_the_earlier_programs_warp_is_refused():
    with pytest.raises(ValueError, match="`compat`"):
        refuse_compat(PairOptions(pairs="reproject"), RenderOptions(compat=True))
    refuse_compat(PairOptions(), RenderOptions(compat=True))
