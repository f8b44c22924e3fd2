"""Small random networks in which every parameter matters."""

import pytest
import torch
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
)
from warpdata_vggt.formula import fill_by_formula

HEAD = DenseHeadConfig(features=16, out_channels=(16, 20, 24, 32), intermediate_layer_idx=(0, 1, 1, 2))


@pytest.fixture(autouse=True)
def _one_thread(request):
    """Networks this small lose more to waiting threads than they gain."""
    threads = torch.get_num_threads()
    if request.node.get_closest_marker("slow") is None:
        torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _exact_convolutions(monkeypatch):
    """On CUDA convolutions are rounded to TF32 unless this is off."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture(scope="session")
def tiny_config():
    """VGGT of three layers."""
    return VGGTConfig(
        aggregator=AggregatorConfig(img_size=70, embed_dim=32, depth=3, num_heads=2),
        vit=EncoderConfig(depth=2, num_heads=4),
        camera_head=CameraHeadConfig(trunk_depth=2, num_heads=4),
        depth_head=HEAD,
    )


@pytest.fixture(scope="session")
def tiny_omega_config():
    """VGGT-Omega of three layers, one of them with register attention."""
    return VGGTOmegaConfig(
        aggregator=OmegaAggregatorConfig(
            embed_dim=32, depth=3, num_heads=2, num_register_tokens=3, register_attention_block_indices=(1,)
        ),
        vit=OmegaEncoderConfig(depth=2, num_heads=4),
        camera_head=OmegaCameraHeadConfig(num_blocks=2, num_heads=4),
        dense_head=HEAD,
    )


@pytest.fixture(scope="session")
def tiny(tiny_config, device):
    network = VGGT(tiny_config)
    fill_by_formula(network)
    return network.to(device)


@pytest.fixture(scope="session")
def tiny_omega(tiny_omega_config, device):
    network = VGGTOmega(tiny_omega_config)
    fill_by_formula(network)
    return network.to(device)


@pytest.fixture(params=["vggt", "omega"])
def network(request):
    """Each family in turn."""
    return request.getfixturevalue("tiny" if request.param == "vggt" else "tiny_omega")


@pytest.fixture
def scene(network, device):
    """Four frames, wider than high: [4, 3, H, W] for the network at hand."""
    patch = network.config.aggregator.patch_size
    return torch.rand(4, 3, 3 * patch, 5 * patch, generator=torch.Generator().manual_seed(1)).to(device)
