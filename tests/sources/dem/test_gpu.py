"""The kernels for GPUs: the same bits as the CPU's and as the definition, and code for GPUs made without one."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from tests.sources.dem.terrains import look_at, rough, terrain_of
from tests.sources.dem.test_march import CAMERAS
from warpdata.errors import BackendError
from warpdata.sources.dem.march import march
from warpdata.sources.dem.terrain import Terrain
from warpdata.sources.dem.view import see

wp = pytest.importorskip("warp")
from warpdata.sources.dem import gpu_kernels  # noqa: E402
from warpdata.sources.dem.gpu_view import see_on  # noqa: E402


def walls() -> Terrain:
    heights = np.zeros((40, 64))
    heights[::5] += 60
    heights[:, ::7] += 45
    return terrain_of(heights)


TERRAINS = {"hills": terrain_of(rough()), "holes": terrain_of(rough(holes=25)), "walls": walls()}


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
@pytest.mark.parametrize("terrain", TERRAINS.values(), ids=TERRAINS)
def test_every_bit_is_that_of_the_cpu_and_of_the_definition(terrain, camera, device):
    expected, found = see(terrain, camera), see_on(device, terrain, camera)
    assert torch.equal(found.depth, march(terrain, camera).float())
    assert torch.equal(found.rgb, expected.rgb)
    assert torch.equal(found.depth, expected.depth)
    assert torch.equal(found.usable, expected.usable)


def test_fine_images_are_read_alike(device):
    """Three texels a pixel of the heights, holes in the image, footprints of many levels."""
    rng = np.random.default_rng(1)
    coarse = terrain_of(rough())
    texture = rng.integers(0, 256, (180, 270, 3), dtype=np.uint8)
    grid = type(coarse.grid)(first_xy=coarse.grid.first_xy, pitch_xy=(10.0, 25 / 3))
    terrain = Terrain(
        heights=coarse.heights,
        grid=coarse.grid,
        texture=texture,
        textured=rng.random((180, 270)) > 0.1,
        texture_grid=grid,
    )
    for distance in (700, 1800, 9000):
        camera = look_at((-0.6 * distance, -0.5 * distance, 0.7 * distance), (0, 0, 0))
        expected, found = see(terrain, camera), see_on(device, terrain, camera)
        assert torch.equal(found.rgb, expected.rgb)
        assert torch.equal(found.usable, expected.usable)
        assert found.rgb.any()
        assert found.usable.any() == (distance < 5000)


def test_a_device_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(BackendError, match=r"cannot run on cuda.*or render tiles on the CPU"):
        see(TERRAINS["hills"], CAMERAS["oblique"], torch.device("cuda"))


@pytest.mark.parametrize("arch", [80, 90])
def test_kernels_compile_ahead_of_time_and_round_every_operation(arch, tmp_path):
    wp.init()
    wp.compile_aot_module(gpu_kernels, arch=arch, module_dir=tmp_path, use_ptx=True)
    (ptx,) = tmp_path.glob("*.ptx")
    code = ptx.read_text()
    assert f".target sm_{arch}" in code
    assert re.search(r"\.entry see_pixels_\w*cuda_kernel_forward", code)
    instructions = set(re.findall(r"^\s+(?:@%\w+\s+)?([a-z]\w*(?:\.\w+)*)", code, flags=re.MULTILINE))
    assert instructions & {"mul.f64", "mul.rn.f64"}
    assert not {i for i in instructions if "f64" in i and re.search(r"fma|mad|approx|ftz", i)}


def test_where_a_view_is_rendered_is_no_part_of_what_it_is():
    pytest.importorskip("rasterio")
    from tests.sources.dem.test_source import VALLEY, source_of

    here, there = (source_of(VALLEY, dem_device=name).scene("valley_tile_0").views[0] for name in ("cpu", "cuda"))
    assert there.picture.tile.device == "cuda"
    assert there.picture.digest() == here.picture.digest()
    assert there.depth.digest() == here.depth.digest()
    if torch.cuda.is_available():
        assert torch.equal(there.picture.load(), here.picture.load())
        assert torch.equal(there.depth.load(), here.depth.load())
