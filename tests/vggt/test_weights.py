"""Reading checkpoints strictly."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file
from warpdata_vggt import (
    VGGT,
    CheckpointError,
    VGGTConfig,
    VGGTOmega,
    VGGTOmegaConfig,
    checkpoint_config,
    load_checkpoint,
    load_network,
    save_checkpoint,
)

NAME = "depth_head.scratch.output_conv1.weight"


def state_of(network):
    return {name: tensor.contiguous() for name, tensor in network.state_dict().items()}


def test_what_is_saved_is_loaded(network, scene, tmp_path, device):
    save_checkpoint(network, tmp_path / "tiny.safetensors")
    assert checkpoint_config(tmp_path / "tiny.safetensors") == network.config
    loaded = load_network(tmp_path / "tiny.safetensors", device=device, dtype=torch.float32)
    assert type(loaded) is type(network)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert torch.equal(loaded(scene).depth, network(scene).depth)


@pytest.mark.parametrize("wrapper", [None, "model", "state_dict"])
def test_pt_files_plain_and_wrapped(tiny, tiny_config, tmp_path, wrapper):
    state = tiny.state_dict()
    torch.save(state if wrapper is None else {wrapper: state, "epoch": 3}, tmp_path / "model.pt")
    loaded = load_checkpoint(tmp_path / "model.pt", tiny_config)
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name].cpu()) for name in state)


def test_old_pt_files(tiny, tiny_config, tmp_path):
    torch.save(tiny.state_dict(), tmp_path / "model.pt", _use_new_zipfile_serialization=False)
    assert load_checkpoint(tmp_path / "model.pt", tiny_config).keys() == tiny.state_dict().keys()


def test_the_heads_that_are_not_needed_are_dropped(tiny, tiny_config, tiny_omega, tiny_omega_config, tmp_path):
    state = state_of(tiny)
    more = {"point_head.norm.weight": torch.zeros(3), "track_head.a.b": torch.zeros(2)}
    save_file(state | more, tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors", tiny_config).keys() == state.keys()
    state = state_of(tiny_omega)
    save_file(state | {"text_alignment_head.norm.weight": torch.zeros(3)}, tmp_path / "b.safetensors")
    assert load_checkpoint(tmp_path / "b.safetensors", tiny_omega_config).keys() == state.keys()


@pytest.mark.parametrize(
    "extra", ["point_headx.weight", "text_alignment_head.weight", "aggregator.point_head.weight", "x"]
)
def test_anything_else_that_is_unexpected_is_named(tiny, tiny_config, tmp_path, extra):
    save_file(state_of(tiny) | {extra: torch.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=f"1 unexpected: {extra}"):
        load_checkpoint(tmp_path / "a.safetensors", tiny_config)


def test_omega_does_not_drop_what_only_vggt_has(tiny_omega, tiny_omega_config, tmp_path):
    save_file(state_of(tiny_omega) | {"point_head.weight": torch.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"1 unexpected: point_head.weight"):
        load_checkpoint(tmp_path / "a.safetensors", tiny_omega_config)


def test_what_is_missing_or_misshapen_is_named(tiny, tiny_config, tmp_path):
    state = state_of(tiny)
    del state["camera_head.empty_pose_tokens"]
    state[NAME] = torch.zeros(8, 16, 1, 1)
    state["aggregator.camera_token"] = torch.zeros(1, 2, 1, 32, dtype=torch.int64)
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "a.safetensors", tiny_config)
    message = str(caught.value)
    assert "1 missing: camera_head.empty_pose_tokens" in message
    assert f"{NAME} [8, 16, 1, 1] instead of [8, 16, 3, 3]" in message
    assert "1 not floating point: aggregator.camera_token" in message
    assert "a.safetensors" in message


def test_the_buffers_of_omega_have_to_be_there(tiny_omega, tiny_omega_config, tmp_path):
    state = state_of(tiny_omega)
    del state["aggregator.rope_embed.periods"]
    del state["camera_head.trunk.0.attn.qkv.bias_mask"]
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="2 missing"):
        load_checkpoint(tmp_path / "a.safetensors", tiny_omega_config)


def test_the_family_is_told_by_the_names(tiny, tiny_omega, tmp_path):
    save_file(state_of(tiny), tmp_path / "a.safetensors")
    save_file(state_of(tiny_omega), tmp_path / "b.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "c.safetensors")
    assert checkpoint_config(tmp_path / "a.safetensors") == VGGTConfig()
    assert checkpoint_config(tmp_path / "b.safetensors") == VGGTOmegaConfig()
    with pytest.raises(CheckpointError, match="no checkpoint of VGGT"):
        checkpoint_config(tmp_path / "c.safetensors")
    with pytest.raises(CheckpointError, match="instead of"):
        load_network(tmp_path / "a.safetensors")


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize(
    "save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))]
)
def test_nothing_in_a_pt_file_is_run(tiny, tiny_config, tmp_path, save):
    mark = tmp_path / "mark"
    save({**tiny.state_dict(), "aggregator.x": Bomb(mark)}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="not a file of tensors alone"):
        load_checkpoint(tmp_path / "model.pt", tiny_config)
    assert not mark.exists()


def test_files_that_are_no_checkpoints_are_refused(tiny, tiny_config, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"<html>not found</html>")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_checkpoint(tmp_path / "a.safetensors", tiny_config)
    (tmp_path / "a.pt").write_bytes(b"")
    with pytest.raises(CheckpointError, match="not a file of tensors"):
        load_checkpoint(tmp_path / "a.pt", tiny_config)
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="holds a list"):
        load_checkpoint(tmp_path / "list.pt", tiny_config)
    torch.save({**tiny.state_dict(), "step": 3}, tmp_path / "more.pt")
    with pytest.raises(CheckpointError, match="no tensors: step"):
        load_checkpoint(tmp_path / "more.pt", tiny_config)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_checkpoint(tmp_path / "nowhere.safetensors", tiny_config)


def test_a_file_cut_short_is_refused(tiny, tiny_config, tmp_path):
    save_file(state_of(tiny), tmp_path / "a.safetensors")
    torch.save(state_of(tiny), tmp_path / "a.pt")
    for name in ("a.safetensors", "a.pt"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(CheckpointError):
            load_checkpoint(path, tiny_config)


@pytest.mark.parametrize(
    "config", ["{", "[]", '{"family": "other"}', '{"family": "vggt", "aggregator": {"colour": 1}}', "{}"]
)
def test_a_stored_configuration_that_cannot_be_used_is_refused(tiny, tmp_path, config):
    save_file(state_of(tiny), tmp_path / "a.safetensors", metadata={"config": config})
    with pytest.raises(CheckpointError, match="configuration"):
        load_checkpoint(tmp_path / "a.safetensors")


def test_configurations_survive_json(tiny_config, tiny_omega_config):
    for config in (tiny_config, tiny_omega_config, VGGTConfig(), VGGTOmegaConfig()):
        assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_configurations_are_checked():
    with pytest.raises(ValueError, match="unknown keys colour"):
        VGGTConfig.from_dict({"aggregator": {"colour": 1}})
    with pytest.raises(ValueError, match="found also dense_head"):
        VGGTConfig.from_dict({"dense_head": {}})
    with pytest.raises(ValueError, match="takes 'vggt'"):
        VGGTConfig.from_dict(VGGTOmegaConfig().to_dict())
    with pytest.raises(ValueError, match="there are 3"):
        VGGTConfig.from_dict({"aggregator": {"depth": 3}})


def test_half_precision_checkpoints_are_converted(tiny, tiny_config, tmp_path, device):
    half = {name: tensor.half() for name, tensor in state_of(tiny).items()}
    save_file(half, tmp_path / "a.safetensors")
    network = load_network(tmp_path / "a.safetensors", tiny_config, device=device, dtype=torch.float32)
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    assert isinstance(network, VGGT)
    assert not isinstance(network, VGGTOmega)
