"""Training on what `keep` leaves: the triplets that would be written, in a fixed order, resumed exactly."""

from __future__ import annotations

import pytest
import torch

from tests.training.training import make_data, write_scenes
from warpdata.config import GeometryOptions, OutputOptions, QualityOptions, SourceOptions
from warpdata.errors import SourceError
from warpdata.formats.manifest import read_manifest
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    write_scenes(folder / "in", {"a": 4, "b": 5, "c": 2})
    return folder


def written(folder, quality, name):
    """Ids of the triplets that a run writes, and their scores."""
    options = MaterializeOptions(
        source=SourceOptions(input_dir=folder / "in"),
        geometry=GeometryOptions(cache_dir=folder / "cache-of-files"),
        output=OutputOptions(output_dir=folder / name),
        quality=quality,
    )
    materialize(options)
    return {record.id: record.warp for record in read_manifest(folder / name)}


def ids_of(loader):
    return [sample_id for batch in loader for sample_id in batch.id]


@pytest.fixture(scope="module")
def keep(folder):
    psnr = sorted(scores["psnr"] for scores in written(folder, QualityOptions(), "all").values())
    return QualityOptions(keep=f"psnr > {psnr[len(psnr) // 2]}")


def test_training_sees_what_files_would_hold(folder, keep):
    kept = written(folder, keep, "kept")
    data = make_data(folder, quality=keep)
    data.setup()
    assert 0 < len(kept) < 8
    assert sorted(ids_of(data.train_dataloader())) == sorted(kept)


def test_a_second_start_renders_nothing_for_scores(folder, keep, monkeypatch):
    first = make_data(folder, quality=keep)
    first.setup()
    monkeypatch.setattr("warpdata.triplets.stream.render_triplets", None)
    second = make_data(folder, quality=keep)
    second.setup()
    pairs = [[scene.pairs for scene in data.scenes_of("train")] for data in (first, second)]
    assert pairs[0] == pairs[1]
    lower = QualityOptions(keep=keep.keep.replace("psnr", "psnr + 0.1"))
    make_data(folder, quality=lower).setup()  # another condition over the same scores


def test_an_epoch_is_resumed_at_the_very_next_sample(folder, keep):
    def loader():
        data = make_data(folder, quality=keep, batch_size=1)
        data.setup()
        return data.train_dataloader()

    whole, begun, resumed = loader(), loader(), loader()
    expected = ids_of(whole)
    batches = iter(begun)
    seen = [next(batches).id[0] for _ in range(2)]
    resumed.load_state_dict(begun.state_dict())
    batches.close()
    assert seen + ids_of(resumed) == expected


def test_nothing_kept_is_an_error_that_names_the_condition(folder):
    data = make_data(folder, quality=QualityOptions(keep="psnr > 99"))
    data.setup()
    with pytest.raises(SourceError, match="of which `keep` 'psnr > 99' holds"):
        data.train_dataloader()


def test_splats_are_matched_in_training_too(folder):
    plain, matched = (make_data(folder, quality=QualityOptions(match_exposure=on)) for on in (False, True))
    for data in (plain, matched):
        data.setup()
    before, after = (next(iter(data.predict_dataloader())) for data in (plain, matched))
    assert before.id == after.id
    assert "gain_red" in after.scores
    assert "gain_red" not in before.scores
    assert torch.equal(before.target, after.target)
