"""Batches in a training loop: the same wherever they are rendered, resumable at any step, errors where they belong."""

import threading

import pytest
import torch

from tests.scenes import write_scene
from warpdata.cache.provider import GeometryProvider
from warpdata.config import FilterOptions, GeometryOptions, PairOptions, RenderOptions, SizeOptions, SourceOptions
from warpdata.errors import ViewError
from warpdata.sources import open_source
from warpdata.training.dataset import WarpDataset
from warpdata.training.loader import WarpLoader, render_batch
from warpdata.training.sampler import BatchOrder
from warpdata.triplets.inputs import PairInputs
from warpdata.triplets.scene_pairs import open_pairs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Nine pairs of two scenes; the pictures of the second are smaller."""
    folder = tmp_path_factory.mktemp("loader")
    write_scene(folder / "in" / "a", 6)
    write_scene(folder / "in" / "b", 5, hw=(32, 44))
    source = open_source(SourceOptions(input_dir=folder / "in"))
    provider = GeometryProvider(GeometryOptions(cache_dir=folder / "cache"), SizeOptions(), FilterOptions(), CPU)
    scenes = []
    for scene_id in source.scene_ids():
        scene = source.scene(scene_id)
        entry = provider(scene).entry
        scenes.append(open_pairs(scene, entry, size=SizeOptions(), filters=FilterOptions(), pairs=PairOptions()))
    return WarpDataset(scenes)


def loader_of(dataset, *, rank=0, world_size=1, batch_size=2, shuffle=True, **options):
    order = BatchOrder(
        dataset.table(), batch_size=batch_size, seed=1, shuffle=shuffle, rank=rank, world_size=world_size
    )
    return WarpLoader(dataset, order, render=RenderOptions(), device=CPU, **{"render_in": "collate"} | options)


def ids(batches):
    return [sample for batch in batches for sample in batch.id]


def test_samples_are_found_by_their_number(dataset):
    assert len(dataset) == 9
    assert dataset.sample_id(0) == "a/1"
    assert dataset.sample_id(5) == "b/1"
    assert dataset[5].id == "b/1"
    with pytest.raises(IndexError, match="has 9"):
        dataset[9]


def test_a_batch_holds_one_size(dataset):
    for batch in loader_of(dataset):
        assert len({sample.split("/")[0] for sample in batch.id}) == 1
        assert batch.splat.dtype == torch.float32
        assert 0 <= batch.splat.min()
        assert batch.splat.max() <= 1


@pytest.mark.parametrize("options", [{"render_in": "worker"}, {"render_in": "worker", "ahead": 1, "num_workers": 1}])
def test_it_does_not_matter_where_triplets_are_rendered(dataset, options):
    expected = list(loader_of(dataset, as_float=False))
    given = list(loader_of(dataset, as_float=False, **options))
    assert ids(given) == ids(expected)
    for one, other in zip(given, expected, strict=True):
        assert torch.equal(one.splat, other.splat)
        assert torch.equal(one.coverage, other.coverage)


def test_the_caller_can_render(dataset):
    inputs = next(iter(loader_of(dataset, render_in="none")))
    assert isinstance(inputs, PairInputs)
    rendered = next(iter(loader_of(dataset)))
    assert torch.equal(render_batch(inputs, RenderOptions()).splat, rendered.splat)


def test_every_epoch_is_whole_and_in_an_order_of_its_own(dataset):
    loader = loader_of(dataset)
    first = ids(loader)
    loader.sampler.set_epoch(1)
    second = ids(loader)
    assert sorted(first) == sorted(second) == sorted(dataset.sample_id(index) for index in range(9))
    assert first != second


@pytest.mark.parametrize("render_in", ["collate", "worker"])
@pytest.mark.parametrize("steps", [0, 1, 3, 5])
def test_it_resumes_at_the_next_sample(dataset, render_in, steps):
    """What waits, rendered ahead, is not consumed: only what was given out counts."""
    whole = ids(loader_of(dataset))
    loader = loader_of(dataset, render_in=render_in)
    batches = iter(loader)
    seen = ids(next(batches) for _ in range(steps))
    state = loader.state_dict()
    batches.close()
    resumed = loader_of(dataset)
    resumed.load_state_dict(state)
    assert seen + ids(resumed) == whole
    resumed.sampler.set_epoch(1)
    assert len(resumed) == len(loader)
    assert sorted(ids(resumed)) == sorted(whole)


def test_it_resumes_with_other_ranks(dataset):
    """One process for two steps, then two processes: together exactly the epoch, and the trainer's count realigned."""
    loader = loader_of(dataset)
    batches = iter(loader)
    seen = ids(next(batches) for _ in range(2))
    state = loader.state_dict()
    shifts = []
    ranks = [loader_of(dataset, rank=rank, world_size=2, realign=shifts.append) for rank in range(2)]
    for rank in ranks:
        rank.load_state_dict(state)
    rest = [ids(rank) for rank in ranks]
    assert sorted(seen + rest[0] + rest[1]) == sorted(dataset.sample_id(index) for index in range(9))
    assert shifts[0] == shifts[1] == len(ranks[0]) - len(list(ranks[0].sampler)) - 2


def test_another_order_cannot_be_resumed(dataset):
    state = loader_of(dataset).state_dict()
    with pytest.raises(ValueError, match="batch_size was 2, is 3"):
        loader_of(dataset, batch_size=3).load_state_dict(state)


def broken_render(*_args, **_options):
    raise ViewError("the picture is gone")


@pytest.mark.parametrize("render_in", ["collate", "worker"])
def test_errors_come_out_in_the_loop_and_no_thread_stays(dataset, render_in, monkeypatch):
    monkeypatch.setattr(WarpDataset, "__getitem__", broken_render)
    with pytest.raises(ViewError, match="the picture is gone"):
        list(loader_of(dataset, render_in=render_in))
    assert not [thread for thread in threading.enumerate() if thread.name == "warpdata-render"]


def test_leaving_the_loop_stops_the_thread(dataset):
    for _ in loader_of(dataset, render_in="worker", ahead=1):
        break
    assert not [thread for thread in threading.enumerate() if thread.name == "warpdata-render"]
