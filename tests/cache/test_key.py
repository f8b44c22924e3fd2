"""The key changes with anything the geometry depends on, and with nothing else."""

import json
import os
from dataclasses import replace

import pytest

from tests.cache.known import make_camera, make_scene
from tests.pictures import Recorded, Rendered
from warpdata.cache import GeometryCache, key
from warpdata.geometry.types import Provenance
from warpdata.sources import Scene, View
from warpdata.sources.points import ColmapModelPoints

PROVENANCE = Provenance(estimator="vggt", weights="repo", weights_sha256="ab" * 32, options={"edge": 518})


def rewrite(path, content, *, keep_time=True):
    """Other bytes of the same length, and if wanted the same time of change."""
    status = path.stat()
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("folder", ["images", "depth", "masks"])
def test_a_changed_byte_is_another_key(cache, scene, folder):
    before = cache.fingerprint(scene, PROVENANCE)
    rewrite(scene.root / folder / "1.png", f"{folder} X".encode(), keep_time=False)
    assert cache.fingerprint(scene, PROVENANCE) != before


@pytest.mark.skipif(os.name != "posix", reason="the time of a file's last change of any kind is kept by POSIX alone")
def test_a_changed_byte_is_seen_behind_an_old_time(cache, scene):
    before = cache.fingerprint(scene, PROVENANCE)
    rewrite(scene.views[1].picture.path, b"images X")
    assert cache.fingerprint(scene, PROVENANCE) != before


def test_a_file_moved_into_anothers_place_is_seen_though_size_and_time_are_equal(cache, scene):
    before = cache.fingerprint(scene, PROVENANCE)
    first, second = scene.views[0].picture.path, scene.views[1].picture.path
    assert (first.stat().st_size, first.stat().st_mtime_ns) == (second.stat().st_size, second.stat().st_mtime_ns)
    os.replace(second, first)
    second.write_bytes(b"images 1")
    os.utime(second, (1e9, 1e9))
    assert cache.fingerprint(scene, PROVENANCE) != before
    first.write_bytes(b"images 0")
    assert cache.fingerprint(scene, PROVENANCE) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: replace(scene, views=scene.views[:-1]),
        lambda scene: replace(scene, views=scene.views[::-1]),
        lambda scene: replace(scene, scale="metric"),
        lambda scene: replace(scene, views=(replace(scene.views[0], name="other"), *scene.views[1:])),
        lambda scene: replace(scene, views=(replace(scene.views[0], mask=None), *scene.views[1:])),
        lambda scene: replace(scene, views=(replace(scene.views[0], depth=None), *scene.views[1:])),
        lambda scene: replace(scene, views=(replace(scene.views[0], camera=None), *scene.views[1:])),
        lambda scene: replace(scene, views=(replace(scene.views[0], camera=make_camera(7)), *scene.views[1:])),
        lambda scene: replace(
            scene, views=(replace(scene.views[0], depth=replace(scene.views[0].depth, unit=1.0)), *scene.views[1:])
        ),
    ],
)
def test_another_scene_is_another_key(cache, scene, change):
    assert cache.fingerprint(change(scene), PROVENANCE) != cache.fingerprint(scene, PROVENANCE)


def test_a_mask_that_cannot_be_read_is_another_scene_than_one_without(cache, scene):
    (scene.root / "masks" / "0.png").unlink()
    without = replace(scene, views=(replace(scene.views[0], mask=None), *scene.views[1:]))
    assert cache.fingerprint(scene, PROVENANCE) != cache.fingerprint(without, PROVENANCE)


@pytest.mark.parametrize(
    "change", [{"estimator": "sfm"}, {"version": 2}, {"weights_sha256": "cd" * 32}, {"options": {"edge": 420}}]
)
def test_another_way_of_making_it_is_another_key(cache, scene, change):
    assert cache.fingerprint(scene, replace(PROVENANCE, **change)) != cache.fingerprint(scene, PROVENANCE)


def test_names_that_mean_nothing_to_the_geometry_change_nothing(cache, scene, tmp_path):
    known = cache.fingerprint(scene, PROVENANCE)
    copied = replace(make_scene(tmp_path / "copied"), id="other", license="CC0-1.0")
    assert cache.fingerprint(copied, PROVENANCE) == known
    same_weights = replace(PROVENANCE, weights="/home/weights.pt", weights_license="unknown")
    assert cache.fingerprint(scene, same_weights) == known


def count_reads(monkeypatch):
    read = []
    original = key._read_digest

    def counting(path):
        read.append(path.name)
        return original(path)

    monkeypatch.setattr(key, "_read_digest", counting)
    return read


def wait_for_settling(monkeypatch):
    """Take files that were written a moment ago for settled ones."""
    monkeypatch.setattr(key, "_SETTLED_NS", -(10**18))


def test_unchanged_files_are_read_once(scene, tmp_path, monkeypatch):
    wait_for_settling(monkeypatch)
    read = count_reads(monkeypatch)
    first = GeometryCache(tmp_path / "cache").fingerprint(scene, PROVENANCE)
    assert len(read) == 9
    assert GeometryCache(tmp_path / "cache").fingerprint(scene, PROVENANCE) == first
    assert len(read) == 9
    rewrite(scene.views[1].picture.path, b"images X", keep_time=False)
    assert GeometryCache(tmp_path / "cache").fingerprint(scene, PROVENANCE) != first
    assert read[9:] == ["1.png"]


def test_a_file_that_may_still_be_changing_is_read_again(cache, scene, monkeypatch):
    read = count_reads(monkeypatch)
    for view in scene.views:
        os.utime(view.picture.path)
    first = cache.fingerprint(scene, PROVENANCE)
    rewrite(
        scene.views[1].picture.path, b"images X"
    )  # within the resolution of the clock nothing but the bytes differs
    assert cache.fingerprint(scene, PROVENANCE) != first
    assert read.count("1.png") >= 2


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"images/0.png": 5}', '{"images/0.png": []}', "[" * 100_000])
def test_a_damaged_memory_costs_reading_the_files_again(scene, cache, monkeypatch, damage):
    wait_for_settling(monkeypatch)
    known = cache.fingerprint(scene, PROVENANCE)
    (memory,) = cache.digest_folder.iterdir()
    memory.write_text(damage)
    assert cache.fingerprint(scene, PROVENANCE) == known
    assert len(json.loads(memory.read_text())) == 9


def test_a_memory_that_cannot_be_written_costs_nothing_but_time(scene, tmp_path, monkeypatch, caplog):
    wait_for_settling(monkeypatch)
    (tmp_path / "file").write_text("not a folder")
    cache = GeometryCache(tmp_path / "file")
    assert cache.fingerprint(scene, PROVENANCE) == GeometryCache(tmp_path / "cache").fingerprint(scene, PROVENANCE)
    assert "cannot be kept" in caplog.text


def test_a_missing_file_has_a_key_of_its_own(cache, scene):
    """The estimator leaves the view out; when the file is there again, the scene is another."""
    before = cache.fingerprint(scene, PROVENANCE)
    content = scene.views[1].picture.path.read_bytes()
    scene.views[1].picture.path.unlink()
    missing = cache.fingerprint(scene, PROVENANCE)
    assert missing != before
    scene.views[1].picture.path.write_bytes(content)
    assert cache.fingerprint(scene, PROVENANCE) == before


def test_pictures_need_not_be_files_of_their_own(cache, tmp_path, monkeypatch):
    read = count_reads(monkeypatch)
    (tmp_path / "video.bin").write_bytes(b"frames")
    os.utime(tmp_path / "video.bin", (1e9, 1e9))
    views = tuple(View(name=f"v{k}", picture=Recorded(k, recording=tmp_path / "video.bin")) for k in range(3))
    scene = Scene(id="s", root=tmp_path, views=views, left_out={})
    key = cache.fingerprint(scene, PROVENANCE)
    assert read.count("video.bin") == 1
    assert cache.fingerprint(replace(scene, views=views[::-1]), PROVENANCE) != key
    rewrite(tmp_path / "video.bin", b"others")
    assert cache.fingerprint(scene, PROVENANCE) != key


def test_scenes_without_any_file_have_keys_too(cache):
    scene = Scene(
        id="s", root=None, views=tuple(View(name=f"v{k}", picture=Rendered(k)) for k in range(2)), left_out={}
    )
    other = replace(scene, views=(scene.views[0], replace(scene.views[1], picture=Rendered(7))))
    assert cache.fingerprint(scene, PROVENANCE) != cache.fingerprint(other, PROVENANCE)


def test_what_depth_measures_is_part_of_the_key(cache, scene):
    view = scene.views[0]
    rays = replace(view, depth=replace(view.depth, measure="ray_length"))
    changed = replace(scene, views=(rays, *scene.views[1:]))
    assert cache.fingerprint(changed, PROVENANCE) != cache.fingerprint(scene, PROVENANCE)


def test_keys_are_those_of_version_0_1(cache, tmp_path):
    """Frozen: a cache made before sources had pictures is hit."""
    scene = make_scene(tmp_path / "frozen")
    scene = replace(scene, views=tuple(replace(view, camera=None) for view in scene.views))
    frozen = "d7ce2b94ac51dd62b21f79a4f7cbb4fe2190e7a1c676194dd486308ca249bb28"
    assert cache.fingerprint(scene, PROVENANCE) == frozen


def test_sparse_points_and_who_saw_them_are_part_of_the_key(cache, scene):
    path = scene.root / "points3D.bin"
    path.write_bytes(b"points 0")
    keys = [cache.fingerprint(scene, PROVENANCE)]
    for views in (((1, "0"),), ((1, "1"),)):
        keys.append(cache.fingerprint(replace(scene, points=ColmapModelPoints(path, views)), PROVENANCE))
    rewrite(path, b"points 1", keep_time=False)
    keys.append(cache.fingerprint(replace(scene, points=ColmapModelPoints(path, ((1, "1"),))), PROVENANCE))
    assert len(set(keys)) == 4
