"""Laws of the forward pass, on small random networks."""

import copy

import pytest
import torch
from warpdata_vggt import VGGT, VGGTOmega
from warpdata_vggt.layers import Block, MaskedLinear
from warpdata_vggt.reference import reference_forward

RESULTS = ("pose_enc", "depth", "depth_conf")


def assert_same(got, want, tolerance=2e-5):
    for key in RESULTS:
        torch.testing.assert_close(getattr(got, key), getattr(want, key), rtol=tolerance, atol=tolerance, msg=key)


def largest_difference(a, b):
    return max((getattr(a, key) - getattr(b, key)).abs().max().item() for key in RESULTS)


def test_results_have_their_shapes_and_ranges(network, scene):
    out = network(scene)
    frames, _, height, width = scene.shape
    assert out.pose_enc.shape == (1, frames, 9)
    assert out.depth.shape == (1, frames, height, width, 1)
    assert out.depth_conf.shape == (1, frames, height, width)
    assert all(getattr(out, key).dtype == torch.float32 for key in RESULTS)
    assert (out.depth > 0).all()
    assert (out.depth_conf > 1).all()
    assert (out.pose_enc[..., 7:] >= (0.01 if network.config.family == "omega" else 0)).all()
    assert torch.equal(out.pose_enc_steps[-1], out.pose_enc)
    assert not out.depth.requires_grad


@pytest.mark.parametrize("hw", [(42, 70), (84, 28), (70, 70), (14, 14)])
def test_the_network_is_what_its_definition_says(tiny, device, hw):
    """Chunks, tables, kept layers and the early 1x1 convolution change nothing."""
    images = torch.rand(2, 3, 3, *hw, generator=torch.Generator().manual_seed(2)).to(device)
    want = reference_forward(tiny.state_dict(), tiny.config, images)
    got = tiny(images)
    assert_same(got, want)
    for step, expected in zip(got.pose_enc_steps, want.pose_enc_steps, strict=True):
        torch.testing.assert_close(step, expected, rtol=2e-5, atol=2e-5)


def test_frames_behind_the_first_are_a_set(network, scene):
    order = [0, 3, 1, 2]
    out, permuted = network(scene), network(scene[order])
    for key in RESULTS:
        want = getattr(out, key)[:, order]
        torch.testing.assert_close(getattr(permuted, key), want, rtol=2e-5, atol=2e-5)


def test_the_first_frame_is_special(network, scene):
    swapped = network(scene[[1, 0, 2, 3]])
    out = network(scene)
    assert (swapped.pose_enc[:, [1, 0, 2, 3]] - out.pose_enc).abs().max() > 1e-3


def test_scenes_of_a_batch_do_not_see_each_other(network, scene):
    other = scene.flip(-1)
    both = network(torch.stack((scene, other)))
    for i, images in enumerate((scene, other)):
        alone = network(images)
        for key in RESULTS:
            got = getattr(both, key)[i : i + 1]
            torch.testing.assert_close(got, getattr(alone, key), rtol=2e-5, atol=2e-5)


def test_frames_of_a_scene_do_see_each_other(network, scene):
    changed = scene.clone()
    changed[3] = 1 - changed[3]
    assert (network(changed).depth[:, 0] - network(scene).depth[:, 0]).abs().max() > 1e-4


@pytest.mark.parametrize("tokens", [1, 50, 10**6])
def test_frames_at_a_time_change_nothing(network, scene, monkeypatch, tokens):
    want = network(scene)
    monkeypatch.setattr("warpdata_vggt.network.tokens_at_a_time", lambda device: tokens)
    assert_same(network(scene), want)


@pytest.mark.parametrize("head_frames", [1, 3, 100])
def test_frames_the_head_takes_at_a_time_change_nothing(network, scene, head_frames):
    assert_same(network(scene, head_frames=head_frames), network(scene))


@torch.no_grad()
def test_only_layers_that_are_read_come_out(network, scene):
    layers = network.aggregator.layers(scene[None], frozenset({0, 2}), chunk=1)
    assert [layer.index for layer in layers] == [0, 2]


def test_a_probe_changes_nothing_and_sees_every_layer(network, scene):
    probe = {}
    probed, plain = network(scene, probe), network(scene)
    for key in RESULTS:
        assert torch.equal(getattr(probed, key), getattr(plain, key))
    assert all(f"agg.layer{i}" in probe for i in range(3))


def test_nothing_waits_for_the_device(network):
    """On the meta device a value that is read back, or a branch on one, raises."""
    patch = network.config.aggregator.patch_size
    images = torch.empty(2, 3, 3, 3 * patch, 5 * patch, device="meta")
    out = copy.deepcopy(network).to("meta")(images)
    assert out.depth.shape == (2, 3, 3 * patch, 5 * patch, 1)
    assert out.depth.device.type == "meta"


def test_the_mask_token_has_no_effect(network, scene):
    changed = copy.deepcopy(network)
    with torch.no_grad():
        changed.aggregator.patch_embed.mask_token.add_(10)
    for key in RESULTS:
        assert torch.equal(getattr(changed(scene), key), getattr(network(scene), key))


def test_new_weights_reach_the_cached_tables(tiny, tiny_omega, device):
    """A resampled position embedding, or a rotation table, of the old weights must not survive a load."""
    for network, name, patch in (
        (tiny, "aggregator.patch_embed.pos_embed", 14),
        (tiny_omega, "aggregator.rope_embed.periods", 16),
    ):
        images = torch.rand(1, 3, 2 * patch, 3 * patch, generator=torch.Generator().manual_seed(3)).to(device)
        network = copy.deepcopy(network)
        before = network(images)
        state = network.state_dict()
        state[name] = 1.7 * state[name]
        network.load_state_dict(state)
        assert largest_difference(network(images), before) > 1e-4
        fresh = type(network)(network.config).to(device)
        fresh.load_state_dict(state)
        assert_same(network(images), fresh(images), 1e-6)


def test_bfloat16_is_held_once_and_only_where_it_is_meant(tiny, tiny_config, device):
    network = VGGT(tiny_config, dtype=torch.bfloat16).to(device)
    network.load_state_dict(tiny.state_dict())
    for name, parameter in network.named_parameters():
        kind = name.split(".")[-2]
        matrix = name.startswith("aggregator.") and kind in ("qkv", "proj", "fc1", "fc2")
        assert parameter.dtype == (torch.bfloat16 if matrix else torch.float32), name
    images = torch.rand(1, 3, 3, 42, 70, generator=torch.Generator().manual_seed(4)).to(device)
    probe = {}
    got, want = network(images, probe), tiny(images)
    assert probe["agg.layer2"].dtype == torch.float32
    for key in RESULTS:
        error = (getattr(got, key) - getattr(want, key)).square().mean().sqrt()
        scale = getattr(want, key).square().mean().sqrt()
        assert 1e-6 < error / scale < 0.03, key


def test_compiled_blocks_give_the_same(network, scene):
    compiled = copy.deepcopy(network)
    # Without a code generator: what is tested is that each part is one graph, and the right one.
    compiled.compile_blocks(backend="eager", fullgraph=True)
    assert_same(compiled(scene), network(scene), 1e-6)


def test_a_bias_mask_is_folded_into_the_bias(tiny_omega, tiny_omega_config, device):
    generator = torch.Generator().manual_seed(5)
    masked = {name: t.clone() for name, t in tiny_omega.state_dict().items()}
    folded = dict(masked)
    for name in masked:
        if name.endswith("bias_mask"):
            bias = name.removesuffix("_mask")
            masked[name] = torch.randn(masked[name].shape, generator=generator).to(device)
            folded[bias] = masked[bias] * masked[name]
    images = torch.rand(2, 3, 48, 32, generator=generator).to(device)
    networks = []
    for state in (masked, folded):
        network = VGGTOmega(tiny_omega_config).to(device)
        network.load_state_dict(state)
        networks.append(network)
    assert_same(networks[0](images), networks[1](images), 1e-6)
    assert largest_difference(networks[0](images), tiny_omega(images)) > 1e-3
    # What was folded once is not folded again.
    again = VGGTOmega(tiny_omega_config).to(device)
    again.load_state_dict(networks[0].state_dict())
    assert_same(again(images), networks[0](images), 1e-6)
    assert all((m.bias_mask == 1).all() for m in again.modules() if isinstance(m, MaskedLinear))


def test_register_attention_leaves_patches_alone(tiny_omega, device):
    """In layer 1 only the leading tokens pass through the cross-frame block."""
    probe = {}
    tiny_omega(torch.rand(3, 3, 32, 48, device=device), probe)
    width = tiny_omega.config.aggregator.embed_dim
    leading = tiny_omega.config.num_leading_tokens
    layer = probe["agg.layer1"]
    assert torch.equal(layer[:, :, leading:, :width], layer[:, :, leading:, width:])
    assert not torch.equal(layer[:, :, :leading, :width], layer[:, :, :leading, width:])


def test_a_block_attends_across_the_frames_it_is_told_to(device):
    torch.manual_seed(0)
    block = Block(16, 2).to(device)
    x = torch.randn(4, 3, 16, device=device)
    with torch.no_grad():
        joint, apart = x.clone(), x.reshape(2, 6, 16).clone()
        block(joint, across=2)
        block(apart)
        chunked = x.clone()
        block(chunked, across=2, chunk=1)
    torch.testing.assert_close(joint.reshape(2, 6, 16), apart)
    torch.testing.assert_close(chunked, joint)


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [((2, 3, 40, 64), "multiples"), ((3, 32, 32), r"\[B, S"), ((2, 4, 32, 32), r"\[B, S"), ((0, 3, 32, 32), r"\[B, S")],
)
def test_images_that_do_not_fit_are_refused(tiny_omega, device, shape, complaint):
    with pytest.raises(ValueError, match=complaint):
        tiny_omega(torch.rand(shape, device=device))


def test_integer_images_and_images_elsewhere_are_refused(tiny, device):
    with pytest.raises(ValueError, match="floating point"):
        tiny(torch.zeros(1, 3, 28, 28, dtype=torch.uint8, device=device))
    with pytest.raises(ValueError, match="move one"):
        tiny(torch.zeros(1, 3, 28, 28, device="meta"))
