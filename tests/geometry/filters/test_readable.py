"""Broken and tiny pictures never reach an estimator that cannot tell them, and are named at their place."""

import pytest

from tests.geometry.pictures import numbered, scene_of
from tests.geometry.test_types import frame
from warpdata.errors import GeometryError
from warpdata.geometry.filters.readable import ReadableViews
from warpdata.geometry.types import FrameFailure, FrameGeometry, Provenance, SceneGeometry


class Naming:
    """Gives a frame of every view it is shown but `c`."""

    provenance = Provenance(estimator="naming", options={"a": 1})

    def __init__(self):
        self.seen = ()

    def __call__(self, scene, *, progress=None):
        self.seen = tuple(view.name for view in scene.views)

        def outcomes():
            for name in self.seen:
                yield FrameFailure(name="c", reason="it is c") if name == "c" else frame(name)
            return {"seen": len(self.seen)}

        return SceneGeometry(scene_id=scene.id, scale="arbitrary", provenance=self.provenance, outcomes=outcomes())


@pytest.fixture
def scene(tmp_path):
    paths = [numbered(tmp_path / f"{name}.png", 0, (20, 30)) for name in "abcdef"]
    paths[1].write_bytes(paths[1].read_bytes()[:-30])
    numbered(paths[5], 0, (10, 30))
    return scene_of(paths)


def test_only_usable_views_are_shown_and_all_are_told_of(scene):
    naming, steps = Naming(), []
    readable = ReadableViews(naming)
    assert readable.provenance == naming.provenance
    geometry = readable(scene, progress=lambda *step: steps.append(step))
    assert naming.seen == ("a", "c", "d", "e")
    assert steps == [("checking pictures", done, 6) for done in range(1, 7)]
    outcomes = list(geometry)
    assert [outcome.name for outcome in outcomes] == list("abcdef")
    assert "".join(outcome.name for outcome in outcomes if isinstance(outcome, FrameGeometry)) == "ade"
    assert "b.png" in geometry.left_out["b"]
    assert geometry.left_out["c"] == "it is c"
    assert "30 x 10 pixels" in geometry.left_out["f"]
    assert geometry.report == {"seen": 4}


def test_fewer_than_two_are_refused_before_anything_is_estimated(scene):
    naming = Naming()
    for view in scene.views[1:]:
        view.picture.path.write_bytes(b"no picture")
    with pytest.raises(GeometryError, match="needs two pictures that can be used, scene scene has 1 of 6"):
        ReadableViews(naming)(scene)
    assert naming.seen == ()
