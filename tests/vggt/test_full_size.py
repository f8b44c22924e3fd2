"""The network at its real size, with weights given by a formula, against results of the published implementation."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file
from warpdata_vggt import VGGT, VGGTConfig, VGGTOmega
from warpdata_vggt.formula import fill_by_formula, formula_images


@pytest.mark.parametrize(
    ("family", "file", "unused"),
    [
        (VGGT, "params_vggt_1b.json", ("point_head.", "track_head.")),
        (VGGTOmega, "params_vggt_omega_1b.json", ("text_alignment_head.",)),
    ],
)
def test_every_name_and_shape_is_the_published_one(shared, family, file, unused):
    published = json.loads((shared / "vggt" / file).read_text())["tensors"]
    with torch.device("meta"):
        network = family()
    ours = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert ours == {t["name"]: t["shape"] for t in published if not t["name"].startswith(unused)}


def test_parameter_counts():
    with torch.device("meta"):
        network = VGGT()
        omega = VGGTOmega()
    assert sum(p.numel() for p in network.parameters()) == 1_157_941_492
    assert len(network.state_dict()) == 1_341
    assert sum(p.numel() for p in omega.parameters()) == 1_143_814_185
    assert sum(b.numel() for b in omega.buffers()) == 245_792


@pytest.fixture(scope="module")
def full_network(device):
    """VGGT-1B in float32 with its formula weights."""
    with torch.device("meta"):
        network = VGGT(VGGTConfig())
    network = network.to_empty(device=device)
    fill_by_formula(network)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("case", ["2x84x126", "1x518x518", "2x294x518"])
def test_the_full_size_network(shared, full_network, device, case):
    vectors = load_file(shared / "vggt" / "golden" / f"full_{case}.safetensors")
    frames, height, width = (int(n) for n in case.split("x"))
    probe = {}
    output = full_network(formula_images(frames, (height, width)).to(device), probe)

    got = {f"pose_enc_iter{k}": pose for k, pose in enumerate(output.pose_enc_steps)}
    patches = probe["patch_tokens"]
    got["patch_tokens_probe"] = patches[:, :: max(1, patches.shape[1] // 7), ::61]
    for layer in (4, 11, 17, 23):
        got[f"agg.layer{layer}_probe"] = probe[f"agg.layer{layer}"][0][:, [0, 1, 4, 5, -1], ::61]
    got |= {"depth": output.depth, "depth_conf": output.depth_conf}
    got["depth_sub37"] = output.depth[:, :, ::37, ::37]
    got["depth_conf_sub37"] = output.depth_conf[:, :, ::37, ::37]

    tolerance = 2e-5 * (5 if device.type == "cuda" else 1)
    assert len(vectors) == 11
    for name, want in vectors.items():
        error = (got[name].cpu() - want).abs().max().item() / max(1.0, want.abs().max().item())
        print(f"{name}: {error:.2e}")
        assert math.isfinite(error), name
        assert error <= tolerance, f"{name}: {error:.3g}"
