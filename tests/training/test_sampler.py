"""An epoch is one fixed sequence: nothing twice, nothing missing, whatever the ranks, and wherever it was resumed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warpdata.training.sampler import BatchOrder, SampleTable, epoch_order, keyed_hash, run_starts


def table_of(num_samples, num_buckets=3, per_scene=4, **columns):
    number = np.arange(num_samples)
    return SampleTable(scene=number // per_scene, bucket=(number * 7 // 3) % num_buckets, **columns)


def orders(table, world_size, **options):
    options = {"batch_size": 3, "seed": 5, "shuffle": True} | options
    return [BatchOrder(table, rank=rank, world_size=world_size, **options) for rank in range(world_size)]


def consume(ranks, steps):
    """What all ranks see in the next steps, and the state they leave behind."""
    batches = [[batch for _, batch in zip(range(steps), rank, strict=False)] for rank in ranks]
    return [sample for row in batches for batch in row for sample in batch], ranks[0].index_after(steps)


def test_the_hash_is_frozen():
    """A change of these numbers would change the order of every run that is resumed."""
    expected = [2399657773382937285, 4533622880033092371, 7135291573979193759]
    assert keyed_hash(1, 2, 3, np.arange(3)).tolist() == expected


@given(st.integers(2, 60), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.data())
def test_resumed_on_other_ranks_it_is_still_the_epoch(num_samples, batch, before, after, window, data):
    """Stop after any step, go on with another number of ranks: every sample exactly once."""
    table = table_of(num_samples)
    options = {"batch_size": batch, "shuffle_window": window}
    first = orders(table, before, **options)
    steps = data.draw(st.integers(0, len(first[0])))
    seen, index = consume(first, steps)
    second = orders(table, after, **options)
    for rank in second:
        rank.index = index
    rest, _ = consume(second, len(second[0]))
    assert len(set(seen + rest)) == len(seen + rest)
    missing = num_samples - len(seen) - len(rest)
    assert missing < max(before, after)
    if batch > 1 and num_samples - len(seen) >= after and num_samples >= 2 * before:
        assert missing == 0


@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 4))
def test_all_ranks_take_the_same_number_of_steps(num_samples, batch, world_size):
    assert len({len(list(rank)) for rank in orders(table_of(num_samples), world_size, batch_size=batch)}) == 1


@given(st.integers(1, 60), st.integers(1, 5), st.booleans(), st.integers(0, 3))
def test_a_batch_holds_one_bucket(num_samples, batch, drop_last, window):
    table = table_of(num_samples)
    (order,) = orders(table, 1, batch_size=batch, drop_last=drop_last, shuffle_window=window)
    for samples in order:
        assert len(set(table.bucket[samples])) == 1
        assert len(samples) == batch if drop_last else len(samples) <= batch


def test_without_shuffling_the_order_is_the_tables():
    table = SampleTable(scene=np.zeros(7, int), bucket=np.zeros(7, int))
    (order,) = orders(table, 1, shuffle=False)
    assert list(order) == [[0, 1, 2], [3, 4, 5], [6]]


def test_batches_come_in_the_order_in_which_they_fill():
    table = SampleTable(scene=np.zeros(6, int), bucket=np.array([0, 1, 1, 0, 0, 1]))
    (order,) = orders(table, 1, shuffle=False, batch_size=2)
    assert list(order) == [[1, 2], [0, 3], [4], [5]]


def test_epochs_differ_and_repeat():
    (order,) = orders(table_of(40), 1)
    first = list(order)
    order.set_epoch(1)
    assert list(order) != first
    order.set_epoch(0)
    assert list(order) == first


def test_going_to_the_current_epoch_keeps_the_place():
    (order,) = orders(table_of(40), 1)
    order.index = 9
    order.set_epoch(0)
    assert order.index == 9
    order.set_epoch(1)
    assert order.index == 0


def test_a_window_keeps_neighbours_together():
    """With a window of two scenes, any run of two scenes' samples comes from two scenes only."""
    table = SampleTable(scene=np.arange(40) // 4, bucket=np.zeros(40, int))
    order = epoch_order(table, seed=3, epoch=0, batch_size=1, shuffle=True, shuffle_window=2)
    scenes = table.scene[order.samples].reshape(-1, 8)
    assert all(len(set(window)) == 2 for window in scenes)
    assert sorted(order.samples) == list(range(40))


def test_one_candidate_a_group_is_drawn():
    """Over many epochs each of a group's candidates is drawn equally often."""
    group = np.array([0, 0, 0, 0, 1, 1])
    table = SampleTable(scene=np.zeros(6, int), bucket=np.zeros(6, int), group=group)
    counts = np.zeros(6, int)
    for epoch in range(2000):
        chosen = epoch_order(table, seed=1, epoch=epoch, batch_size=2, shuffle=True).samples
        assert sorted(group[chosen]) == [0, 1]
        counts[chosen] += 1
    assert np.abs(counts / 2000 - np.array([0.25, 0.25, 0.25, 0.25, 0.5, 0.5])).max() < 0.04


def test_a_rank_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="rank 2 of 2"):
        BatchOrder(table_of(4), batch_size=1, seed=0, shuffle=False, rank=2, world_size=2)


def test_an_order_may_be_the_same_in_every_epoch():
    table = SampleTable(scene=np.zeros(9, int), bucket=np.arange(9) % 2, group=np.arange(9) // 3)
    order = BatchOrder(table, batch_size=2, seed=0, shuffle=True, same_every_epoch=True)
    epochs = []
    for epoch in range(3):
        order.set_epoch(epoch)
        epochs.append(list(order))
    assert epochs[0] == epochs[1] == epochs[2] != []


@pytest.mark.parametrize(("values", "starts"), [([], []), ([7], [0]), ([1, 1, 2, 2, 1], [0, 2, 4]), ([3, 3], [0])])
def test_runs_begin_where_neighbours_differ(values, starts):
    assert run_starts(np.array(values, dtype=np.int64)).tolist() == starts
