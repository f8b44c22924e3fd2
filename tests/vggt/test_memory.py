"""The predicted peak against the measured one."""

import dataclasses

import pytest
import torch
from warpdata_vggt import (
    VGGT,
    AggregatorConfig,
    CameraHeadConfig,
    DenseHeadConfig,
    EncoderConfig,
    VGGTConfig,
    VGGTOmega,
)


def mid_size():
    return VGGTConfig(
        aggregator=AggregatorConfig(embed_dim=256, depth=3, num_heads=4),
        vit=EncoderConfig(depth=1, num_heads=4),
        camera_head=CameraHeadConfig(trunk_depth=1, num_heads=4),
        depth_head=DenseHeadConfig(features=64, out_channels=(64, 128, 256, 256), intermediate_layer_idx=(0, 1, 2, 2)),
    )


def peak_activations(network, images):
    """Bytes held at most during a forward pass, besides weights and images."""
    network(images)  # tables are made once, and are not part of a pass
    if images.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        network(images)
        return torch.cuda.max_memory_allocated() - before
    activity = torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[activity], profile_memory=True) as profile:
        network(images)
    live = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    return peak


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("size", "frames", "hw"),
    [
        ("tiny", 1, (140, 196)),
        ("tiny", 40, (140, 196)),  # the depth head's input and output are most of it
        ("mid", 1, (280, 392)),  # the depth head at full resolution
        ("mid", 40, (140, 196)),  # the residual stream, in more than one chunk
        ("omega", 40, (128, 192)),
    ],
)
def test_the_predicted_peak_is_the_measured_one(size, frames, hw, dtype, tiny_config, tiny_omega_config, device):
    if size == "omega":
        aggregator = dataclasses.replace(tiny_omega_config.aggregator, embed_dim=128)
        network = VGGTOmega(dataclasses.replace(tiny_omega_config, aggregator=aggregator), dtype=dtype)
    else:
        network = VGGT(tiny_config if size == "tiny" else mid_size(), dtype=dtype)
    network = network.to(device)
    plan = network.memory_plan(frames, hw)
    peak = peak_activations(network, torch.rand(1, frames, 3, *hw, device=device))
    # On a GPU convolutions take scratch memory besides, as much as cuDNN likes; of a network of real size it is little.
    scratch = 2**26 if device.type == "cuda" else 0
    assert 0.9 * (peak - scratch) < plan.activations < 1.35 * peak, f"planned {plan}, measured {peak}"


def test_weights_and_images_are_counted(tiny):
    plan = tiny.memory_plan(5, (28, 42))
    assert plan.weights == sum(t.nbytes for t in tiny.state_dict().values())
    assert plan.images == 5 * 3 * 28 * 42 * 4
    assert plan.total == plan.weights + plan.images + plan.activations


def test_the_published_networks_keep_four_fifths_of_their_weights_in_half_the_bytes():
    with torch.device("meta"):
        whole = VGGT().memory_plan(1, (392, 518))
        halved = VGGT(dtype=torch.bfloat16).memory_plan(1, (392, 518))
    assert whole.weights == 4_631_765_968
    assert halved.weights / whole.weights == pytest.approx(0.61, abs=0.01)


def test_three_hundred_frames_stay_far_below_sixty_gigabytes():
    with torch.device("meta"):
        plan = VGGT(dtype=torch.bfloat16).memory_plan(300, (392, 518))
    assert plan.total < 20e9


def test_the_head_takes_fewer_frames_where_memory_is_short(tiny, monkeypatch):
    monkeypatch.setattr("warpdata_vggt.memory.HEAD_FRAMES", {"cpu": 8, "cuda": 8})
    ample = tiny.memory_plan(20, (140, 196))
    assert ample.head_frames == 8
    short = tiny.memory_plan(20, (140, 196), activation_bytes=ample.activations * 2 // 3)
    assert 1 < short.head_frames < 8
    assert short.activations <= ample.activations * 2 // 3
    assert tiny.memory_plan(20, (140, 196), activation_bytes=0).head_frames == 1
    assert tiny.memory_plan(3, (140, 196)).head_frames == 3
    assert tiny.memory_plan(20, (140, 196), head_frames=5).head_frames == 5


def test_as_many_frames_fit_as_are_said_to(tiny):
    available = 20_000_000
    most = tiny.frames_that_fit((70, 70), available)

    def needed(frames):
        plan = tiny.memory_plan(frames, (70, 70), head_frames=1)
        return plan.images + plan.activations

    assert needed(most) <= available < needed(most + 1)
    assert tiny.frames_that_fit((70, 70), 1000) == 0


def test_a_plan_for_an_impossible_size_is_refused(tiny):
    for frames, hw in ((0, (28, 28)), (1, (27, 28)), (1, (28, 0))):
        with pytest.raises(ValueError, match="multiples of 14"):
            tiny.memory_plan(frames, hw)
