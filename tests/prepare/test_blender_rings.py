"""Expressions, views on rings, and the picture of them."""

import math
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from warpdata.prepare.blender.expressions import evaluate
from warpdata.prepare.blender.hemisphere import BACK, FRONT
from warpdata.prepare.blender.rings import GOLDEN_ANGLE, ring_directions
from warpdata.programs.prepare import main


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pi/2", math.pi / 2),
        ("-2**2", -4),
        ("2**-1", 0.5),
        ("2**3**2", 512),
        ("1 - 2 - 3", -4),
        (" +.5e1*(math.tau - math.e) ", 5 * (math.tau - math.e)),
        ("math.radians(60) + asin(1)", math.radians(60) + math.pi / 2),
        ("+".join(["1"] * 120), 120),
    ],
)
def test_expressions_have_the_value_of_arithmetic(text, value):
    assert evaluate(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        *"__import__('os')|math.exp(1)|pi.real|1 if 1 else 2|1_000|0x10|1j|True|sin(1,2)|sin()|1/0|9**9**9".split("|"),
        *"(-8)**0.5|1e999|sqrt(-1)|(1|1//2|1%2|x|math|sin|1 2|[1]|1 # 2|**".split("|"),
        "",
        "1+" * 128 + "1",
        "(" * 33 + "1" + ")" * 33,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"cannot be read at character|no finite value|allowed|parentheses"):
        evaluate(text)


def test_rings_share_views_by_their_length_and_every_other_is_turned():
    directions = ring_directions(math.pi / 6, math.pi / 2, math.pi / 6, 11)  # in floats (pi/2 - pi/6)/(pi/6) > 2
    assert [n for _, n in sorted(Counter(theta for theta, _ in directions).items())] == [4, 7]
    assert directions[0] == (math.pi / 6, 0.0)
    assert directions[4] == pytest.approx((math.pi / 3, math.pi / 7))


@pytest.mark.parametrize("count", [3, 4, 7, 50, 1000])
def test_every_view_is_handed_out_and_no_two_are_the_same(count):
    directions = ring_directions(0.0, math.pi / 2, math.pi / 6, count)
    assert len(set(directions)) == len(directions) == count
    views = Counter(theta for theta, _ in directions)
    assert views[0] == 1
    assert len(views) == 3


def test_fewer_views_than_rings_are_spread_over_all():
    directions = ring_directions(0.0, 1.0, 0.1, 3)
    assert [theta for theta, _ in directions] == pytest.approx([0, 0.4, 0.9])  # round(4.5) is 4
    assert [phi for _, phi in directions] == pytest.approx([0, GOLDEN_ANGLE, 2 * GOLDEN_ANGLE])


@pytest.mark.parametrize(
    "arguments",
    [(1, 1, 0.1, 5), (-0.1, 1, 0.1, 5), (0, 2, 0.1, 5), (0, 1, 0, 5), (0, 1, 0.1, 0), (0, 1, 1, 2), (0, 1, 1e-9, 5)],
)
def test_rings_that_are_none_are_refused(arguments):
    with pytest.raises(ValueError, match=r"rings|views|step"):
        ring_directions(*map(float, arguments[:3]), arguments[3])


def test_the_picture_has_a_dot_a_view(tmp_path, capsys):
    out = tmp_path / "h.png"
    assert main(["blender-hemisphere", "pi/6", "pi/2", "pi/6", "11", str(out)]) == 0
    assert "11 views on 2 rings" in capsys.readouterr().out
    with Image.open(out) as image:
        assert image.size == (800, 600)
        reds = np.asarray(image).reshape(-1, 3)
    front, back = ((reds == colour).all(-1).sum() for colour in (FRONT, BACK))
    assert front + back > 11 * 40  # a dot is 79 pixels, a part of them its rim
    assert main(["blender-hemisphere", "__import__('os')", "1", "1", "3", str(tmp_path / "no.png")]) != 0
    assert "character" in capsys.readouterr().err
    assert not (tmp_path / "no.png").exists()
