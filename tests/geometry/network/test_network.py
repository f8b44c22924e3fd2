"""The real networks, tiny and random, from photographs to cached geometry: the plumbing, not the quality."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from warpdata_vggt import (
    VGGT,
    AggregatorConfig,
    CameraHeadConfig,
    DenseHeadConfig,
    EncoderConfig,
    OmegaAggregatorConfig,
    OmegaCameraHeadConfig,
    OmegaEncoderConfig,
    VGGTConfig,
    VGGTOmega,
    VGGTOmegaConfig,
    save_checkpoint,
)
from warpdata_vggt.formula import fill_by_formula

from tests.geometry.pictures import photograph, scene_of, weights_of
from warpdata.cache import GeometryCache
from warpdata.camera import project, unproject
from warpdata.config import GeometryOptions, SizeOptions
from warpdata.errors import BackendError, GeometryError, WeightsError
from warpdata.geometry.choose import choose_estimator
from warpdata.geometry.estimators import EstimatorRequest
from warpdata.geometry.network import network as network_module
from warpdata.geometry.network import row
from warpdata.geometry.network.network import VGGTNetwork, shared_network
from warpdata.programs.materialize import main

CPU = torch.device("cpu")
HEAD = DenseHeadConfig(features=8, out_channels=(8, 8, 8, 8), intermediate_layer_idx=(0, 1, 1, 1))


def tiny_network(name):
    """A random network of two layers whose cameras are sensible, so that its frames are not all left out."""
    if name == "vggt":
        network = VGGT(
            VGGTConfig(
                aggregator=AggregatorConfig(img_size=70, embed_dim=16, depth=2, num_heads=1),
                vit=EncoderConfig(depth=1, num_heads=2),
                camera_head=CameraHeadConfig(trunk_depth=1, num_heads=2),
                depth_head=HEAD,
            )
        )
        last, steps = network.camera_head.pose_branch.fc2, network.config.camera_head.num_iterations
    else:
        network = VGGTOmega(
            VGGTOmegaConfig(
                aggregator=OmegaAggregatorConfig(
                    embed_dim=16, depth=2, num_heads=1, num_register_tokens=2, register_attention_block_indices=(1,)
                ),
                vit=OmegaEncoderConfig(depth=1, num_heads=2),
                camera_head=OmegaCameraHeadConfig(num_blocks=1, num_heads=2),
                dense_head=HEAD,
            )
        )
        last, steps = network.camera_head.camera_branch[2], 1
    fill_by_formula(network)
    with torch.no_grad():
        last.weight.mul_(0.02)
        last.bias.copy_(torch.tensor([0.0, 0, 0, 0, 0, 0, 1, 0.8, 1.1]) / steps)
    return network


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for name in ("vggt", "vggt-omega"):
        save_checkpoint(tiny_network(name), folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in ("vggt", "vggt-omega")}


@pytest.fixture(autouse=True)
def fresh(one_thread):
    """No network left over from another test."""
    shared_network.cache_clear()
    row.resolved.cache_clear()


def choose(scene, checkpoint, mode="crop", **options):
    options = {"window_frames": 3, "window_overlap": 1, **options}
    request = EstimatorRequest(
        geometry=GeometryOptions(weights=str(checkpoint), **options), size=SizeOptions(preprocess_mode=mode)
    )
    return choose_estimator(scene, request, device=CPU).estimator


@pytest.mark.parametrize(
    ("name", "mode", "sizes", "expected_hw"),
    [
        ("vggt", "crop", [(48, 80), (48, 80)], (308, 518)),
        ("vggt", "crop", [(90, 40), (90, 40)], (518, 518)),  # portrait: rows are cut off
        ("vggt", "pad", [(48, 80), (90, 40)], (518, 518)),
        ("vggt", "crop", [(48, 80), (90, 40)], (518, 518)),  # mixed: the wide one is padded
        ("vggt-omega", "crop", [(48, 80), (80, 48)], (656, 656)),
    ],
)
def test_padding_and_cropped_bands_never_become_points(tmp_path, checkpoints, name, mode, sizes, expected_hw):
    paths = [photograph(tmp_path / f"{i}.png", hw, seed=i) for i, hw in enumerate(sizes)]
    frames = list(choose(scene_of(paths), checkpoints[name], mode)(scene_of(paths)).frames)
    assert len(frames) == 2
    for frame, (height, width) in zip(frames, sizes, strict=True):
        assert frame.depth.shape == expected_hw
        assert frame.image_hw == (height, width)
        image_camera = frame.image_camera
        points = unproject(frame.depth, frame.camera)[frame.depth > 0]
        xy, _ = project(points.double(), image_camera)
        assert (xy > -1e-3).all()
        assert (xy < torch.tensor([width, height]) + 1e-3).all()
        # ... and nearly all that the network saw of the picture does.
        box = frame.content_box
        shown_width = min(box.right, width) - max(box.left, 0)
        shown_height = min(box.bottom, height) - max(box.top, 0)
        map_pixel = (box.right - box.left) * (box.bottom - box.top) / frame.depth.numel()
        assert len(points) == pytest.approx(shown_width * shown_height / map_pixel, rel=0.01)
        # The network's camera looks through the middle of its input, whatever of it is picture.
        middle = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        assert image_camera.K[:2, 2].tolist() == pytest.approx(middle, abs=1e-6)


def test_content_lies_where_the_box_says(tmp_path, checkpoints):
    """A white spot in a dark picture is found in the network's input where the content box puts it."""
    network = VGGTNetwork(weights_of(checkpoints["vggt"]), "crop", CPU)
    for height, width in ((90, 40), (40, 90), (48, 80)):
        picture = torch.zeros(3, height, width, dtype=torch.uint8)
        row, column = height // 2 - 3, width // 4
        picture[:, row, column] = 255
        hw = (max(518, network.input_size((height, width))[0]), 546)
        seen = network.prepare(picture).padded(hw)
        assert seen.pixels.shape == (3, *hw)
        left, top, right, bottom = seen.content
        inside = torch.zeros(hw)
        inside[top:bottom, left:right] = seen.pixels[0, top:bottom, left:right].float()
        rows, columns = torch.meshgrid(torch.arange(hw[0]) + 0.5, torch.arange(hw[1]) + 0.5, indexing="ij")
        at_y, at_x = (rows * inside).sum() / inside.sum(), (columns * inside).sum() / inside.sum()
        box = seen.content_box
        assert box.left + at_x / hw[1] * (box.right - box.left) == pytest.approx(column + 0.5, abs=0.1)
        assert box.top + at_y / hw[0] * (box.bottom - box.top) == pytest.approx(row + 0.5, abs=0.1)
        outside = torch.ones(hw, dtype=torch.bool)
        outside[top:bottom, left:right] = False
        assert (seen.pixels[:, outside] == 255).all()


@pytest.mark.parametrize("name", ["vggt", "vggt-omega"])
def test_photographs_to_cache_and_back_without_the_network(tmp_path, checkpoints, name, monkeypatch):
    """The first run computes, in windows; the second reads the cache and never loads the network."""
    (tmp_path / "scene").mkdir()
    scene = scene_of(photograph(tmp_path / "scene" / f"{i}.jpg", (30, 64), seed=i) for i in range(4))
    loads = []
    load = network_module.VGGTNetwork
    monkeypatch.setattr(network_module, "VGGTNetwork", lambda *args, **kw: loads.append(args) or load(*args, **kw))

    first, made = GeometryCache(tmp_path / "cache").get_or_make(scene, choose(scene, checkpoints[name]))
    assert made
    assert len(loads) == 1
    assert len(first) == 4
    assert first.provenance.estimator == name
    assert first.provenance.weights == f"{name}.safetensors"
    assert len(first.provenance.weights_sha256) == 64
    assert first.report["windows"] == 2
    assert (first.frame(0).depth > 0).all()

    shared_network.cache_clear()
    second, made = GeometryCache(tmp_path / "cache").get_or_make(scene, choose(scene, checkpoints[name]))
    assert not made
    assert len(loads) == 1
    assert torch.equal(second.frame(3).depth, first.frame(3).depth)

    _, made = GeometryCache(tmp_path / "cache").get_or_make(scene, choose(scene, checkpoints[name], window_frames=4))
    assert made


def test_the_program_runs_the_whole_way_twice(tmp_path, checkpoints, monkeypatch, capsys):
    """`python -m warpdata.materialize` on plain photographs: triplets, provenance; then again from the cache."""
    (tmp_path / "in" / "garden").mkdir(parents=True)
    for i in range(3):
        photograph(tmp_path / "in" / "garden" / f"{i}.jpg", (30, 64), seed=i)
    loads = []
    load = network_module.VGGTNetwork
    monkeypatch.setattr(network_module, "VGGTNetwork", lambda *args, **kw: loads.append(args) or load(*args, **kw))
    arguments = ["--input-dir", str(tmp_path / "in"), "--geometry", "vggt", "--weights", str(checkpoints["vggt"])]
    arguments += ["--cache-dir", str(tmp_path / "cache"), "--device", "cpu", "--backend", "torch", "--quiet"]
    reports = []
    for output in ("first", "second"):
        shared_network.cache_clear()
        assert main([*arguments, "--output-dir", str(tmp_path / output)]) == 0, capsys.readouterr()
        reports.append(json.loads((tmp_path / output / "report.json").read_text()))
    assert len(loads) == 1
    first, second = (report["scenes"][0] for report in reports)
    assert first["triplets"] == second["triplets"] == 2
    assert first["provenance"] == second["provenance"]
    assert first["provenance"]["weights"] == "vggt.safetensors"
    assert first["provenance"]["weights_license"]
    pictures = sorted(path.name for path in (tmp_path / "first" / "garden").iterdir())
    assert len(pictures) > 6
    for name in pictures:
        path = ("garden", name)
        assert tmp_path.joinpath("first", *path).read_bytes() == tmp_path.joinpath("second", *path).read_bytes()


def test_scenes_share_one_network(tmp_path, checkpoints, monkeypatch):
    loads = []
    load = network_module.VGGTNetwork
    monkeypatch.setattr(network_module, "VGGTNetwork", lambda *args, **kw: loads.append(args) or load(*args, **kw))
    for number in range(3):
        scene = scene_of([photograph(tmp_path / f"{number}{i}.png", (30, 64), seed=i) for i in range(2)])
        assert len(list(choose(scene, checkpoints["vggt"])(scene).frames)) == 2
    assert len(loads) == 1


def test_the_same_pictures_give_the_same_bytes(tmp_path, checkpoints):
    scene = scene_of([photograph(tmp_path / f"{i}.png", (30, 64), seed=i) for i in range(3)])
    once, again = (list(choose(scene, checkpoints["vggt"])(scene).frames) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        assert torch.equal(one.depth, other.depth)
        assert torch.equal(one.camera.cam_from_world, other.camera.cam_from_world)


def test_too_many_frames_for_the_memory_are_refused_with_what_fits(tmp_path, checkpoints, monkeypatch):
    scene = scene_of([photograph(tmp_path / f"{i}.png", (30, 64), seed=i) for i in range(6)])
    network = VGGTNetwork(weights_of(checkpoints["vggt"]), "crop", CPU)._network
    enough_for_two = int(network.memory_plan(2, (238, 518)).total * 1.15)
    monkeypatch.setattr(network_module, "free_memory", lambda device: enough_for_two)
    with pytest.raises(GeometryError, match=r"6 frames of 518x238 .* use `window_frames=[2-5]`"):
        choose(scene, checkpoints["vggt"], window_frames=6)(scene)


def test_a_checkpoint_with_other_tensors_is_refused_by_name(tmp_path, checkpoints):
    tensors = load_file(checkpoints["vggt"])
    tensors["depth_head.extra.weight"] = tensors.pop("depth_head.norm.weight")
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="cannot be used") as caught:
        VGGTNetwork(weights_of(tmp_path / "other.safetensors"), "crop", CPU)
    assert "missing" in str(caught.value)
    assert "unexpected" in str(caught.value)


def test_compiling_changes_nothing_on_a_cpu_and_says_what_it_misses_on_a_gpu(checkpoints, monkeypatch):
    weights = weights_of(checkpoints["vggt"])
    VGGTNetwork(weights, "crop", CPU, compiled=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"Triton.*not installed; install .*leave `compile_network` away"):
        VGGTNetwork(weights, "crop", torch.device("cuda"), compiled=True)
