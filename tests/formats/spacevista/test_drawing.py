"""Marks at known pixels, with known colours, in the frames that they belong to."""

from pathlib import Path

import numpy as np
import pytest

from warpdata.errors import ViewError
from warpdata.formats.spacevista.drawing import BLUE, GREEN, RED, YELLOW, Shape, colour_of, draw
from warpdata.formats.spacevista.item import Item, Mark
from warpdata.formats.spacevista.shapes import place_marks

GREY = np.full((240, 320, 3), 100, np.uint8)


def test_a_point_is_a_disc_around_row_and_column():
    drawn = draw(GREY, [Shape(colour=RED, point=(150.0, 60.0))])
    assert (drawn[150, 60] == RED).all()
    assert (drawn[150, 60 + 8] == RED).all()
    assert (drawn[150 - 8, 60] == RED).all()
    assert (drawn[150, 60 + 10] == 100).all()
    assert (drawn[60, 150] == 100).all()
    assert (GREY == 100).all()


def test_the_disc_grows_with_the_shorter_side():
    big = np.zeros((1000, 2000, 3), np.uint8)
    drawn = draw(big, [Shape(colour=RED, point=(500.0, 500.0))])
    assert (drawn[500, 514] == RED).all()
    assert (drawn[500, 517] == 0).all()


def test_a_box_is_an_outline_clipped_to_the_frame():
    drawn = draw(GREY, [Shape(colour=BLUE, box=(-50.0, 20.0, 100.0, 400.0))])
    assert (drawn[20, 50] == BLUE).all()
    assert (drawn[100, 100] == BLUE).all()
    assert (drawn[100, 0] == BLUE).all()
    assert (drawn[239, 50] == BLUE).all()
    assert (drawn[100, 50] == 100).all()


def test_a_mask_is_a_tint_and_is_resized_by_the_nearest():
    mask = np.zeros((24, 32), bool)
    mask[:12, :16] = True
    drawn = draw(GREY, [Shape(colour=GREEN, mask=mask)])
    mixed = np.rint(0.65 * np.array([100, 100, 100]) + 0.35 * np.array(GREEN)).astype(np.uint8)
    assert (drawn[:120, :160] == mixed).all()
    assert (drawn[120:] == 100).all()
    assert (drawn[:, 160:] == 100).all()


def test_colours_go_round_and_masks_stay_yellow():
    assert [colour_of(k) for k in range(5)] == [RED, BLUE, GREEN, YELLOW, RED]
    assert [colour_of(k, is_mask=True) for k in (3, 4)] == [YELLOW, YELLOW]
    assert [colour_of(k, is_candidate=True) for k in range(4)] == [BLUE, GREEN, YELLOW, RED]


def placed(item: Item, hw=(240, 320), **options):
    def find(path: str) -> Path:
        raise ViewError("the file is missing")

    return place_marks(item, hw_of=lambda number: hw if number < 2 else None, find=find, **options)


def item(*marks: Mark) -> Item:
    return Item(id="a", messages=(), videos=(("0.png", "1.png", "gone.png"),), marks=marks)


def test_candidates_have_letters_and_share_no_colour_with_what_is_asked():
    first = Mark(kind="box", box=(0.0, 0.0, 9.0, 9.0), frame_path="0.png")
    others = [
        Mark(kind="box", box=(float(k), 0.0, k + 9.0, 9.0), frame_path="1.png", is_candidate=True) for k in range(4)
    ]
    shapes = placed(item(first, *others)).shapes
    assert [shape.colour for shape in shapes[0]] == [RED]
    assert shapes[0][0].letter == ""
    assert [(shape.colour, shape.letter) for shape in shapes[1]] == list(
        zip((BLUE, GREEN, YELLOW, RED), "ABCD", strict=True)
    )


def test_every_mark_of_a_frame_is_placed():
    marks = [Mark(kind="point", point=(float(k), float(k)), frame_path="0.png") for k in range(5)]
    assert len(placed(item(*marks)).shapes[0]) == 5


def test_points_outside_are_named_and_exchanged_only_when_asked():
    inside_if_exchanged = item(Mark(kind="point", point=(300.0, 100.0), frame_path="0.png"))
    found = placed(inside_if_exchanged)
    assert not found.shapes
    assert "`point_order`" in found.problems[0]
    assert placed(inside_if_exchanged, point_order="xy").shapes[0][0].point == (100, 300)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (Mark(kind="point", point=(1.0, 1.0), frame_path="gone.png"), "which is missing"),
        (Mark(kind="point", point=(1.0, 1.0), frame_path="none.png"), "none of its frames"),
        (Mark(kind="point", point=(999.0, 999.0), frame_path="0.png"), "outside"),
        (Mark(kind="box", box=(500.0, 0.0, 600.0, 9.0), frame_path="0.png"), "outside"),
        (Mark(kind="mask", mask_path="m.npy", frame_path="0.png"), "the file is missing"),
    ],
)
def test_a_mark_that_cannot_be_placed_is_named_and_drawn_nowhere(mark, said):
    found = placed(item(mark))
    assert not found.shapes
    assert said in found.problems[0]
