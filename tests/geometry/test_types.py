"""A geometry is iterated once, keeps the scene's order, and tells of the whole when all of it has come."""

from pathlib import Path

import pytest
import torch

from warpdata.camera import Camera
from warpdata.errors import GeometryError
from warpdata.geometry.types import (
    ContentBox,
    FrameFailure,
    FrameGeometry,
    Provenance,
    SceneGeometry,
    in_scene_order,
)
from warpdata.sources import PictureFile, Scene, View


def frame(name):
    camera = Camera(K=torch.eye(3).double(), cam_from_world=torch.eye(4).double(), hw=(2, 3))
    return FrameGeometry(
        name=name,
        depth=torch.ones(2, 3),
        confidence=torch.ones(2, 3),
        camera=camera,
        image_hw=(2, 3),
        content_box=ContentBox(left=0.0, top=0.0, right=3.0, bottom=2.0),
    )


def failure(name):
    return FrameFailure(name=name, reason=f"{name} is dark")


def scene(names):
    views = tuple(View(name=name, picture=PictureFile(Path(f"{name}.png"))) for name in names)
    return Scene(id="s", root=Path(), views=views, left_out={})


def geometry(outcomes):
    return SceneGeometry(scene_id="s", scale="metric", provenance=Provenance(estimator="hand"), outcomes=outcomes)


def with_report():
    yield frame("a")
    yield failure("b")
    yield frame("c")
    return {"error": 1.5}


def test_outcomes_come_in_order_and_the_summary_last():
    made = geometry(with_report())
    names = []
    for outcome in made:
        names.append(outcome.name)
        for early in ("left_out", "report"):
            with pytest.raises(RuntimeError, match="after its last outcome"):
                getattr(made, early)
    assert names == ["a", "b", "c"]
    assert made.left_out == {"b": "b is dark"}
    assert made.report == {"error": 1.5}


def test_frames_are_the_outcomes_without_the_failures():
    made = geometry(with_report())
    assert [outcome.name for outcome in made.frames] == ["a", "c"]
    assert list(made.left_out) == ["b"]


def test_a_list_will_do_and_has_no_report():
    made = geometry([frame("a"), failure("b")])
    assert len(list(made)) == 2
    assert (made.left_out, made.report) == ({"b": "b is dark"}, {})


def test_it_is_iterated_once():
    made = geometry([frame("a")])
    assert len(list(made.frames)) == 1
    with pytest.raises(RuntimeError, match="is iterated once"):
        iter(made)
    with pytest.raises(RuntimeError, match="is iterated once"):
        _ = made.frames


def test_nobody_changes_it_from_outside():
    made = geometry(with_report())
    list(made)
    made.left_out["c"] = made.report["error"] = "changed"
    assert made.left_out == {"b": "b is dark"}
    assert made.report == {"error": 1.5}


def test_a_failure_of_the_whole_leaves_no_summary():
    def fails():
        yield frame("a")
        raise GeometryError("the windows do not join")

    made = geometry(fails())
    with pytest.raises(GeometryError, match="do not join"):
        list(made)
    with pytest.raises(RuntimeError):
        _ = made.report


def test_closing_lets_go_of_what_the_estimator_holds():
    held = ["a folder"]

    def outcomes():
        try:
            yield frame("a")
            yield frame("b")
        finally:
            held.clear()

    made = geometry(outcomes())
    next(made.frames)
    assert held
    made.close()
    assert not held


def test_a_transformed_geometry_hands_the_summary_on():
    def without_c(base):
        for outcome in base:
            yield failure("c") if outcome.name == "c" else outcome
        return {**base.report, "checked": True}

    base = geometry(with_report())
    made = base.transformed(without_c(base))
    assert [frame.name for frame in made.frames] == ["a"]
    assert list(made.left_out) == ["b", "c"]
    assert made.report == {"error": 1.5, "checked": True}
    assert (made.scene_id, made.scale, made.provenance) == ("s", "metric", base.provenance)
    other = Provenance(estimator="other")
    assert geometry([]).transformed([], provenance=other).provenance == other


@pytest.mark.parametrize("failed", ["", "a", "e", "ae", "bd", "bcd", "abcde"])
def test_known_failures_take_their_views_place(failed):
    failures = {name: f"{name} is dark" for name in reversed(failed)}
    outcomes = [frame(name) for name in "abcde" if name not in failed]
    ordered = list(in_scene_order(scene("abcde"), failures, outcomes))
    assert [outcome.name for outcome in ordered] == list("abcde")
    assert "".join(outcome.name for outcome in ordered if isinstance(outcome, FrameFailure)) == failed


def test_a_frame_goes_before_a_failure_that_was_noted_on_the_way():
    """As with windows: unusable in one, but not in another; and failures that are found only as outcomes come."""
    failures = {"a": "unusable in the first window"}

    def outcomes():
        failures["b"] = "broken"
        yield frame("a")
        failures["d"] = "broken"
        yield frame("c")

    ordered = list(in_scene_order(scene("abcd"), failures, outcomes()))
    assert [type(outcome) for outcome in ordered] == [FrameGeometry, FrameFailure, FrameGeometry, FrameFailure]
    assert [outcome.name for outcome in ordered] == list("abcd")
