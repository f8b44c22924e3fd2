"""The programs that look after caches: what they say, what they remove, what they never touch."""

import json
import os
import shutil
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cache_tools.__main__ import COMMANDS, main
from cache_tools.prune import plan_prune
from cache_tools.show import show
from cache_tools.survey import Kind, survey
from cache_tools.verify import State, verify
from cache_tools.warm import warm
from tests.cache.known import CountingEstimator, make_geometry
from tests.scenes import edit_transforms, plane_camera, plane_picture, write_image, write_scene
from warpdata.cache import GeometryCache, header
from warpdata.config import SourceOptions
from warpdata.errors import SceneError
from warpdata.files.locks import hold_lock
from warpdata.geometry.filters.sky import score_file
from warpdata.geometry.given import GivenEstimator
from warpdata.geometry.types import Provenance
from warpdata.sources import open_source

KEY = "0123456789abcdef" * 4


@pytest.fixture
def input_dir(tmp_path):
    write_scene(tmp_path / "in" / "left", license="CC-BY-4.0")
    write_scene(tmp_path / "in" / "right", hw=(40, 50))
    return tmp_path / "in"


@pytest.fixture
def cache(tmp_path, input_dir):
    """A cache with the given geometry of two scenes."""
    cache = GeometryCache(tmp_path / "cache")
    source = open_source(SourceOptions(input_dir=input_dir))
    for scene_id in source.scene_ids():
        cache.get_or_make(source.scene(scene_id), GivenEstimator())
    return cache


@pytest.fixture
def leftovers(cache):
    """What a killed run leaves: a lock nobody holds, and temporary files nobody writes to."""
    cache.lock_folder.mkdir(exist_ok=True)
    cache.digest_folder.mkdir(exist_ok=True)
    files = [
        cache.lock_folder / f"{KEY}.lock",
        cache.entry_folder / f"{KEY}.safetensors.0123456789abcdef.tmp",
        cache.digest_folder / f"{KEY}.json.0123456789abcdef.tmp",
    ]
    for file in files:
        file.write_bytes(b"half")
        os.utime(file, (1e9, 1e9))
    return files


@pytest.fixture
def foreign(cache):
    """What is not the cache's, some of it under nearly the right name."""
    files = [
        cache.root / "notes.txt",
        cache.root / "weights" / "network.pt",
        cache.entry_folder / "mine.safetensors",
        cache.entry_folder / f"{KEY}.pt",
        cache.entry_folder / f"{KEY}.safetensors.tmp",
        cache.lock_folder / "other.lock",
    ]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"precious")
        os.utime(file, (1e9, 1e9))
    return files


def states(cache):
    return {verdict.found.entry.scene_id: verdict.state for verdict in verify(cache.root)}


def entry_of(cache, scene_id):
    return next(found.entry for found in survey(cache.root) if found.entry and found.entry.scene_id == scene_id)


def damage(entry):
    content = bytearray(entry.path.read_bytes())
    content[-1] ^= 1
    entry.path.write_bytes(content)


def test_show_tells_scenes_frames_bytes_estimators_and_licences(cache, capsys):
    assert main(["show", str(cache.root)]) == 0
    text = capsys.readouterr().out
    assert "2 scenes, 6 frames" in text
    assert "left: 3 frames" in text
    assert "given" in text
    assert "CC-BY-4.0" in text


def test_show_as_json(cache, foreign, leftovers, capsys):
    assert main(["show", str(cache.root), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["scenes"], content["frames"]) == (2, 6)
    assert content["bytes"] == sum(entry_of(cache, name).path.stat().st_size for name in ("left", "right"))
    left = next(entry for entry in content["entries"] if entry["scene"] == "left")
    assert (left["estimator"], left["frames"], left["source_license"]) == ("given", 3, "CC-BY-4.0")
    kinds = [other["kind"] for other in content["other_files"]]
    assert kinds.count(Kind.FOREIGN.value) == len(foreign)
    assert kinds.count(Kind.LEFTOVER.value) == len(leftovers)


def test_a_good_cache_verifies(cache, capsys):
    assert states(cache) == {"left": State.GOOD, "right": State.GOOD}
    assert main(["verify", str(cache.root)]) == 0


def test_verify_finds_damage(cache, capsys):
    damage(entry_of(cache, "left"))
    assert states(cache) == {"left": State.DAMAGED, "right": State.GOOD}
    assert main(["verify", str(cache.root)]) == 1
    assert "do not match their digest" in capsys.readouterr().err


def test_verify_finds_a_header_that_cannot_be_read(cache, capsys):
    path = entry_of(cache, "left").path
    path.write_bytes(path.read_bytes()[:100])
    assert main(["verify", str(cache.root)]) == 1
    assert path.name[:12] in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["images", "depth"])
def test_verify_finds_changed_inputs(cache, input_dir, folder):
    file = input_dir / "left" / folder / "1.png"
    shutil.copy(input_dir / "left" / folder / "2.png", file)
    assert states(cache) == {"left": State.STALE, "right": State.GOOD}
    file.unlink()
    assert states(cache) == {"left": State.STALE, "right": State.GOOD}


def test_verify_finds_changed_cameras(cache, input_dir):
    edit_transforms(input_dir / "left", fl_x=70.0)
    assert states(cache) == {"left": State.STALE, "right": State.GOOD}


def test_a_view_more_does_not_make_an_entry_stale(cache, input_dir):
    """Entries of a selection of the views (`--limit`, `--skip-every`) are as good as those of all."""
    write_image(input_dir / "left" / "images" / "9.png", plane_picture(plane_camera(9)))
    assert states(cache)["left"] is State.GOOD


def test_an_entry_whose_pictures_are_gone_is_good(cache, input_dir, capsys):
    shutil.rmtree(input_dir / "left")
    assert states(cache) == {"left": State.GOOD_INPUTS_GONE, "right": State.GOOD}
    assert main(["verify", str(cache.root)]) == 0


def all_files(cache):
    return {path for path in cache.root.rglob("*") if path.is_file()}


def test_prune_shows_and_removes_only_when_told(cache, input_dir, foreign, leftovers, capsys):
    damaged, stale = entry_of(cache, "left"), entry_of(cache, "right")
    damage(damaged)
    edit_transforms(input_dir / "right", fl_x=70.0)
    gone = {damaged.path, stale.path, *leftovers}
    before = all_files(cache)
    assert main(["prune", str(cache.root)]) == 0
    said = capsys.readouterr().err
    assert all(str(path) in said for path in gone)
    assert "mine.safetensors is not the cache's and stays" in said
    assert "--yes" in said
    assert all_files(cache) >= before
    assert main(["prune", str(cache.root), "--yes"]) == 0
    after = all_files(cache)
    assert not after & gone
    assert after >= before - gone
    assert all(file.read_bytes() == b"precious" for file in foreign)
    capsys.readouterr()
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert "nothing to remove" in capsys.readouterr().err


def test_what_was_measured_goes_with_its_entry(cache):
    left, right = entry_of(cache, "left"), entry_of(cache, "right")
    cache.overlap_folder.mkdir()
    files = [cache.overlap_folder / f"{key}.v1.1.01.json" for key in (left.key, right.key, KEY)]
    for file in files:
        file.write_text("{}")
    damage(left)
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert [file.exists() for file in files] == [False, True, False]


def test_prune_keeps_good_entries(cache):
    before = all_files(cache)
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert all_files(cache) >= before


def test_prune_keeps_what_a_live_process_works_on(cache, leftovers):
    lock, temporary, _ = leftovers
    with hold_lock(lock):
        young = cache.entry_folder / f".{KEY}.safetensors.fedcba9876543210.part"
        young.write_bytes(b"half")
        kinds = {found.path.name: found.kind for found in survey(cache.root)}
        assert kinds[lock.name] is kinds[young.name] is Kind.AT_WORK
        assert main(["prune", str(cache.root), "--yes"]) == 0
        assert lock.exists()
        assert young.exists()
        assert not temporary.exists()


def test_entries_of_other_formats_are_told_apart(cache, monkeypatch):
    """An older format goes, a newer one belongs to a newer program and stays."""
    for version, kind in ((0, Kind.OUTDATED), (99, Kind.NEWER)):
        monkeypatch.setattr(header, "FORMAT_VERSION", version)
        source = open_source(SourceOptions(input_dir=cache.root.parent / "in"))
        provenance = Provenance(estimator="counting", version=version)
        scene = source.scene("left")
        renamed = replace(scene, views=tuple(replace(view, name=f"v{i}") for i, view in enumerate(scene.views)))
        entry = cache.put(renamed, make_geometry(renamed, provenance))
        monkeypatch.undo()
        assert next(found.kind for found in survey(cache.root) if found.path == entry.path) is kind
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert [found.kind for found in survey(cache.root)].count(Kind.NEWER) == 1
    assert not any(found.kind is Kind.OUTDATED for found in survey(cache.root))


@pytest.mark.skipif(os.name != "posix", reason="making symbolic links needs a privilege there")
def test_links_are_not_followed(cache, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    (cache.entry_folder / f"{KEY}.safetensors").symlink_to(outside)
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert outside.exists()
    assert (cache.entry_folder / f"{KEY}.safetensors").is_symlink()


@pytest.mark.parametrize("command", ["show", "verify", "prune"])
def test_a_folder_that_is_not_there_is_an_unusable_argument(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "nothing")]) == 2
    assert "nothing" in capsys.readouterr().err


def test_unknown_commands_are_unusable_arguments(capsys):
    assert main(["polish", "cache"]) == 2
    said = capsys.readouterr().err
    assert "'polish'" in said
    assert all(name in said for name in COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code in (None, 0)
    assert f"warpdata cache {command}" in capsys.readouterr().out


def test_an_empty_folder_is_an_empty_cache(tmp_path, capsys):
    assert show(tmp_path).as_json()["scenes"] == 0
    assert main(["verify", str(tmp_path)]) == 0


def test_warm_goes_on_after_a_scene_that_cannot_be_used(input_dir, tmp_path):
    source = open_source(SourceOptions(input_dir=input_dir))
    cache = GeometryCache(tmp_path / "warm")

    def provider(scene, *, progress):
        if scene.id == "left":
            raise SceneError("no light")
        renamed = replace(scene, views=tuple(replace(view, name=f"v{i}") for i, view in enumerate(scene.views)))
        entry, made = cache.get_or_make(renamed, CountingEstimator())
        return SimpleNamespace(entry=entry, cached=not made, reason="for a test")

    left, right = warm(source, provider)
    assert left.lines() == ["left: left out, no light"]
    assert right.lines() == ["right: 2 frames, made, for a test", "  left out right/v2: too dark"]
    assert not left.is_complete
    assert not right.is_complete


def test_warm_fills_a_cache_that_is_then_used(input_dir, tmp_path, capsys):
    command = ["warm", str(tmp_path / "warm"), "--input-dir", str(input_dir), "--geometry", "given", "--device", "cpu"]
    assert main(command) == 0
    said = capsys.readouterr().err
    assert "left: 3 frames, made" in said
    assert main(["verify", str(tmp_path / "warm")]) == 0
    capsys.readouterr()
    assert main(command) == 0
    assert "right: 3 frames, was there already" in capsys.readouterr().err
    (input_dir / "left" / "depth" / "1.png").write_bytes(b"broken")
    assert main(command) == 1
    assert "left out left/1" in capsys.readouterr().err


def test_warm_from_nowhere_is_an_unusable_argument(tmp_path, capsys):
    assert main(["warm", str(tmp_path / "warm"), "--input-dir", str(tmp_path / "nothing"), "--device", "cpu"]) == 2
    assert "--input-dir" in capsys.readouterr().err


def test_interrupted_estimates_are_removed_and_running_ones_stay(tmp_path):
    """Intermediate results count as a running estimate's while its lock is held, or while they are fresh."""
    cache = GeometryCache(tmp_path)
    idle, fresh, held = ("a" * 64, "b" * 64, "c" * 64)
    for key in (idle, fresh, held):
        (tmp_path / "work" / key).mkdir(parents=True)
        (tmp_path / "work" / key / "matches.db").write_bytes(b"matches")
    for key in (idle, held):
        os.utime(tmp_path / "work" / key / "matches.db", (0, 0))
    cache.lock_folder.mkdir()
    with hold_lock(cache.lock_folder / f"{held}.lock"):
        plan = plan_prune(tmp_path)
    assert [removal.path.parent.name for removal in plan.removals if "work" in removal.path.parts] == [idle]
    assert not plan.foreign


def sky_scores(cache, name="0.png", *, age=1e9):
    path = cache.root / "sky" / name
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(path)
    os.utime(path, (age, age))
    return path


@pytest.fixture
def sky_filtered(cache, input_dir):
    """An entry made with the sky filter, and the scores of one of its pictures."""
    scene = open_source(SourceOptions(input_dir=input_dir)).scene("left")
    provenance = Provenance(estimator="counting", options={"filter_sky": {"sha256": "ab" * 32}})
    entry = cache.put(scene, make_geometry(scene, provenance))
    return entry, sky_scores(cache, score_file("ab" * 32, scene.views[0].picture.digest()))


def test_scores_of_sky_are_the_caches_own(cache, sky_filtered, capsys):
    _, scores = sky_filtered
    kinds = {found.path: found.kind for found in survey(cache.root)}
    assert kinds[scores] is Kind.SKY
    assert main(["show", str(cache.root)]) == 0
    assert "sky scores of 1 pictures" in capsys.readouterr().out
    assert main(["verify", str(cache.root)]) == 0
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert scores.exists()


def test_orphaned_scores_of_sky_go_and_young_ones_stay(cache, sky_filtered):
    orphan = sky_scores(cache, f"{KEY}.png")
    young = sky_scores(cache, f"{KEY[::-1]}.png", age=time.time())
    foreign = sky_scores(cache, "mine.png")
    kinds = {found.path: found.kind for found in survey(cache.root)}
    assert [kinds[path] for path in (orphan, young, foreign)] == [Kind.SKY_ORPHAN, Kind.AT_WORK, Kind.FOREIGN]
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert not orphan.exists()
    assert young.exists()
    assert foreign.exists()


def test_damaged_scores_of_sky_are_found_and_go(cache, sky_filtered, capsys):
    _, scores = sky_filtered
    scores.write_bytes(scores.read_bytes()[:40])
    assert main(["verify", str(cache.root)]) == 1
    assert "sky: damaged" in capsys.readouterr().err
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert not scores.exists()


def test_scores_of_sky_go_with_the_entry_they_belong_to(cache, sky_filtered):
    entry, scores = sky_filtered
    entry.path.unlink()
    assert main(["prune", str(cache.root), "--yes"]) == 0
    assert not scores.exists()


@pytest.mark.parametrize("command", ["show", "verify", "prune"])
def test_without_a_path_the_default_cache_is_meant(cache, tmp_path, monkeypatch, capsys, command):
    monkeypatch.setenv("WARPDATA_CACHE", str(cache.root))
    assert main([command]) == 0
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "none"))
    assert main([command]) == 2
    assert "there is no cache" in capsys.readouterr().err


def test_entries_are_reopened_by_the_source_that_read_them(cache, input_dir):
    """Read as photographs alone, a scene with a transforms.json has no cameras: its entry is good all the same."""
    scene = open_source(SourceOptions(input_dir=input_dir, source="images")).scene("left")
    entry = cache.put(scene, make_geometry(scene))
    assert (entry.header.source, entry_of(cache, "right").header.source) == ("images", "transforms")
    assert main(["verify", str(cache.root)]) == 0
    edit_transforms(input_dir / "right", fl_x=50.0)
    assert main(["verify", str(cache.root)]) == 1
