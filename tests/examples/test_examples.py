"""The examples and the code in the documentation run as they stand."""

import importlib.util
import io
import json
import re
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.training import write_scenes
from warpdata.config import GeometryOptions, PairOptions, RenderOptions, SizeOptions
from warpdata.programs.materialize import main as materialize
from warpdata.training.options import LoaderOptions, OrderOptions, SplitOptions

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning")


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def train_minimal(monkeypatch):
    path = REPOSITORY / "examples" / "train_minimal.py"
    spec = importlib.util.spec_from_file_location("train_minimal", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "train_minimal", module)
    spec.loader.exec_module(module)
    return module


def test_a_network_learns_and_goes_on_where_it_stopped(train_minimal, tmp_path):
    write_scenes(tmp_path / "in", {"room": 6}, hw=(48, 64))
    arguments = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out"), "--show", "room/4__0"]
    first = train_minimal.main([*arguments, "--epochs", "3"])
    assert len(first) == 3
    assert first[-1] < first[0]
    more = train_minimal.main([*arguments, "--epochs", "4"])
    assert len(more) == 1
    assert more[0] < first[0]
    assert Image.open(tmp_path / "out" / "before_after.jpg").convert("RGB").size == (3 * 160, 120)


def test_the_data_module_can_be_made_from_yaml(train_minimal, monkeypatch):
    cli = pytest.importorskip("lightning.pytorch.cli", reason="LightningCLI needs jsonargparse")
    from warpdata.training import WarpDataModule

    monkeypatch.chdir(REPOSITORY)
    arguments = ["--config", "examples/config.yaml", "--data.geometry.cache_dir", "elsewhere", "--data.pairs.pairs"]
    arguments += ["overlap", "--data.pairs.overlap_histogram", "[1, 2]", "--data.render.s0", "auto"]
    made = cli.LightningCLI(
        train_minimal.SplatRepair, WarpDataModule, args=arguments, run=False, save_config_callback=None
    )
    data = made.datamodule
    assert data.source_options.input_dir == Path("samples")
    assert data.order == OrderOptions(batch_size=4)
    assert data.loader == LoaderOptions(num_workers=1)
    assert data.split == SplitOptions()
    assert data.size == SizeOptions(resize_width=160, resize_height=120)
    assert data.pair_options == PairOptions(pairs="overlap", overlap_histogram=(1.0, 2.0), both_directions=True)
    assert data.geometry == GeometryOptions(cache_dir=Path("elsewhere"))
    assert data.render == RenderOptions(sigma=1.0)


def made_from_yaml(text, train_minimal, folder, *arguments):
    cli = pytest.importorskip("lightning.pytorch.cli", reason="LightningCLI needs jsonargparse")
    from warpdata.training import WarpDataModule

    (folder / "config.yaml").write_text(text, encoding="utf-8")
    arguments = ["--config", str(folder / "config.yaml"), *arguments]
    return cli.LightningCLI(
        train_minimal.SplatRepair, WarpDataModule, args=arguments, run=False, save_config_callback=None
    ).datamodule


def test_yaml_may_name_options_without_their_groups(train_minimal, tmp_path):
    text = "data: {input_dir: here, batch_size: 4, num_workers: 1, render_in: collate, val_fraction: 0.2, seed: 3}"
    data = made_from_yaml(text, train_minimal, tmp_path, "--data.batch_size", "8", "--data.draw_references", "true")
    assert data.order == OrderOptions(batch_size=8, draw_references=True)
    assert data.loader == LoaderOptions(num_workers=1, render_in="collate")
    assert data.split == SplitOptions(val_fraction=0.2)
    assert data.seed == 3


def test_the_command_line_changes_groups_of_the_yaml(train_minimal, tmp_path):
    text = "data: {input_dir: here, order: {batch_size: 4, drop_last: true}}"
    data = made_from_yaml(text, train_minimal, tmp_path, "--data.order.batch_size", "8", "--data.num_workers", "2")
    assert data.order == OrderOptions(batch_size=8, drop_last=True)
    assert data.loader == LoaderOptions(num_workers=2)


@pytest.mark.parametrize("wrong", ["--data.batch_sise=8", "--data.batch_size=many"])
def test_the_command_line_refuses_what_is_no_option(wrong, train_minimal, tmp_path, capsys):
    with pytest.raises(SystemExit):
        made_from_yaml("data: {input_dir: here}", train_minimal, tmp_path, wrong)
    assert "batch_si" in capsys.readouterr().err


@pytest.mark.parametrize("number", [0, 1])
def test_the_code_in_the_documentation_runs(number, tmp_path, monkeypatch):
    text = (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[number]
    write_scenes(tmp_path / "samples", {"a": 4, "b": 3})
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(compile(code, "training.md", "exec"), namespace)
    if number == 0:
        assert len([line for line in code.splitlines() if line]) <= 10
    else:
        assert namespace["state"]["epoch"] == 1
        assert namespace["state"]["index"] == 5


def example(name, monkeypatch):
    """A script of `examples/` as a module."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def test_the_quick_start_runs(tmp_path, monkeypatch):
    text = (REPOSITORY / "docs" / "start.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    monkeypatch.chdir(REPOSITORY)
    namespace = {}
    exec(compile(code, "start.md", "exec"), namespace)
    assert namespace["batch"].splat.shape == (4, 3, 480, 640)
    namespace["data"].teardown()


def test_training_from_shards_of_the_sample(tmp_path, monkeypatch):
    flags = ["--input-dir", str(REPOSITORY / "samples"), "--output-dir", str(tmp_path), "--quiet", "--no-report-page"]
    assert materialize([*flags, "--layout", "webdataset", "--resize-width", "96", "--resize-height", "72"]) == 0
    (shard,) = tmp_path.glob("*.tar")
    assert 0 < example("train_shards", monkeypatch).main([str(shard), "--epochs", "2"]) < 0.2


def test_the_warp_is_served(tmp_path, monkeypatch):
    """From the view's own camera: the view itself."""
    serve = example("serve_warp", monkeypatch)
    room = REPOSITORY / "samples" / "room"
    frames = json.loads((room / "transforms.json").read_text(encoding="utf-8"))["frames"]
    pose = next(frame["transform_matrix"] for frame in frames if "004" in frame["file_path"])
    with serve.make_server(serve.Splatter(room, "004"), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"

        def post(body):
            with urllib.request.urlopen(url, data=json.dumps(body).encode(), timeout=60) as answer:
                return answer.read()

        picture = np.asarray(Image.open(io.BytesIO(post({"transform_matrix": pose}))))
        with pytest.raises(urllib.error.HTTPError, match="400"):
            post({"transform_matrix": [[1]]})
        server.shutdown()
    np.testing.assert_array_equal(picture, np.asarray(Image.open(room / "images" / "004.jpg").convert("RGB")))
