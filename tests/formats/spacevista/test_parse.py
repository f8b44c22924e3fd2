"""Items in their three forms, and what is done about parts that cannot be understood."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warpdata.formats.spacevista.item import Item, Mark, exchanged
from warpdata.formats.spacevista.parse import parse_item

FRAMES = ["DL3DV_frames/1K/x/images_8/f_1.png", "DL3DV_frames/1K/x/images_8/f_2.png"]


def entry(info: dict, **more) -> dict:
    turns = [{"role": "user", "content": "<video> How?"}, {"role": "assistant", "content": "<answer>A</answer>"}]
    return {"problem_id": "p", "messages": turns, "videos": [FRAMES], "extra_info": info} | more


def marks(info: dict) -> tuple[Mark, ...]:
    item = parse_item(entry(info), 0)
    assert not item.problems, item.problems
    return item.marks


def test_a_point_is_row_first_however_deep_it_is_nested():
    for points in ([210, 355], [[210, 355]], [[[210, 355]]]):
        (mark,) = marks({"input_point": {"image_path": FRAMES[0], "points": points}})
        assert mark.kind == "point"
        assert mark.point == (210, 355)
        assert not mark.is_candidate


@pytest.mark.parametrize(
    "box",
    [{"x1": 9, "y1": 2, "x2": 3, "y2": 8}, {"x": 3, "y": 2, "w": 6, "h": 6}, [3, 8, 9, 2]],
    ids=["corners exchanged", "corner and size", "list"],
)
def test_a_box_has_its_upper_left_corner_first(box):
    (mark,) = marks({"input_bbox": {"image_path": FRAMES[0], "bboxes": [box]}})
    assert mark.box == (3, 2, 9, 8)


def test_a_pair_has_one_mark_and_its_candidates():
    info = {
        "image_path_1": FRAMES[0],
        "bbox_1": {"x1": 0, "y1": 0, "x2": 1, "y2": 1},
        "image_path_2": FRAMES[1],
        "bboxes_2": [{"x1": k, "y1": 0, "x2": k + 1, "y2": 1} for k in range(3)],
    }
    found = marks({"input_bbox": info})
    assert [mark.is_candidate for mark in found] == [False, True, True, True]
    assert [mark.frame_path for mark in found] == [FRAMES[0], *[FRAMES[1]] * 3]


def test_flattened_items_are_what_they_were_before():
    nested = {
        "task_type": "HEIGHT",
        "input_type": "Image+mask+text",
        "input_point": {"image_path": FRAMES[0], "points": [[1, 2], [3, 4]]},
        "input_mask": {"image_path": FRAMES[1], "mask_path": "m.npy", "object_ids": [True, False]},
        "other": {"a": [1]},
    }
    flat = {
        "task_type": "HEIGHT",
        "input_type": "Image+mask+text",
        "point_image_path": FRAMES[0],
        "point_points": "[[1, 2], [3, 4]]",
        "mask_image_path": FRAMES[1],
        "mask_mask_path": "m.npy",
        "mask_object_ids": "[True, False]",  # as Python's str() writes it
        "other": '{"a": [1]}',
    }
    first, second = parse_item(entry(nested), 0), parse_item(entry(flat), 0)
    assert (first.form, second.form) == ("nested", "flattened")
    assert first.marks == second.marks
    assert len(first.marks) == 3
    assert second.extra == {"other": '{"a": [1]}'}


def test_text_that_only_looks_like_python_is_left_alone():
    (mark,) = marks({"mask_image_path": FRAMES[0], "mask_mask_path": "True.npy", "mask_object_ids": "[1]"})
    assert mark.mask_path == "True.npy"
    assert mark.object_ids == (1,)


def test_the_benchmark_says_frames_by_number():
    item = parse_item(
        {
            "id": 7,
            "videos": [FRAMES],
            "question": "How far?",
            "answer": 3.5,
            "input_type": "image_point_text",
            "metadata": {"original_type": "DEPTH", "category": "Indoor"},
            "annotations": {
                "points": [{"coords": [5, 6], "image_index": 1}],
                "dual_bbox": {
                    "source_image": FRAMES[0],
                    "source_bbox": [0, 0, 1, 1],
                    "target_image": FRAMES[1],
                    "target_bboxes": [[0, 0, 2, 2], [3, 3, 4, 4]],
                },
            },
        },
        0,
    )
    assert (item.id, item.form, item.task_type, item.answer) == ("7", "benchmark", "DEPTH", "3.5")
    assert [mark.is_candidate for mark in item.marks] == [False, False, True, True]
    assert item.frame_of(item.marks[0]) == 1
    assert item.extra["metadata"]["category"] == "Indoor"
    assert not item.problems


def test_an_item_without_an_id_is_called_by_its_place():
    assert parse_item(entry({}, problem_id=None), 42).id == "item0042"


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"input_point": {"image_path": FRAMES[0], "points": [[1, "x"]]}}, "not two numbers of pixels"),
        ({"input_point": {"image_path": FRAMES[0], "points": [[1, math.inf]]}}, "not two numbers of pixels"),
        ({"input_point": {"points": [[1, 2]]}}, "no image_path"),
        ({"input_bbox": {"image_path": FRAMES[0], "bboxes": [{"x1": 1}]}}, "without x1"),
        ({"input_mask": {"image_path": FRAMES[0]}}, "no mask_path"),
        ({"input_mask": {"image_path": FRAMES[0], "mask_path": "m.npy", "object_ids": ["a"]}}, "object_ids"),
        ({"input_bbox": 3}, "not an object"),
        ({"point_image_path": FRAMES[0], "point_points": "__import__('os').system('x')"}, "not two numbers of pixels"),
        ({"point_image_path": FRAMES[0], "point_points": "[1, open('x')]"}, "no JSON"),
    ],
)
def test_a_part_that_cannot_be_understood_is_named_and_costs_itself(info, said):
    item = parse_item(entry({"task_type": "DEPTH", **info}), 0)
    assert said in item.problems[0]
    assert not item.marks
    assert item.task_type == "DEPTH"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"videos": []}, "no `videos`"),
        ({"videos": [[1]]}, "neither a list of frames nor a file"),
        ({"messages": []}, "no `messages`"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "role"),
    ],
)
def test_what_is_no_item_says_why(change, said):
    with pytest.raises(ValueError, match=said):
        parse_item(entry({}, **change), 3)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(st.sampled_from(["points", "bboxes", "image_path", "mask_path", "x1", "bbox_1", "a"]), v)
        ),
        max_leaves=20,
    )
)
def test_nothing_in_extra_info_ends_the_reading(value):
    for key in ("input_point", "input_bbox", "input_mask", "point_points", "bbox_bboxes"):
        json.dumps(parse_item(entry({key: value}), 0).problems)


class TestFrameOf:
    def item(self, *frames: str) -> Item:
        return Item(id="a", messages=(), videos=(frames,))

    def test_the_path_itself_then_its_other_size_then_its_name(self):
        item = self.item("a/images/1.png", "b/2.png", "a/images_8/1.png")
        assert item.frame_of(Mark(kind="point", frame_path="a/images_8/1.png")) == 2
        assert self.item("a/images/1.png").frame_of(Mark(kind="point", frame_path="a/images_8/1.png")) == 0
        assert item.frame_of(Mark(kind="point", frame_path="elsewhere/2.png")) == 1

    def test_a_name_that_two_frames_have_is_nobodys(self):
        assert self.item("a/1.png", "b/1.png").frame_of(Mark(kind="point", frame_path="c/1.png")) is None

    def test_no_frame_is_taken_in_its_place(self):
        item = self.item("a/1.png")
        assert item.frame_of(Mark(kind="point", frame_path="a/2.png")) is None
        assert item.frame_of(Mark(kind="point", frame_number=1)) is None
        assert item.frame_of(Mark(kind="point", frame_number=-1)) is None

    def test_only_folders_are_exchanged(self):
        assert exchanged("x/images/y/images") == "x/images_8/y/images"
        assert exchanged("x/y.png") is None
