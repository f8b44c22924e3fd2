"""Items as tensors: sizes, marks, what is missing."""

import json
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from tests.spacevista_set import make_set
from warpdata.errors import ViewError
from warpdata.formats.spacevista.drawing import RED
from warpdata.sources.spacevista.item_frames import evenly_spaced
from warpdata.training import SpaceVistaDataset

pytest.importorskip("ijson", reason="the extra `spacevista` is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("spacevista"))


@pytest.fixture(scope="module")
def items(made):
    return SpaceVistaDataset(made / "meta.json", cache_dir=made / "cache")


def test_sizes_are_those_that_the_models_take(items):
    assert len(items) == 11
    sample = items[0]
    assert sample.id == "made_0"
    assert sample.frames.shape == (10, 3, 221, 295)  # 320 x 240 below 256 * 256 pixels
    assert {side: tuple(pictures.shape) for side, pictures in sample.padded.items()} == {
        364: (10, 3, 364, 364),
        420: (10, 3, 420, 420),
    }
    white = (sample.padded[364][0] == 255).all(dim=0)
    assert white[:42].all()
    assert white[-42:].all()
    assert not white[50].all()  # 364 x 280 in the middle: 280 is a multiple of 14
    assert (sample.padded[420][0][:, 55] == 255).all()  # 420 x 308: 315 / 14 is rounded to 22
    assert sample.padded[420][0][:, 60].ne(255).any()


def test_marks_are_drawn_and_given_as_numbers(items, made):
    sample = items[0]
    assert sample.points.tolist() == [[0, 150, 60]]
    stored = np.array(Image.open(made / items.item(0).frames[0].replace("/images/", "/images_8/")))
    assert (sample.undrawn[0].permute(1, 2, 0).numpy() == stored).all()
    y, x = round(150 * 221 / 240), round(60 * 295 / 320)
    assert sample.frames[0, :, y, x].tolist() == list(RED)
    assert items[4].masks[0][1].shape == (240, 320)
    assert items[3].boxes[:, 0].tolist() == [0, 5, 5, 5, 5]
    assert items[2].boxes.tolist() == [[0, 40, 20, 150, 70]]


def test_an_odd_number_of_frames_gets_its_last_again(made, tmp_path):
    entry = json.loads((made / "meta.json").read_text())[1]
    entry["videos"] = [entry["videos"][0][:3]]
    (made / "odd.json").write_text(json.dumps([entry]))
    sample = SpaceVistaDataset(made / "odd.json", cache_dir=tmp_path)[0]
    assert len(sample.frames) == 4
    assert torch.equal(sample.frames[2], sample.frames[3])
    assert len(sample.undrawn) == 3


def test_a_missing_frame_is_named_and_nothing_takes_its_place(made, tmp_path):
    entry = json.loads((made / "meta.json").read_text())[1]
    entry["videos"][0].insert(0, "uco3d_frames/furniture/table/1-2-3/gone.jpg")
    (made / "gone.json").write_text(json.dumps([entry]))
    sample = SpaceVistaDataset(made / "gone.json", cache_dir=tmp_path)[0]
    assert sample.frame_numbers.tolist() == list(range(1, 11))
    assert sample.points[:, 0].tolist() == [0, 0]  # on the first frame that is there, which is theirs
    assert any("gone.jpg" in problem for problem in sample.problems)
    entry["videos"] = [["a/b.png"]]
    (made / "none.json").write_text(json.dumps([entry]))
    with pytest.raises(ViewError, match="no frame that can be read"):
        _ = SpaceVistaDataset(made / "none.json", cache_dir=tmp_path)[0]


def test_tasks_are_chosen(made, tmp_path):
    items = SpaceVistaDataset(made / "meta.json", tasks=("DEPTH",), cache_dir=tmp_path)
    assert [items[k].task_type for k in range(len(items))] == ["DEPTH"] * 2
    with pytest.raises(IndexError):
        _ = items[2]


def test_frames_are_sampled_evenly_with_both_ends():
    assert evenly_spaced(5, 128) == [0, 1, 2, 3, 4]
    chosen = evenly_spaced(1000, 128)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 999, 128)
    assert set(np.diff(chosen)) <= {7, 8}


def test_a_mark_on_a_frame_that_is_not_sampled_is_named(made, tmp_path):
    items = SpaceVistaDataset(made / "meta.json", most_frames=2, cache_dir=tmp_path)
    assert any("not sampled" in problem for problem in items[3].problems)


def test_it_pickles_and_loads_in_workers(items):
    assert len(pickle.dumps(items)) < 10_000
    loader = DataLoader(items, batch_size=None, num_workers=1)
    assert [sample.id for sample in loader] == [items.item(k).id for k in range(len(items))]


def test_the_benchmark_is_read_as_well(made, tmp_path):
    items = SpaceVistaDataset(made / "benchmark.json", cache_dir=tmp_path)
    assert len(items) == 4
    assert items[0].task_type == "DEPTH"
    assert items[1].boxes[0, 0] == 1
