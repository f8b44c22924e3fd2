"""Rotation, the resampled position embedding and the position map."""

import math

import pytest
import torch
from warpdata_vggt import (
    RopeTable,
    grid_positions,
    omega_rope_table,
    position_map,
    resample_position_embedding,
    rope_table,
    rotate,
)


def test_grid_positions_by_hand():
    assert grid_positions((2, 3), 2).tolist() == [[0, 0], [0, 0], [1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]


def test_rotation_by_hand():
    """Width 8: features 0..3 turn with the row, 4..7 with the column; pairs (0, 2), (1, 3), (4, 6), (5, 7)."""
    x = torch.tensor([1.0, 0, 0, 2, 3, 0, 0, 0])
    got = rotate(x, rope_table(torch.tensor([2, 5]), 8))
    # Angles: position * 100^-(0, 1/2) = 2, 0.2 for the row and 5, 0.5 for the column.
    want = [math.cos(2), -2 * math.sin(0.2), math.sin(2), 2 * math.cos(0.2), 3 * math.cos(5), 0, 3 * math.sin(5), 0]
    torch.testing.assert_close(got, torch.tensor(want))


def test_position_zero_turns_nothing_and_no_position_changes_a_length():
    x = torch.randn(6, 16)
    table = rope_table(torch.tensor([[0, 0], [3, 0], [0, 4], [7, 7], [36, 1], [2, 30]]), 16)
    got = rotate(x, table)
    assert torch.equal(got[0], x[0])
    torch.testing.assert_close(got.norm(dim=-1), x.norm(dim=-1))
    assert (got[1:] - x[1:]).abs().amax(dim=-1).min() > 0.1


def test_products_of_rotated_vectors_depend_on_the_distance_only():
    q, k = torch.randn(2, 64, dtype=torch.float64)

    def product(a, b):
        at_a, at_b = (RopeTable(*(t.double() for t in rope_table(torch.tensor(p), 64))) for p in (a, b))
        return rotate(q, at_a) @ rotate(k, at_b)

    torch.testing.assert_close(product((3, 9), (5, 2)), product((13, 19), (15, 12)), rtol=1e-5, atol=1e-5)
    assert (product((3, 9), (5, 2)) - product((9, 3), (2, 5))).abs() > 1e-2


def test_omega_rotation_by_hand():
    """Coordinates are divided by the larger side: in a 1 x 2 grid rows lie at -1/2, columns at -1/2 and 1/2."""
    table = omega_rope_table((1, 2), torch.tensor([1.0, 4.0]))
    # 2 pi y / period, then 2 pi x / period.
    row, left, right = [-math.pi, -math.pi / 4], [-math.pi, -math.pi / 4], [math.pi, math.pi / 4]
    want = torch.tensor([[row + left], [row + right]])
    torch.testing.assert_close(table.cos, want.cos())
    torch.testing.assert_close(table.sin, want.sin(), rtol=1e-5, atol=1e-6)
    # Feature j is paired with feature j + 4.
    x = torch.zeros(2, 8)
    x[:, 1] = 1
    got = rotate(x, table)
    torch.testing.assert_close(got[0, [1, 5]], torch.tensor([math.sqrt(0.5), -math.sqrt(0.5)]))


def test_the_native_grid_is_used_as_it_is():
    embedding = torch.randn(1, 1 + 25, 3)
    assert resample_position_embedding(embedding, (5, 5)) is embedding


@pytest.mark.parametrize("grid_hw", [(3, 5), (5, 3), (2, 7), (9, 9)])
def test_a_resampled_embedding_keeps_the_class_row_and_constants(grid_hw):
    embedding = torch.full((1, 1 + 25, 3), 0.75)
    embedding[:, 0] = torch.tensor([1.0, 2.0, 3.0])
    got = resample_position_embedding(embedding, grid_hw)
    assert got.shape == (1, 1 + grid_hw[0] * grid_hw[1], 3)
    assert torch.equal(got[:, 0], embedding[:, 0])
    torch.testing.assert_close(got[:, 1:], torch.full_like(got[:, 1:], 0.75))


def test_resampling_knows_rows_from_columns():
    ramp = torch.arange(6.0).repeat_interleave(6)  # grows with the row
    embedding = torch.cat((torch.zeros(1), ramp)).reshape(1, 37, 1)
    got = resample_position_embedding(embedding, (3, 4))[0, 1:, 0].reshape(3, 4)
    torch.testing.assert_close(got, got[:, :1].expand(-1, 4))
    assert (got.diff(dim=0) > 1).all()


def test_an_embedding_that_is_no_square_is_refused():
    with pytest.raises(ValueError, match="square"):
        resample_position_embedding(torch.zeros(1, 1 + 24, 3), (4, 6))


def test_position_map_by_hand():
    """A 2 x 3 map of an image 30 wide and 20 high: half diagonal 1, so spans 3/sqrt(13) and 2/sqrt(13)."""
    got = position_map(8, (2, 3), (20, 30))
    x = 3 / math.sqrt(13) * 2 / 3
    y = 2 / math.sqrt(13) * 1 / 2
    slow = 100**-0.5

    def waves(at):
        return torch.tensor([math.sin(at), math.sin(at * slow), math.cos(at), math.cos(at * slow)])[:, None]

    want = torch.empty(8, 2, 3)
    for column, at in enumerate((-x, 0, x)):
        want[0:4, :, column] = waves(at)
    for row, at in enumerate((-y, y)):
        want[4:8, row, :] = waves(at)
    torch.testing.assert_close(got, 0.1 * want)
