"""The table of estimators: light to read, complete, and open to other packages."""

import subprocess
import sys
from dataclasses import dataclass, is_dataclass
from importlib.metadata import EntryPoint

import pytest
import torch

from tests.scenes import write_photos, write_scene
from warpdata.cache.provider import GeometryProvider
from warpdata.config import FilterOptions, GeometryOptions, SizeOptions, SourceOptions
from warpdata.errors import PluginError
from warpdata.geometry.choose import choose_estimator
from warpdata.geometry.estimators import (
    AS_ITS_WEIGHTS,
    ESTIMATORS,
    EstimatorRequest,
    EstimatorRow,
    MemoryPlan,
    nothing_said,
)
from warpdata.geometry.given import GivenEstimator
from warpdata.geometry.types import FrameFailure, FrameGeometry, Provenance, SceneGeometry
from warpdata.plugins import OwnOptions
from warpdata.programs.flags import flags_of
from warpdata.sources import open_source

CPU = torch.device("cpu")


def test_reading_names_and_options_loads_nothing_heavy():
    heavy = ["torch", "numpy", "numba", "cv2", "pycolmap", "onnxruntime", "warpdata_vggt"]
    program = (
        "import sys\nfrom warpdata.geometry.estimators import ESTIMATORS\n"
        "rows = [(row.name, row.about, row.options, row.unavailable()) for row in ESTIMATORS]\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert child.stdout.strip() == "[]", child.stderr


def test_the_order_of_auto():
    assert list(ESTIMATORS._own) == ["given", "vggt", "vggt-omega", "da3", "map-anything", "moge", "external", "sfm"]
    assert [row.name for row in ESTIMATORS if row.suits is not nothing_said] == ["given", "vggt", "vggt-omega", "sfm"]
    assert [row.name for row in ESTIMATORS if row.last_resort] == ["sfm"]


@pytest.mark.parametrize("name", list(ESTIMATORS._own))
def test_every_row_says_what_it_is(name):
    row = ESTIMATORS[name]
    assert row.name == name
    assert 20 < len(row.about) < 100
    assert row.memory.about.endswith(".")
    assert bool(row.way_out) == (row.suits is not nothing_said)
    assert row.license in (None, AS_ITS_WEIGHTS)
    assert row.options is None or is_dataclass(row.options)
    row.options and row.options()  # has defaults


@pytest.mark.parametrize("name", ["vggt", "vggt-omega"])
def test_the_memory_of_a_network_is_known_before_it_is_loaded(name):
    peak = ESTIMATORS[name].memory.peak_bytes
    hw = (392, 518) if name == "vggt" else (400, 512)
    one, many = peak(1, hw, CPU), peak(24, hw, CPU)
    assert 3.5e9 < one < many < 40e9  # a billion parameters in 32 bits, and activations


@dataclass(frozen=True, kw_only=True)
class FlatOptions:
    """Options of an estimator of another package."""

    flat_depth: float = 2.0
    """Depth of everything."""


class FlatEstimator:
    """The scene's cameras, and one depth for everything; one view it does without."""

    def __init__(self, depth, work_dir):
        self.depth, self.work_dir = depth, work_dir

    @property
    def provenance(self):
        return Provenance(estimator="flat", options={"depth": self.depth})

    def __call__(self, scene, *, progress=None):
        folder = self.work_dir(self.provenance)
        folder.mkdir(parents=True)
        (folder / "half-done").write_text("half-done")

        def outcomes():
            for outcome in GivenEstimator()(scene):
                if outcome.name == "1":
                    yield FrameFailure(name="1", reason="too round")
                elif isinstance(outcome, FrameGeometry):
                    yield FrameGeometry(**{**vars(outcome), "depth": torch.full_like(outcome.depth, self.depth)})
            return {"folder": folder.name}

        return SceneGeometry(scene_id=scene.id, scale=scene.scale, provenance=self.provenance, outcomes=outcomes())


def build(request, device, work_dir):
    return FlatEstimator(request.own.of(FlatOptions).flat_depth, work_dir)


def flat_row(**changes):
    row = {
        "name": "flat",
        "about": "one depth for everything",
        "build": build,
        "memory": MemoryPlan(about="One map."),
        "license": "for round earths only",
        "options": FlatOptions,
    }
    return EstimatorRow(**(row | changes))


ROW = flat_row()
MISNAMED = flat_row(name="round")
EAGER = flat_row(suits=lambda scene, request: "the earth is flat")


@pytest.fixture
def plugin(monkeypatch):
    """Adds an estimator of another package, called flat, to the table."""

    def add(attribute):
        point = EntryPoint(name="flat", value=f"{__name__}:{attribute}", group="warpdata.estimators")
        monkeypatch.setattr("warpdata.plugins.entry_points", lambda group: [point] if group == point.group else [])
        monkeypatch.setattr(ESTIMATORS, "_loaded", {})
        monkeypatch.setattr(ESTIMATORS, "_failed", {})
        ESTIMATORS.__dict__.pop("_foreign", None)

    yield add
    ESTIMATORS.__dict__.pop("_foreign", None)


@pytest.fixture
def scene(tmp_path):
    write_scene(tmp_path / "in" / "s", 3)
    return open_source(SourceOptions(input_dir=tmp_path / "in")).scene("s")


def provider(tmp_path, geometry, *own):
    options = GeometryOptions(geometry=geometry, cache_dir=tmp_path / "cache")
    return GeometryProvider(options, SizeOptions(), FilterOptions(), CPU, OwnOptions(*own))


def test_another_packages_estimator_works_with_its_own_options(plugin, scene, tmp_path):
    plugin("ROW")
    assert ESTIMATORS.names[-1] == "flat"
    known = provider(tmp_path, "flat", FlatOptions(flat_depth=5.0))(scene)
    assert known.entry.provenance == Provenance(estimator="flat", options={"depth": 5.0})
    assert known.entry.names == ("0", "2")
    assert known.entry.left_out == {"1": "too round"}
    assert (known.entry.frame(0).depth == 5.0).all()
    assert known.reason == "flat, as asked for: licence for round earths only"
    assert not known.cached
    # The folder it worked in was its own, and is gone once the result is kept.
    assert known.entry.report["folder"] == known.entry.key
    assert not list((tmp_path / "cache" / "work").iterdir())
    assert provider(tmp_path, "flat", FlatOptions(flat_depth=5.0))(scene).cached
    assert not provider(tmp_path, "flat")(scene).cached


def test_broken_pictures_are_kept_from_another_packages_estimator(plugin, tmp_path):
    """It need not decode them itself: a row says so where its estimator does."""
    plugin("ROW")
    write_scene(tmp_path / "in" / "s", 4)
    scene = open_source(SourceOptions(input_dir=tmp_path / "in")).scene("s")
    path = scene.views[0].picture.path
    path.write_bytes(path.read_bytes()[:-100])
    entry = provider(tmp_path, "flat")(scene).entry
    assert entry.names == ("2", "3")
    assert list(entry.left_out) == ["0", "1"]
    assert "0.png" in entry.left_out["0"]


def test_it_takes_part_in_auto_where_its_row_says_so(plugin, tmp_path):
    scene = open_source(SourceOptions(input_dir=write_photos(tmp_path / "s"))).scene("s")
    plugin("ROW")
    assert provider(tmp_path, "auto").provenance(scene).estimator != "flat"
    plugin("EAGER")
    assert provider(tmp_path, "auto").provenance(scene).estimator == "flat"
    choice = choose_estimator(scene, EstimatorRequest(), device=CPU)
    assert choice.reason.startswith("flat, the scene ships no camera")


def test_a_row_that_cannot_be_loaded_costs_itself(plugin, scene, tmp_path, caplog):
    plugin("MISNAMED")
    with pytest.raises(PluginError, match="expected a EstimatorRow named 'flat'"):
        provider(tmp_path, "flat")(scene)
    assert provider(tmp_path, "auto")(scene).reason.startswith("given")


def test_a_name_that_is_none_is_refused_before_anything_is_opened(tmp_path):
    with pytest.raises(
        ValueError,
        match=r'`geometry="dust3r"`: .* choose from auto, given, vggt, .*, sfm',
    ):
        provider(tmp_path, "dust3r")
    assert not (tmp_path / "cache").exists()


def test_options_of_rows_have_different_names():
    """Flags are made of them, without the rows' names in front; rows may share their options."""
    kinds = {row.options for row in ESTIMATORS if row.options}
    flags = [flag.flag for kind in kinds for flag in flags_of(kind)]
    assert len(flags) == len(set(flags))
