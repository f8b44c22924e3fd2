"""`keep`: which triplets are written, what is said of the others, and that a run goes on as it began."""

from __future__ import annotations

import json

import pytest

from tests.scenes import write_scene
from warpdata.config import GeometryOptions, OutputOptions, QualityOptions, SourceOptions
from warpdata.errors import OutputError
from warpdata.formats.manifest import read_manifest
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions, saved_options


@pytest.fixture
def options(tmp_path):
    """Of two scenes of a plane, the second of which moves more."""
    write_scene(tmp_path / "in" / "a", 4)
    write_scene(tmp_path / "in" / "b", 3)

    def make(keep="", out="out", **quality):
        return MaterializeOptions(
            source=SourceOptions(input_dir=tmp_path / "in"),
            geometry=GeometryOptions(cache_dir=tmp_path / "cache"),
            output=OutputOptions(output_dir=tmp_path / out),
            quality=QualityOptions(keep=keep, **quality),
        )

    return make


def scores_of(folder):
    return {record.id: record.warp for record in read_manifest(folder)}


def median_psnr(scores):
    ordered = sorted(each["psnr"] for each in scores.values())
    return (ordered[len(ordered) // 2 - 1] + ordered[len(ordered) // 2]) / 2


def test_what_is_kept_is_written_and_the_rest_counted(options, tmp_path):
    materialize(options(out="all"))
    everything = scores_of(tmp_path / "all")
    least = median_psnr(everything)
    report = materialize(options(f"psnr > {least} and hole_fraction < 0.9 and baseline > 1e6 - 1e6"))
    kept = {sample_id for sample_id, scores in everything.items() if scores["psnr"] > least}
    assert 0 < len(kept) < len(everything)
    assert scores_of(tmp_path / "out") == {sample_id: everything[sample_id] for sample_id in kept}
    dropped = {f"{scene.scene}/{name}": failing for scene in report.scenes for name, failing in scene.not_kept.items()}
    assert dropped == {sample_id: (f"psnr > {least}",) for sample_id in everything.keys() - kept}
    assert report.complete
    assert json.loads(json.dumps(report.as_json()))["not_kept"] == {f"psnr > {least}": len(dropped)}
    assert (
        f"{len(dropped)} triplets are not kept for their scores: {len(dropped)} fail psnr > {least}" in report.lines()
    )
    for sample_id in dropped:
        assert not list((tmp_path / "out").glob(f"{sample_id}_*"))


def test_a_run_goes_on_with_the_same_condition_and_renders_nothing_twice(options, tmp_path, monkeypatch):
    materialize(options(out="all"))
    keep = f"psnr > {median_psnr(scores_of(tmp_path / 'all'))}"
    first = materialize(options(keep))
    monkeypatch.setattr("warpdata.triplets.stream.render_triplets", None)
    again = materialize(options(keep))
    assert again.as_json()["not_kept"] == first.as_json()["not_kept"]
    assert [scene.scores for scene in again.scenes] == [scene.scores for scene in first.scenes]


@pytest.mark.parametrize("other", [{"keep": ""}, {"keep": "psnr > 1"}, {"keep": "psnr > 0", "match_exposure": True}])
def test_another_condition_is_refused(options, other):
    materialize(options("psnr > 0"))
    with pytest.raises(OutputError, match=r"other options \(run\.quality"):
        materialize(options(**other))


def test_an_output_without_a_condition_says_nothing_of_it(options):
    """So that outputs of before there was one can be continued."""
    assert "quality" not in options().what_triplets_depend_on()
    assert options("psnr > 3").what_triplets_depend_on()["quality"] == {"keep": "psnr > 3", "match_exposure": False}
    assert saved_options(options("psnr > 3").as_json()).quality == QualityOptions(keep="psnr > 3")


def test_nothing_kept_is_no_error_but_said(options, tmp_path):
    report = materialize(options("psnr > 99"))
    assert sum(len(scene.not_kept) for scene in report.scenes) == 5
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


def test_conditions_are_checked_at_once():
    with pytest.raises(ValueError, match=r"`keep`: .* there is no psnrr, did you mean psnr"):
        QualityOptions(keep="psnrr > 1")
    with pytest.raises(ValueError, match="there is no gain_red"):
        QualityOptions(keep="gain_red < 2")
    assert QualityOptions(keep=" gain_red \n< 2", match_exposure=True).keep == "gain_red < 2"
