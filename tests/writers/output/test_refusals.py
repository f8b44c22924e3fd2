"""What can be refused is refused before anything is written or removed, and the way back works."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.writers.runs import GEOMETRY, RUN, SCENES, run, tree
from tests.writers.triplets import scene, triplet
from warpdata.config import ExportOptions, OutputOptions
from warpdata.errors import OutputError
from warpdata.run.export import export_folder
from warpdata.writers.output.session import RunInfo, open_writers

OTHER = RunInfo(options={"sigma": 12.0})
OVERWRITE = OutputOptions(overwrite=True)


def run_scenes(root: Path, *names: str, layouts=("folder",), first=0, count=4, **output) -> None:
    """A run over an input of these scenes, as `materialize` does it."""
    options = OutputOptions(output_dir=root, **output)
    with open_writers(ExportOptions(layout=layouts), options, RUN, scene_ids=names) as writers:
        for name in names:
            for one in (triplet(name, k, k + 1) for k in range(first, first + count)):
                if not writers.has(one.id, GEOMETRY):
                    writers.write(one, geometry=GEOMETRY)


def beside(root: Path, name: str) -> Path:
    return root.with_name(f"{root.name}-{name}")


def interrupted(root: Path, name: str, **options) -> None:
    """A run that is stopped after the triplets of a scene, more of them than are in the threads' hands at once."""
    with open_writers(ExportOptions(), OutputOptions(output_dir=root), RUN, **options) as writers:
        for one in scene(name, 15):
            writers.write(one, geometry=GEOMETRY)
        raise KeyboardInterrupt


LAYOUTS = [("folder",), ("modelscope",), ("webdataset", "musubi")]


@pytest.mark.parametrize("layouts", LAYOUTS, ids="+".join)
def test_a_renamed_scene_is_refused_and_the_way_back_works(layouts, tmp_path):
    run_scenes(tmp_path, "a", "b", layouts=layouts)
    before = tree(tmp_path)
    with pytest.raises(OutputError, match=r"4 triplets .* does not give .* of b"):
        run_scenes(tmp_path, "a", "bee", layouts=layouts)
    assert tree(tmp_path) == before
    run_scenes(tmp_path, "a", "b", layouts=layouts)
    assert tree(tmp_path) == before
    run_scenes(tmp_path, "a", "bee", layouts=layouts, overwrite=True)
    run_scenes(beside(tmp_path, "fresh"), "a", "bee", layouts=layouts)
    assert tree(tmp_path) == tree(beside(tmp_path, "fresh"))


@pytest.mark.parametrize("layouts", LAYOUTS, ids="+".join)
def test_renamed_views_are_refused_and_the_way_back_works(layouts, tmp_path):
    """Which triplets a scene gives is known late: until then the complete export stays as it is."""
    run_scenes(tmp_path, "a", "b", layouts=layouts)
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="does not give"):
        run_scenes(tmp_path, "a", "b", layouts=layouts, first=10)
    after = tree(tmp_path)
    assert {path: after.get(path) for path in before} == before
    run_scenes(tmp_path, "a", "b", layouts=layouts)
    assert tree(tmp_path) == before


def test_a_scene_added_before_one_that_is_refused_changes_nothing(tmp_path):
    run_scenes(tmp_path, "b", "c")
    before = tree(tmp_path)

    def add_and_change() -> None:
        options = OutputOptions(output_dir=tmp_path)
        with open_writers(ExportOptions(), options, RUN, scene_ids=["a", "b", "c"]) as writers:
            for one in scene("a"):
                assert not writers.has(one.id, GEOMETRY)
                writers.write(one, geometry=GEOMETRY)
            writers.has("b/000001", {"model": "sfm"})

    with pytest.raises(OutputError, match="made from another input"):
        add_and_change()
    after = tree(tmp_path)
    assert {path: after.get(path) for path in before} == before
    run_scenes(tmp_path, "b", "c")
    assert tree(tmp_path) == before


def test_an_output_that_was_taken_apart_and_refused_is_completed(tmp_path):
    """As an earlier version left it: foreign triplets in the journal, `dataset.json` gone, the manifest there."""
    run_scenes(tmp_path, "a", "b")
    before = tree(tmp_path)
    options = OutputOptions(output_dir=tmp_path)
    with open_writers(ExportOptions(), options, RUN) as writers:
        writers.write(triplet("bee", 0, 1), geometry=GEOMETRY)
        while writers._pending:
            writers._pending.popleft().result()
        writers._unpack()
        writers._protected = lambda: {"a/gone"}  # refuse
        with pytest.raises(OutputError):
            writers.finish()
        writers.finish = lambda: None
    assert not (tmp_path / "dataset.json").exists()
    with pytest.raises(OutputError, match="does not give"):
        run_scenes(tmp_path, "a", "bee")
    run_scenes(tmp_path, "a", "b")
    assert tree(tmp_path) == before


def test_an_unfinished_output_of_other_scenes_is_refused_at_once(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path, "a")
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="does not give"):
        run_scenes(tmp_path, "b")
    assert tree(tmp_path) == before
    run_scenes(tmp_path, "a", count=15)
    run_scenes(beside(tmp_path, "calm"), "a", count=15)
    assert tree(tmp_path) == tree(beside(tmp_path, "calm"))


def test_a_run_that_adds_a_scene_keeps_the_export_complete_until_it_is_done(tmp_path):
    run_scenes(tmp_path, "a")
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path, "b", scene_ids=["a", "b"])
    assert (tmp_path / "dataset.json").exists()
    options = OutputOptions(output_dir=tmp_path)
    with open_writers(ExportOptions(), options, RUN, scene_ids=["a", "b"]) as writers:
        assert all(writers.has(one.id, GEOMETRY) for one in scene("a"))
        made = [one for one in scene("b", 15) if not writers.has(one.id, GEOMETRY)]
        for one in made:
            writers.write(one, geometry=GEOMETRY)
    assert len(made) < 15
    run(beside(tmp_path, "calm"), triplets=[*scene("a"), *scene("b", 15)])
    assert tree(tmp_path) == tree(beside(tmp_path, "calm"))


def test_overwriting_with_a_run_that_makes_nothing_replaces_nothing(tmp_path):
    run(tmp_path)
    before = tree(tmp_path)
    run(tmp_path, triplets=[], run_info=OTHER, output=OVERWRITE)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("export", "output", "error", "reason"),
    [
        ({"layout": ("fodler",)}, {}, ValueError, "choose from folder, webdataset"),
        ({}, {"export_scenes": ("colmpa",)}, ValueError, "choose from colmap, nerfstudio"),
        ({}, {"export_scenes": ("wai", "wai")}, ValueError, "once"),
        ({"shard_url": "memory://x"}, {}, ValueError, "needs `layout` webdataset or hf-parquet, not folder"),
        ({"shard_url": "nowhere://x", "layout": ("webdataset",)}, {}, OutputError, "nowhere"),
        ({"prompt_file": Path("absent.tsv")}, {}, ValueError, r"absent\.tsv"),
        ({"shard_alias": ("jpg=tagret",), "layout": ("webdataset",)}, {}, ValueError, "`shard_alias` jpg=tagret"),
        ({"shard_alias": ("json=target",), "layout": ("webdataset",)}, {}, ValueError, "`shard_alias` json"),
        ({"shard_alias": ("../x=target",), "layout": ("webdataset",)}, {}, ValueError, "`shard_alias`"),
        (
            {"shard_alias": ("png=coverage",), "layout": ("webdataset",)},
            {"coverage": False},
            ValueError,
            "one of splats",
        ),
    ],
)
def test_options_are_refused_before_the_output_is_touched(export, output, error, reason, tmp_path):
    """An output of other options stays, although it may be replaced."""
    run(tmp_path / "out", run_info=OTHER)
    before = tree(tmp_path)
    for root in (tmp_path / "out", tmp_path / "new"):
        options = OutputOptions(output_dir=root, overwrite=True, **output)
        with pytest.raises(error, match=reason), open_writers(ExportOptions(**export), options, RUN):
            pytest.fail("the output was opened")
    assert tree(tmp_path) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("layout", "package"), [("hf-parquet", "datasets"), ("litdata", "litdata")])
def test_a_missing_package_is_named_before_anything_is_rendered(layout, package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    options = OutputOptions(output_dir=tmp_path / "out")
    with (
        pytest.raises(OutputError, match=rf"`layout` {layout} .*pip install {package}"),
        open_writers(ExportOptions(layout=(layout,)), options, RUN),
    ):
        pytest.fail("triplets would be rendered")
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("mine")
    for root in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(OutputError, match="out is a file; choose another"):
            run(root)
    assert (tmp_path / "out").read_text() == "mine"


def test_what_cannot_be_amended_is_refused_at_the_first_new_triplet(tmp_path):
    pytest.importorskip("datasets", reason="the writer datasets is not installed")
    run(tmp_path, "hf-parquet", triplets=scene("attic"))
    before = tree(tmp_path)
    options = OutputOptions(output_dir=tmp_path)
    with open_writers(ExportOptions(layout=("hf-parquet",)), options, RUN) as writers:
        assert all(writers.has(one.id, GEOMETRY) for one in scene("attic"))
        with pytest.raises(OutputError, match="cannot be amended"):
            writers.write(scene("room")[0], geometry=GEOMETRY)
    assert tree(tmp_path) == before


def test_shares_of_another_number_of_workers_do_not_complete_an_output(tmp_path):
    """Scenes go to workers by number modulo count: 0 of 2 with 1 and 2 of 3 would leave out the fourth scene."""
    scenes = ["a", "b", "c", "d", "e"]

    def work(number: int, count: int) -> None:
        triplets = [one for name in scenes[number::count] for one in scene(name, 1)]
        run(tmp_path, triplets=triplets, worker=(number, count))

    work(0, 2)
    work(1, 3)
    work(2, 3)
    assert not (tmp_path / "dataset.json").exists()
    work(0, 3)
    run(beside(tmp_path, "one"), triplets=[one for name in scenes for one in scene(name, 1)])
    assert tree(tmp_path) == tree(beside(tmp_path, "one"))


def test_a_layout_added_to_an_output_is_refused_and_changes_nothing(tmp_path):
    run(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="layout is"):
        run(tmp_path, "folder", "musubi")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_export_never_replaces_what_it_is_made_from(overwrite, tmp_path):
    run(tmp_path / "all", "folder", "musubi")
    run(tmp_path / "one")
    before = tree(tmp_path)
    cases = [
        (tmp_path / "one", tmp_path / "one", "itself"),
        (tmp_path / "one", tmp_path / "one" / "inside", "lies inside"),
        (tmp_path / "one", tmp_path / "one" / "room" / "deeper", "lies inside"),
        (tmp_path / "all" / "folder", tmp_path / "all", "holds the triplet folder"),
        (tmp_path / "one", tmp_path, "holds the triplet folder"),
    ]
    for folder, root, reason in cases:
        with pytest.raises(OutputError, match=reason):
            export_folder(folder, root, ExportOptions(layout=("modelscope",)), overwrite=overwrite)
        assert tree(tmp_path) == before


def test_two_workers_replace_an_output_once(tmp_path):
    """The second finds the first one's files where the replaced ones were, and leaves them."""
    run(tmp_path, run_info=OTHER)
    options = replace(OVERWRITE, output_dir=tmp_path)
    with open_writers(ExportOptions(worker=(0, 2)), options, RUN) as first:
        with open_writers(ExportOptions(worker=(1, 2)), options, RUN) as second:
            for name, writers in zip(SCENES, (first, second), strict=True):
                for one in scene(name):
                    assert not writers.has(one.id, GEOMETRY)
                    writers.write(one, geometry=GEOMETRY)
    run(beside(tmp_path, "fresh"))
    assert tree(tmp_path) == tree(beside(tmp_path, "fresh"))


def test_a_kept_copy_of_an_output_can_be_completed_again(tmp_path):
    run_scenes(tmp_path / "a", "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    run_scenes(tmp_path / "b", "a", "c")
    run_scenes(tmp_path / "fresh", "a", "c")
    assert tree(tmp_path / "b") == tree(tmp_path / "fresh")
