"""A wall with a board before it: what another camera sees of it is known by counting."""

from __future__ import annotations

import torch

from warpdata.camera import Camera

HW = (40, 64)
FOCAL = 32.0
WALL, BOARD = 8.0, 4.0
BOARD_ROWS, BOARD_COLUMNS = slice(10, 30), slice(24, 44)


def camera(x: float = 0.0, z: float = 0.0) -> Camera:
    """A camera moved to the right and ahead, looking straight at the wall."""
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 3], pose[2, 3] = -x, -z
    K = torch.tensor([[FOCAL, 0, 30], [0, FOCAL, 22], [0, 0, 1]], dtype=torch.float64)
    return Camera(K=K, cam_from_world=pose, hw=HW)


def depth() -> torch.Tensor:
    values = torch.full(HW, WALL)
    values[BOARD_ROWS, BOARD_COLUMNS] = BOARD
    return values


def image() -> torch.Tensor:
    """Every pixel in a colour of its own."""
    number = torch.arange(HW[0] * HW[1]).reshape(HW)
    return torch.stack([number % 256, number // 256 * 20, (number * 7) % 256]).to(torch.uint8)


def confidence() -> torch.Tensor:
    return torch.full(HW, 2.0)


def seen_after_step_to_the_right(pixels_at_wall: int) -> torch.Tensor:
    """What a camera sees that stands so far to the right that the wall moves by so many pixels, counted by hand.

    The wall moves left by that, the board by twice that. The wall is hidden where the board is then.
    """
    d = pixels_at_wall
    columns = torch.arange(HW[1])
    wall, board = columns - d, columns - 2 * d
    behind = torch.zeros(HW, dtype=torch.bool)
    behind[BOARD_ROWS] = (wall >= BOARD_COLUMNS.start - 2 * d) & (wall < BOARD_COLUMNS.stop - 2 * d)
    seen = (wall >= 0).expand(HW) & ~behind
    on_board = torch.zeros(HW, dtype=torch.bool)
    on_board[BOARD_ROWS, BOARD_COLUMNS] = True
    return torch.where(on_board, (board >= 0).expand(HW), seen)


def step_of(pixels_at_wall: int) -> float:
    """How far to the right that is, in scene units."""
    return pixels_at_wall * WALL / FOCAL
