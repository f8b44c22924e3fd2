"""Which estimator a scene gets: the order of `auto`, what each choice insists on, and that nothing comes unasked."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

import warpdata.geometry
from tests.geometry.exact import walking_camera
from tests.geometry.pictures import numbered, scene_of
from warpdata.config import GeometryOptions, SizeOptions
from warpdata.errors import GeometryError, WeightsError
from warpdata.geometry.choose import choose_estimator
from warpdata.geometry.estimators import EstimatorRequest
from warpdata.geometry.given import GivenEstimator
from warpdata.geometry.network import row as network_row
from warpdata.geometry.network.estimator import NetworkEstimator
from warpdata.geometry.sfm.estimator import SfmEstimator
from warpdata.geometry.sfm.options import SfmOptions
from warpdata.plugins import OwnOptions
from warpdata.sources.scene import DepthFile

CPU = torch.device("cpu")


def without_pycolmap(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name == "pycolmap" else find(name, *rest)
    )


def with_pycolmap(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: object())


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    """No weights, no network, no pycolmap; tests add what they are about."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    without_pycolmap(monkeypatch)
    network_row.resolved.cache_clear()


@pytest.fixture
def plain(tmp_path):
    return scene_of([numbered(tmp_path / f"{name}.png", 0, (36, 52)) for name in "abcd"])


@pytest.fixture
def full(tmp_path, plain):
    paths = [view.picture.path for view in plain.views]
    camera, depth = walking_camera(0, (36, 52)), DepthFile(path=tmp_path / "depth.npy")
    return scene_of(paths, camera=[camera] * 4, depth=[depth] * 4)


@pytest.fixture
def weights(tmp_path):
    save_file({"depth_head.norm.weight": torch.ones(1)}, tmp_path / "vggt.safetensors")
    save_file({"dense_head.norm.weight": torch.ones(1)}, tmp_path / "omega.safetensors")
    return {"vggt": str(tmp_path / "vggt.safetensors"), "vggt-omega": str(tmp_path / "omega.safetensors")}


def choose(scene, *, size=None, own=None, work_dir=None, **options):
    request = EstimatorRequest(geometry=GeometryOptions(**options), size=size or SizeOptions(), own=own or OwnOptions())
    choice = choose_estimator(scene, request, device=CPU, work_dir=work_dir)
    assert choice.row.name == choice.estimator.provenance.estimator
    return choice.estimator, choice.reason


def in_hub_cache(tmp_path, repo, name):
    folder = tmp_path / "hub" / f"models--{repo.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_file({"depth_head.norm.weight": torch.ones(1)}, folder / "snapshots" / ("0" * 40) / name)


def test_auto_takes_what_the_scene_ships(full, weights):
    estimator, reason = choose(full, weights=weights["vggt"])
    assert isinstance(estimator, GivenEstimator)
    assert reason == "given: the scene ships camera and depth of every view"


@pytest.mark.parametrize("network", ["vggt", "vggt-omega"])
def test_auto_takes_the_network_of_the_weights_given(plain, weights, network):
    estimator, reason = choose(plain, weights=weights[network])
    assert isinstance(estimator, NetworkEstimator)
    assert estimator.provenance.estimator == network
    assert reason == (
        f"{network}, the scene ships no camera for any view and no depth for any view, and `weights` are given: "
        f"{Path(weights[network]).name}, licence unknown: see where the file comes from"
    )


def test_auto_takes_published_weights_that_are_here(plain, tmp_path):
    in_hub_cache(tmp_path, "facebook/VGGT-1B", "model.safetensors")
    estimator, reason = choose(plain)
    assert estimator.provenance.weights == f"facebook/VGGT-1B/model.safetensors@{'0' * 40}"
    assert "on this machine" in reason


def test_auto_turns_to_structure_from_motion_and_fetches_nothing(plain, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with_pycolmap(monkeypatch)
    monkeypatch.setattr(
        "warpdata.geometry.network.weights.resolve_weights", lambda *_: pytest.fail("weights were asked for")
    )
    estimator, reason = choose(plain)
    assert isinstance(estimator, SfmEstimator)
    assert reason == (
        "sfm: the scene ships no camera for any view and no depth for any view, and no network weights are at hand"
    )


def test_the_options_of_sfm_reach_it(plain, monkeypatch):
    with_pycolmap(monkeypatch)
    estimator, reason = choose(plain, geometry="sfm", own=OwnOptions(SfmOptions(sources=3)))
    assert estimator.provenance.options["sources"] == 3
    assert reason == "sfm, as asked for"


def test_no_folder_is_asked_for_to_learn_the_provenance(plain, monkeypatch):
    with_pycolmap(monkeypatch)
    estimator, _ = choose(plain, geometry="sfm", work_dir=lambda provenance: pytest.fail("work began"))
    assert estimator.provenance.estimator == "sfm"


def test_a_name_that_is_none_is_refused_with_those_there_are(plain):
    with pytest.raises(
        ValueError,
        match=r"there is no estimator 'dust3r'; choose from given, vggt, .*, sfm",
    ):
        choose(plain, geometry="dust3r")


def test_auto_without_any_way_names_three(plain):
    with pytest.raises(GeometryError) as caught:
        choose(plain)
    for way in ("transforms.json", '`geometry="vggt"` to download facebook/VGGT-1B', "pip install 'warpdata[sfm]'"):
        assert way in str(caught.value)


def test_given_insisted_on_without_geometry_names_what_is_missing(tmp_path, plain, full):
    with pytest.raises(GeometryError, match="no camera for any view and no depth for any view"):
        choose(plain, geometry="given")
    cameras = [view.camera for view in full.views]
    half = scene_of([view.picture.path for view in plain.views], camera=[cameras[0], None, None, None])
    with pytest.raises(GeometryError, match=r"no camera for 3 of 4 views \(b, c, d\) and no depth for any view"):
        choose(half, geometry="given")
    assert isinstance(choose(full, geometry="given")[0], GivenEstimator)


def test_a_network_insisted_on_is_used_even_where_the_scene_ships_geometry(full, weights):
    estimator, reason = choose(full, geometry="vggt", weights=weights["vggt"])
    assert estimator.provenance.estimator == "vggt"
    assert "as asked for" in reason


def test_a_network_insisted_on_without_weights_would_be_fetched(plain):
    with pytest.raises(WeightsError, match=r"facebook/VGGT-Omega/vggt_omega_1b_512\.pt.*HF_HUB_OFFLINE"):
        choose(plain, geometry="vggt-omega")


def test_weights_for_the_other_network_are_refused(plain, weights):
    with pytest.raises(WeightsError, match='`geometry="vggt-omega"` or other weights'):
        choose(plain, geometry="vggt", weights=weights["vggt-omega"])


def test_sfm_insisted_on_without_pycolmap(plain):
    with pytest.raises(GeometryError, match=r"pip install 'warpdata\[sfm\]'"):
        choose(plain, geometry="sfm")


def test_given_poses_need_cameras(plain, weights):
    with pytest.raises(GeometryError, match="ships no camera"):
        choose(plain, poses="given", weights=weights["vggt"])


def test_all_that_results_depend_on_is_in_the_provenance(full, weights):
    def provenance(**options):
        return choose(full, geometry="vggt", weights=weights["vggt"], **options)[0].provenance

    base = provenance()
    assert provenance(window_frames=30) != base
    assert provenance(window_overlap=10) != base
    assert provenance(poses="given") != base
    assert provenance(size=SizeOptions(preprocess_mode="pad")) != base


def test_importing_the_package_loads_nothing_heavy():
    program = (
        "import sys, warpdata.geometry, warpdata.geometry.choose, warpdata.geometry.network.estimator\n"
        "print([m for m in ('warpdata_vggt', 'pycolmap', 'onnxruntime', 'onnx') if m in sys.modules])"
    )
    root = Path(warpdata.geometry.__file__).parents[2]
    child = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=120)
    assert child.stdout.strip() == "[]", child.stderr


def test_every_public_name_can_be_loaded():
    for name in warpdata.geometry.__all__:
        assert getattr(warpdata.geometry, name) is not None
    with pytest.raises(AttributeError):
        warpdata.geometry.nothing  # noqa: B018
