"""What callers may give, and what they are told otherwise."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from jaxtyping import TypeCheckError

from tests.render.views import pair
from warpdata.errors import BackendError
from warpdata.render import BACKENDS, RenderOptions, estimate_s0, warp
from warpdata.render.api import check_tensor
from warpdata.render.backends import choose_backend


def test_wrong_types_and_sizes_are_refused():
    image, depth, reference, target = pair()
    for wrong_image, wrong_depth in [
        (image.float(), depth),
        (image, depth.double()),
        (image[:2], depth),
        (image[0], depth),
    ]:
        with pytest.raises((ValueError, TypeCheckError)):
            warp(wrong_image, wrong_depth, reference, target)
    with pytest.raises(ValueError, match=r"size \(20, 34\)"):
        warp(image, depth, replace(reference, hw=(20, 34)), target)
    with pytest.raises(ValueError, match="sides of 1 or more"):
        warp(image, depth, reference, replace(target, hw=(0, 5)))
    with pytest.raises(ValueError, match="unknown backend 'gl'"):
        warp(image, depth, reference, target, backend="gl")


def test_messages_name_what_was_found():
    """Without the shape checks of the test run, the function's own message is what a caller sees."""
    with pytest.raises(
        ValueError, match=r"image must be torch.uint8 of shape \(..., 3, H, W\), found torch.float32 \[4, 5\]"
    ):
        check_tensor("image", torch.zeros(4, 5), torch.uint8, "(..., 3, H, W)", channels_at=-3)


def test_auto_names_the_backend_that_ran():
    image, depth, reference, target = pair()
    out = warp(image, depth, reference, target)
    assert out.backend == ("numba" if "numba" in BACKENDS else "torch")


def test_importing_the_package_loads_no_gpu_code():
    code = "import sys, warpdata.render; print([m for m in ('warp', 'numba') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_warp_on_a_device_it_cannot_use_says_why():
    from warpdata.gpu_kernel import warp_device

    with pytest.raises(BackendError, match=r"cannot run on cuda:63: .*choose backend='torch'"):
        warp_device(torch.device("cuda:63"))


@pytest.mark.parametrize(("backend", "device"), [("numba", "cuda:0"), ("warp", "mps")])
def test_backends_refuse_devices_they_do_not_know(backend, device):
    with pytest.raises(BackendError, match=f"{backend} backend renders tensors on cpu.*, these are on {device}"):
        choose_backend(backend, torch.device(device))


def test_auto_takes_the_definition_on_other_devices():
    assert choose_backend("auto", torch.device("mps")) is BACKENDS["torch"]


def test_the_automatic_s0_is_a_pixel_at_the_median_depth():
    """fx = 4, fy = 3: a pixel at depth 1 is (1/4, 1/3) wide, its diagonal 5/12."""
    K = torch.tensor([[4.0, 0, 1], [0, 3.0, 1], [0, 0, 1]])
    depth = torch.tensor([[[1.0, 0.0, 12.0], [torch.nan, 2.0, -1.0]], [[1.0, 3.0, 5.0], [9.0, torch.inf, 0.0]]])
    torch.testing.assert_close(estimate_s0(depth, K), torch.tensor([2.0, 4.0]) * 5 / 12)
    assert estimate_s0(torch.zeros(2, 3), K).item() == pytest.approx(0.005)


def test_a_given_s0_replaces_the_automatic_one(backend, device):
    image, depth, reference, target = pair()
    image, depth = image.to(device), depth.to(device)
    estimated = estimate_s0(depth, reference.K)

    def visible(s0=None, s0_option="auto"):
        options = RenderOptions(
            version=1, s0=s0_option, occlusion_threshold=0.8
        )  # high, so that the neighbourhood matters
        return warp(image, depth, reference, target, s0=s0, options=options, backend=backend).visible

    assert torch.equal(visible(), visible(estimated))
    assert torch.equal(visible(), visible(s0_option=estimated.item()))
    assert torch.equal(visible(), visible(estimated, s0_option=estimated.item() / 100))
    assert not torch.equal(visible(), visible(estimated / 100))
