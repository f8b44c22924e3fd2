"""Maps survive encoding to the stated error, and what no encoder wrote is refused before memory is taken."""

import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from warpdata.cache.codec import CONFIDENCE_BITS, DEPTH_BITS, decode_map, encode_map
from warpdata.camera import Camera, project, unproject

LARGEST = float(np.finfo(np.float32).max)
maps = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
)


def round_trip(values, **options):
    description, content = encode_map(values, **options)
    return decode_map(description, content, values.shape)


@given(maps, st.integers(1, 23))
def test_any_map_comes_back_to_its_relative_error(values, bits):
    """Whatever the numbers: what is no depth becomes 0, all else keeps 2^-(bits + 1)."""
    valid = np.isfinite(values) & (values > 0)
    decoded = round_trip(values, mantissa_bits=bits)
    assert decoded.dtype == np.float32
    assert np.isfinite(decoded).all()
    # Below the normal numbers float32 itself is coarser; next to the largest number there is nothing to round up to.
    normal = valid & (values >= np.finfo(np.float32).tiny) & (values < LARGEST / 2)
    error = np.abs(decoded[normal].astype(float) / values[normal] - 1)
    assert (error <= 2.0 ** -(bits + 1)).all()
    assert (decoded[~valid] == 0).all()


@given(arrays.arrays(np.uint16, (7, 5)), st.sampled_from([0.001, 1.0, 0.25, 1 / 3000]))
def test_16_bit_depth_comes_back_exactly(stored, unit):
    depth = stored.astype(np.float32) * np.float32(unit)
    assert np.array_equal(round_trip(depth, mantissa_bits=DEPTH_BITS, unit=unit), depth)


@pytest.mark.filterwarnings("error")
@given(maps, st.one_of(st.just(0.001), st.floats()))
def test_a_unit_that_does_not_fit_costs_no_precision(depth, unit):
    depth = np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))
    plain = round_trip(depth, mantissa_bits=DEPTH_BITS)
    with_unit = round_trip(depth, mantissa_bits=DEPTH_BITS, unit=unit)
    assert np.array_equal(with_unit, plain) or np.array_equal(with_unit, depth)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, LARGEST / 2])
def test_a_constant_is_kept_exactly_in_no_bytes(value):
    values = np.full((30, 20), value, np.float32)
    description, content = encode_map(values, mantissa_bits=CONFIDENCE_BITS)
    assert content == b""
    assert np.array_equal(decode_map(description, content, (30, 20)), values)


def test_a_map_in_column_order_is_the_same_map():
    values = np.asfortranarray(np.arange(1, 36, dtype=np.float32).reshape(5, 7))
    assert encode_map(values, mantissa_bits=9) == encode_map(np.ascontiguousarray(values), mantissa_bits=9)


def test_holes_cost_little_and_lie_where_they_lay():
    y, x = np.mgrid[:100, :120].astype(np.float32)
    depth = 2 + x / 50 + y / 70
    holes = np.random.default_rng(0).random(depth.shape) < 0.3
    holed = np.where(holes, np.float32(0), depth)
    full, with_holes = (encode_map(values, mantissa_bits=DEPTH_BITS)[1] for values in (depth, holed))
    assert np.array_equal(round_trip(holed, mantissa_bits=DEPTH_BITS) == 0, holes)
    assert len(with_holes) < len(full) + depth.size * 1.6


@pytest.mark.parametrize("threshold", [1.01, 1.5, 3.0])
def test_only_confidence_next_to_the_threshold_changes_sides(threshold):
    confidence = 1 + np.exp(np.random.default_rng(0).normal(-4, 3, (300, 300))).astype(np.float32)
    decoded = 1 + round_trip(confidence - 1, mantissa_bits=CONFIDENCE_BITS)
    changed = (confidence >= threshold) != (decoded >= threshold)
    assert (np.abs(confidence[changed] - threshold) <= (threshold - 1) / 127 + 1e-6).all()


@pytest.mark.parametrize("baseline", [(1.5, 0, 0), (0.3, -0.2, -0.8), (0.2, 0.1, 0.6)])
def test_points_move_by_less_than_a_twentieth_of_a_pixel(baseline):
    """Depth over two decades at 518 x 392, seen from a camera a depth away: points that land in its picture stay."""
    hw = (392, 518)
    depth = torch.from_numpy(np.exp(np.random.default_rng(0).uniform(0, 4.6, hw)).astype(np.float32))
    stored = torch.from_numpy(round_trip(depth.numpy(), mantissa_bits=DEPTH_BITS))
    K = torch.tensor([[420.0, 0, 250], [0, 410, 200], [0, 0, 1]], dtype=torch.float64)
    here = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=hw)
    moved = torch.eye(4, dtype=torch.float64)
    moved[:3, 3] = -torch.tensor(baseline, dtype=torch.float64)
    there = Camera(K=K, cam_from_world=moved, hw=hw)
    before, z = project(unproject(depth.double(), here).reshape(-1, 3), there)
    after, _ = project(unproject(stored.double(), here).reshape(-1, 3), there)
    seen = (z > 0.05) & ((before >= 0) & (before <= torch.tensor([518.0, 392.0]))).all(dim=-1)
    assert seen.sum() > 10_000
    assert (after - before)[seen].norm(dim=-1).max() <= 0.05


def test_the_shift_of_a_point_is_bounded_by_its_parallax():
    """The bound in the module's docstring, for any motion: error * parallax * z_0 / z_t."""
    rng = np.random.default_rng(1)
    depth = torch.from_numpy(np.exp(rng.uniform(-2, 6, (60, 70))).astype(np.float32))
    stored = torch.from_numpy(round_trip(depth.numpy(), mantissa_bits=DEPTH_BITS))
    K = torch.tensor([[90.0, 0, 30], [0, 80, 33], [0, 0, 1]], dtype=torch.float64)
    here = Camera(K=K, cam_from_world=torch.eye(4, dtype=torch.float64), hw=(60, 70))
    points, stored_points = (unproject(values.double(), here).reshape(-1, 3) for values in (depth, stored))
    for _ in range(20):
        rotation = torch.linalg.qr(torch.eye(3, dtype=torch.float64) + 0.2 * torch.from_numpy(rng.normal(size=(3, 3))))[
            0
        ]
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, :3] = rotation * torch.sign(torch.diagonal(rotation))
        pose[:3, 3] = torch.from_numpy(rng.normal(size=3))
        there = Camera(K=K, cam_from_world=pose, hw=(60, 70))
        turned = Camera(K=K, cam_from_world=torch.block_diag(pose[:3, :3], torch.ones(1, 1).double()), hw=(60, 70))
        before, z = project(points, there)
        after, _ = project(stored_points, there)
        at_infinity, z_without_baseline = project(points, turned)  # a rotation alone moves a point to where it vanishes
        ahead = (z > 0.05 * z_without_baseline) & (z_without_baseline > 0)
        bound = 2**-15 * (before - at_infinity).norm(dim=-1) * z_without_baseline / z
        shift = (after - before).norm(dim=-1)
        assert (shift <= bound * 1.002 + 1e-9)[ahead].all()


def hostile(planes=1, holes=False, hw=(4, 4), raw=bytes(16), **changes):
    return (
        {"encoding": "rounded", "mantissa_bits": 14, "planes": planes, "holes": holes} | changes,
        zlib.compress(raw),
        hw,
    )


@pytest.mark.parametrize(
    "case",
    [
        hostile(encoding="pickle"),
        hostile(encoding=None),
        hostile(mantissa_bits=0),
        hostile(mantissa_bits=24),
        hostile(mantissa_bits="14"),
        hostile(planes=0),
        hostile(planes=5),
        hostile(planes=10**30),
        hostile(planes=-1),
        hostile(holes=None),
        hostile(holes=True),
        hostile(planes=2),
        hostile(raw=bytes(17)),
        hostile(raw=b"\xff" * 16),
        hostile(hw=(20_000, 20_000)),
        hostile(encoding="multiple", unit=0.0),
        hostile(encoding="multiple", unit=float("inf")),
        hostile(encoding="multiple", unit="1"),
        ({"encoding": "constant", "value": float("nan")}, b"", (4, 4)),
        ({"encoding": "constant", "value": -1.0}, b"", (4, 4)),
        ({"encoding": "constant"}, b"", (4, 4)),
        ({"encoding": "rounded", "mantissa_bits": 14, "planes": 1, "holes": False}, b"no deflate", (4, 4)),
        (
            {"encoding": "rounded", "mantissa_bits": 14, "planes": 1, "holes": False},
            zlib.compress(bytes(16))[:-1],
            (4, 4),
        ),
        (
            {"encoding": "rounded", "mantissa_bits": 14, "planes": 1, "holes": False},
            zlib.compress(bytes(16)) + b"x",
            (4, 4),
        ),
        (
            {"encoding": "rounded", "mantissa_bits": 14, "planes": 1, "holes": False},
            zlib.compress(bytes(10**7)),
            (4, 4),
        ),
    ],
)
def test_what_no_encoder_wrote_is_refused_without_taking_memory(case):
    tracemalloc.start()
    with pytest.raises(ValueError):
        decode_map(*case)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@given(st.binary(max_size=60), st.integers(1, 4), st.booleans())
def test_any_bytes_give_a_map_or_a_value_error(content, planes, holes):
    for stream in (content, zlib.compress(content)):
        try:
            decoded = decode_map(hostile(planes=planes, holes=holes)[0], stream, (3, 4))
        except ValueError:
            continue
        assert decoded.shape == (3, 4)
        assert np.isfinite(decoded).all()
        assert (decoded >= 0).all()
