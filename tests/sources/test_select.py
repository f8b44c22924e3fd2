"""Selection of views: recorded vectors of the original program, and where its defects are mended."""

import json
import logging
import math
from pathlib import Path

import pytest
import torch

from tests.scenes import plane_camera
from warpdata.camera import invert_rigid
from warpdata.config import SourceOptions
from warpdata.sources import PictureFile, View
from warpdata.sources.select import consecutive_overlaps, pose_overlaps, select_by_overlap, select_views


def views(count, cameras=True):
    return [
        View(name=str(k), picture=PictureFile(Path(f"{k}.png")), camera=plane_camera(k) if cameras else None)
        for k in range(count)
    ]


def names(selected):
    return [int(view.name) for view in selected]


def mended(selected, overlaps, target):
    """A recorded selection without the view before the last, where those two are nearly equal."""
    if len(selected) > 2 and sum(1 - overlap for overlap in overlaps[selected[-2] :]) < (1 - target) / 2:
        return [*selected[:-2], selected[-1]]
    return selected


def test_overlaps_and_selections_are_the_recorded_ones(shared):
    recorded = json.loads((shared / "render/golden/pipeline.json").read_text())
    dropped = 0
    for case in recorded["auto_skip"]:
        given = case["metadata"]
        angles = [given[key] for key in ("camera_angle_x", "camera_angle_y") if key in given]
        for side, focal in (("w", "fl_x"), ("h", "fl_y")):
            if side in given and focal in given:
                angles.append(2 * math.atan(given[side] / (2 * given[focal])))
        cam_from_world = invert_rigid(torch.tensor(case["frames"], dtype=torch.float64))
        overlaps = pose_overlaps(cam_from_world, min(angles, default=math.pi / 3))
        assert overlaps == pytest.approx(case["overlaps"], abs=1e-12)
        for target, selected in case["selected"].items():
            want = mended(selected, case["overlaps"], float(target))
            assert select_by_overlap(case["overlaps"], float(target)) == want
            dropped += want != selected
    assert dropped > 0
    for case in recorded["select_only"]:
        want = mended(case["selected"], case["overlaps"], case["target"])
        assert select_by_overlap([float(overlap) for overlap in case["overlaps"]], case["target"]) == want


def test_losses_add_up_until_the_target():
    assert select_by_overlap([0.75, 0.75, 0.75, 0.75], 0.5) == [0, 2, 4]
    assert select_by_overlap([1.0] * 4, 0.5) == [0, 4]
    assert select_by_overlap([0.5, 0.5, 0.5], 0.5) == [0, 1, 2, 3]
    assert select_by_overlap([], 0.5) == [0]


def test_the_path_does_not_end_in_two_nearly_equal_views():
    assert select_by_overlap([0.5, 0.5, 0.9], 0.5) == [0, 1, 3]
    assert select_by_overlap([0.5, 0.5, 0.7], 0.5) == [0, 1, 2, 3]


def test_overlap_uses_the_cameras_own_intrinsics():
    """A turn of a tenth of the field of view leaves nine tenths."""
    camera = plane_camera(0)
    field_of_view = 2 * math.atan(camera.hw[0] / (2 * camera.K[1, 1].item()))
    angle = field_of_view / 10
    turn = torch.eye(4, dtype=torch.float64)
    turn[0, 0] = turn[2, 2] = math.cos(angle)
    turn[0, 2], turn[2, 0] = math.sin(angle), -math.sin(angle)
    turned = type(camera)(K=camera.K, cam_from_world=turn @ camera.cam_from_world, hw=camera.hw)
    pair = [View(name=str(k), picture=PictureFile(Path("x")), camera=c) for k, c in enumerate((camera, turned))]
    assert consecutive_overlaps(pair) == [pytest.approx(0.9)]


def test_every_nth_then_the_limit():
    assert names(select_views(views(10), SourceOptions(skip_every=3))) == [0, 3, 6, 9]
    assert names(select_views(views(10), SourceOptions(skip_every=3, limit=2))) == [0, 3]
    assert names(select_views(views(4), SourceOptions())) == [0, 1, 2, 3]


def test_auto_skip_then_the_limit():
    chosen = names(select_views(views(12), SourceOptions(auto_skip=True, target_overlap=0.4)))
    assert chosen[0] == 0
    assert chosen[-1] == 11
    assert 2 < len(chosen) < 12
    assert names(select_views(views(12), SourceOptions(auto_skip=True, target_overlap=0.4, limit=2))) == chosen[:2]


def test_auto_skip_without_cameras_uses_all_and_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        assert len(select_views(views(5, cameras=False), SourceOptions(auto_skip=True))) == 5
    assert "all 5 views are used" in caplog.text


@pytest.mark.parametrize("exponent", [-20, -3, 7, 20])
def test_the_unit_of_the_poses_changes_no_overlap(exponent):
    """A walk that turns as it goes, and one whose cameras stand still most of the time."""
    for steps in ([0.0, 0.3, 0.5, 0.9, 1.0], [0.0, 0.0, 0.0, 0.0, 0.4]):
        poses = torch.eye(4, dtype=torch.float64).repeat(len(steps), 1, 1)
        angles = torch.linspace(0, 0.4, len(steps), dtype=torch.float64)
        poses[:, 0, 0] = poses[:, 2, 2] = angles.cos()
        poses[:, 0, 2], poses[:, 2, 0] = angles.sin(), -angles.sin()
        poses[:, 0, 3] = -torch.tensor(steps, dtype=torch.float64)
        ordinary = pose_overlaps(poses, 0.8)
        assert any(0 < overlap < 1 for overlap in ordinary)
        scaled = poses.clone()
        scaled[:, :3, 3] *= 2.0**exponent
        assert pose_overlaps(scaled, 0.8) == ordinary


def test_cameras_that_only_turn_lose_no_overlap_by_moving():
    """At the origin, and far from it, where turning leaves rounding in their positions."""
    for place in ([0.0, 0.0, 0.0], [4.2e5, -5.1e6, 300.0]):
        poses = torch.eye(4, dtype=torch.float64).repeat(4, 1, 1)
        angles = torch.linspace(0, 0.3, 4, dtype=torch.float64)
        poses[:, 0, 0] = poses[:, 2, 2] = angles.cos()
        poses[:, 0, 2], poses[:, 2, 0] = angles.sin(), -angles.sin()
        poses[:, :3, 3] = -(poses[:, :3, :3] @ torch.tensor(place, dtype=torch.float64))
        assert pose_overlaps(poses, 1.0) == pytest.approx([0.9] * 3, abs=1e-3)
