"""Options of training: in groups or by their own names, with one default each."""

import inspect
import subprocess
import sys
from dataclasses import fields

import pytest

from warpdata.training.datamodule import WarpDataModule
from warpdata.training.loader import WarpLoader, render_batch
from warpdata.training.options import GROUP_OF, GROUPS, LoaderOptions, OrderOptions, SplitOptions, merge_groups
from warpdata.training.sampler import BatchOrder, epoch_order
from warpdata.training.triplet_shards import ShardDataModule


def test_an_option_is_in_its_group_however_it_is_given(tmp_path):
    by_name = WarpDataModule(tmp_path, batch_size=4, num_workers=1, val_fraction=0.2)
    in_groups = WarpDataModule(
        tmp_path,
        order=OrderOptions(batch_size=4),
        loader=LoaderOptions(num_workers=1),
        split=SplitOptions(val_fraction=0.2),
    )
    for name in GROUPS:
        assert getattr(by_name, name) == getattr(in_groups, name)


def test_every_option_is_an_attribute_too(tmp_path):
    data = WarpDataModule(tmp_path)
    for option, group in GROUP_OF.items():
        assert getattr(data, option) == getattr(getattr(data, group), option)
    data.batch_size = 8
    assert data.order == OrderOptions(batch_size=8)
    with pytest.raises(ValueError, match="`batch_size` is 0"):
        data.batch_size = 0


def test_an_option_beside_its_group_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`batch_size` is given by itself and order=OrderOptions\(\.\.\.\)"):
        WarpDataModule(tmp_path, order=OrderOptions(drop_last=True), batch_size=4)
    data = WarpDataModule(tmp_path, order=OrderOptions(drop_last=True), num_workers=1)
    assert (data.order.drop_last, data.loader.num_workers) == (True, 1)


def test_values_of_another_kind_are_refused():
    """In a process of its own: here types are checked before our code sees a value."""
    told = {
        "render_in='gpu'": "`render_in` is 'gpu'; choose from worker, collate, none",
        "backend='nope'": "`backend` is 'nope'; choose from auto, torch, numba, warp",
        "geometry='given'": "`geometry` is 'given'; expected GeometryOptions(...)",
        "pairs='all'": "`pairs` is 'all'; expected PairOptions(...)",
        "order={'batch_size': 2}": "`order` is {'batch_size': 2}; expected OrderOptions(...)",
    }
    code = ["from warpdata.training import WarpDataModule"]
    for wrong in told:
        code += [f"try: WarpDataModule('in', {wrong})", "except (TypeError, ValueError) as error: print(error)"]
    done = subprocess.run([sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert len(said) == len(told)
    assert all(line.startswith(message) for line, message in zip(said, told.values(), strict=True))


def test_what_is_no_option_is_refused(tmp_path):
    with pytest.raises(TypeError, match="no option 'batchsize'; did you mean 'batch_size'"):
        WarpDataModule(tmp_path, batchsize=4)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (OrderOptions, {"batch_size": 0}),
        (OrderOptions, {"shuffle_window": -1}),
        (LoaderOptions, {"num_workers": -1}),
        (LoaderOptions, {"ahead": 0}),
        (LoaderOptions, {"decoded_frames": -1}),
        (SplitOptions, {"val_fraction": -0.1}),
        (SplitOptions, {"test_fraction": 1.0}),
    ],
)
def test_a_wrong_value_is_named(kind, wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"`{name}`"):
        kind(**wrong)


def test_no_two_groups_have_an_option_of_one_name():
    assert len(GROUP_OF) == sum(len(fields(kind)) for kind in GROUPS.values())


def test_nothing_given_is_the_defaults():
    assert merge_groups(dict.fromkeys(GROUPS), {}) == {name: kind() for name, kind in GROUPS.items()}


@pytest.mark.parametrize("user", [WarpLoader, render_batch, BatchOrder, epoch_order, ShardDataModule])
def test_an_option_has_one_default(user):
    for name, parameter in inspect.signature(user).parameters.items():
        if name in GROUP_OF and parameter.default is not inspect.Parameter.empty:
            assert parameter.default == getattr(GROUPS[GROUP_OF[name]], name)
