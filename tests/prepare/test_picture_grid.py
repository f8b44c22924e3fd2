"""Pictures tiled into one: places, sizes, transparency, 16 bits, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from tests.scenes import write_image
from warpdata.programs.prepare import main


def write(folder, name, colour, wh=(6, 4)):
    folder.mkdir(exist_ok=True)
    Image.new("RGBA", wh, colour).save(folder / name)


def grid_of(tmp_path, rows, columns, *flags):
    code = main(["blender-grid", str(tmp_path / "in"), str(rows), str(columns), str(tmp_path / "out.png"), *flags])
    assert code == 0
    return np.asarray(Image.open(tmp_path / "out.png"))


def test_row_by_row_in_natural_order_and_transparent_where_nothing_is_left(tmp_path):
    for name, red in (("2.png", 20), ("10.png", 100), ("1.png", 10), ("30.png", 200)):
        write(tmp_path / "in", name, (red, 0, 0, 255))
    write(tmp_path / "in" / "below", "0.png", (1, 1, 1, 255))
    grid = grid_of(tmp_path, 2, 3)
    assert grid.shape == (8, 18, 4)
    assert grid[::4, ::6, 0].tolist() == [[10, 20, 100], [200, 0, 0]]
    assert grid[::4, ::6, 3].tolist() == [[255, 255, 255], [255, 0, 0]]
    assert all((grid[r : r + 4, c : c + 6] == grid[r, c]).all() for r in (0, 4) for c in (0, 6, 12))


def test_pictures_of_another_size_stay_in_their_cell_and_shape(tmp_path):
    write(tmp_path / "in", "a.png", (9, 9, 9, 255))
    write(tmp_path / "in", "b.png", (50, 0, 0, 255), wh=(40, 80))
    grid = grid_of(tmp_path, 1, 2)
    inside = grid[:, 6:, 3] == 255
    assert inside.sum() == 4 * 2
    assert inside[:, 2:4].all()


def test_alpha_and_16_bits_are_kept(tmp_path):
    write(tmp_path / "in", "a.png", (40, 80, 120, 64), wh=(3, 2))
    write_image(tmp_path / "in" / "b.png", np.array([[0, 257, 32_896], [65_535, 65_400, 128]], np.uint16))
    grid = grid_of(tmp_path, 1, 2)
    assert grid[0, 0].tolist() == [40, 80, 120, 64]
    assert grid[:, 3:, 1].tolist() == [[0, 1, 128], [255, 254, 0]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["in", "0", "2", "new.png"], "0 rows"),
        (["in", "1", "2", "new.jpg"], "transparency"),
        (["nowhere", "1", "1", "new.png"], "cannot be listed"),
        (["empty", "1", "1", "new.png"], "no picture"),
        (["in", "1", "1", "in/a.png"], "exists"),
        (["in", "90000", "90000", "new.png"], "pixels are allowed"),
        (["broken", "1", "1", "new.png"], "cannot be read"),
    ],
    ids=lambda value: None if isinstance(value, list) else value,
)
def test_what_cannot_be_tiled_is_said_and_nothing_written(tmp_path, capsys, monkeypatch, arguments, said):
    write(tmp_path / "in", "a.png", (9, 9, 9, 255))
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes((tmp_path / "in" / "a.png").read_bytes()[:40])
    before = (tmp_path / "in" / "a.png").read_bytes()
    monkeypatch.chdir(tmp_path)
    assert main(["blender-grid", *arguments]) != 0
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("new*"))
    assert (tmp_path / "in" / "a.png").read_bytes() == before
