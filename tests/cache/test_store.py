"""Entries come back as they were put, are found by content, and appear whole or not at all."""

import errno
import os
import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from tests.cache.known import HW, CountingEstimator, make_camera, make_frame, make_geometry, make_scene
from warpdata.cache import CacheEntry, GeometryCache
from warpdata.errors import CacheError, GeometryError
from warpdata.geometry.types import ContentBox, FrameFailure, FrameGeometry, Provenance, SceneGeometry


def files_in(cache):
    return sorted(path.relative_to(cache.root).as_posix() for path in cache.root.rglob("*") if path.is_file())


def test_an_entry_says_what_was_put_into_it(cache, tmp_path):
    scene = make_scene(tmp_path / "scene", license="CC-BY-4.0")
    geometry = make_geometry(scene)
    entry = pickle.loads(pickle.dumps(cache.put(scene, geometry)))  # noqa: S301 our own
    assert len(entry) == 2
    assert entry.names == ("v0", "v1")
    assert entry.image_hws == [(130, 221)] * 2
    assert (entry.scene_id, entry.scale, entry.provenance) == ("scene", "metric", geometry.provenance)
    assert entry.left_out == {"v2": "too dark"}
    assert entry.report == {"error_px": 0.25}
    assert entry.header.source_license == "CC-BY-4.0"
    assert entry.key == entry.path.stem == cache.fingerprint(scene, geometry.provenance)
    assert [entry.index(name) for name in entry.names] == [0, 1]
    with pytest.raises(ValueError, match="too dark"):
        entry.index("v2")
    with pytest.raises(IndexError):
        entry.frame(2)


def test_frames_come_back_in_any_order(cache, scene):
    entry = cache.put(scene, make_geometry(scene))
    for index in (1, 0, -1):
        frame, made = entry.frame(index), make_frame(f"v{index % 2}", index % 2)
        assert (frame.name, frame.image_hw, frame.content_box) == (made.name, made.image_hw, made.content_box)
        assert torch.equal(frame.camera.K, made.camera.K)
        assert torch.equal(frame.camera.cam_from_world, made.camera.cam_from_world)
        assert frame.camera.hw == HW
        alone = entry.camera(index)
        assert (alone.name, alone.image_hw, alone.content_box) == (made.name, made.image_hw, made.content_box)
        assert torch.equal(alone.image_camera.K, made.image_camera.K)
        assert torch.equal(frame.depth == 0, made.depth == 0)
        torch.testing.assert_close(frame.depth, made.depth, rtol=2**-15, atol=0)
        torch.testing.assert_close(frame.confidence - 1, made.confidence - 1, rtol=2**-7, atol=2e-7)


def test_given_geometry_comes_back_exactly(cache, scene):
    """Depth of whole millimetres, confidence of 1 and 2: nothing is lost on the way through the cache."""
    stored = np.random.default_rng(3).integers(0, 2**16, HW).astype(np.uint16)
    depth = torch.from_numpy(stored.astype(np.float32) * np.float32(0.001))
    frame = FrameGeometry(
        name="v1",
        depth=depth,
        confidence=torch.where(depth > 0, 2.0, 1.0),
        camera=make_camera(),
        image_hw=HW,
        content_box=ContentBox(left=0.0, top=0.0, right=22.0, bottom=13.0),
    )
    given = SceneGeometry(scene_id="scene", outcomes=[frame], scale="metric", provenance=Provenance(estimator="given"))
    back = cache.put(scene, given).frame(0)
    assert torch.equal(back.depth, frame.depth)
    assert torch.equal(back.confidence, frame.confidence)


def test_the_same_input_gives_the_same_bytes(scene, tmp_path):
    first, second = (GeometryCache(tmp_path / name).put(scene, make_geometry(scene)) for name in ("a", "b"))
    assert first.path.name == second.path.name
    assert first.path.read_bytes() == second.path.read_bytes()


def test_any_reader_of_safetensors_opens_an_entry(cache, scene):
    entry = cache.put(scene, make_geometry(scene))
    with safe_open(entry.path, "np") as tensors:
        assert set(tensors.keys()) == {f"00000{i}.{kind}" for i in (0, 1) for kind in ("depth", "confidence")}
        assert tensors.metadata()["warpdata"].startswith('{"format":1,')
        assert tensors.get_tensor("000000.depth").dtype == np.uint8


def test_an_entry_of_constants_alone_has_no_tensors(cache, scene):
    frame = replace(make_frame("v0"), depth=torch.full(HW, 2.5), confidence=torch.ones(HW))
    entry = cache.put(scene, make_geometry(scene).transformed([frame]))
    with safe_open(entry.path, "np") as tensors:
        assert list(tensors.keys()) == []
    assert torch.equal(entry.frame(0).depth, frame.depth)
    assert torch.equal(entry.frame(0).confidence, frame.confidence)


def test_a_scene_is_found_by_what_it_holds(cache, scene, tmp_path):
    estimator = CountingEstimator()
    assert cache.get(scene, estimator.provenance) is None
    entry, made = cache.get_or_make(scene, estimator)
    assert made
    again, made = cache.get_or_make(scene, estimator)
    assert not made
    assert estimator.calls == 1
    assert again.path == entry.path == cache.get(scene, estimator.provenance).path
    elsewhere = make_scene(tmp_path / "copied")
    assert cache.get(replace(elsewhere, id="another"), estimator.provenance).path == entry.path
    assert files_in(cache) == sorted(
        [f"geometry/{entry.path.name}", *(path for path in files_in(cache) if path.startswith("digests/"))]
    )


def test_an_existing_entry_stays_as_it_is(cache, scene):
    entry = cache.put(scene, make_geometry(scene))
    before = entry.path.stat()
    other = make_geometry(scene).transformed([make_frame("v2", 9)])
    assert cache.put(scene, other).names == entry.names
    assert (entry.path.stat().st_ino, entry.path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_memory_is_that_of_a_frame(cache, tmp_path):
    """Sixty frames of 3 MB each take no more memory than a few."""
    scene = make_scene(tmp_path / "scene", views=60)
    peaks = []
    for count in (3, 60):
        frames = (make_frame(f"v{index}", index, (500, 600)) for index in range(count))
        provenance = Provenance(estimator="counting", options={"count": count})
        tracemalloc.start()
        cache.put(scene, make_geometry(scene, provenance).transformed(frames))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_reading_a_frame_reads_that_frame(cache, tmp_path, monkeypatch):
    scene = make_scene(tmp_path / "scene", views=30)
    entry = cache.put(scene, make_geometry(scene))
    entry.frame(0)
    read = []
    monkeypatch.setattr("warpdata.cache.entry.decode_map", lambda description, content, hw: read.append(content))
    with pytest.raises(TypeError):
        entry.frame(3)
    assert len(read[0]) < entry.path.stat().st_size / 30


@pytest.mark.parametrize("wrong", ["unknown", "unknown failure", "twice", "sizes"])
def test_geometry_that_is_no_geometry_of_the_scene_is_refused(cache, scene, wrong):
    frame = make_frame("v0")
    frames = {
        "unknown": [frame, make_frame("v9")],
        "unknown failure": [frame, FrameFailure(name="v9", reason="too dark")],
        "twice": [frame, frame],
        "sizes": [replace(frame, camera=make_camera(hw=(3, 4)))],
    }[wrong]
    with pytest.raises(ValueError, match=r"unknown view|different sizes"):
        cache.put(scene, make_geometry(scene).transformed(frames))
    assert not [path for path in files_in(cache) if path.startswith("geometry/")]


def test_a_scene_without_any_geometry_is_not_kept(cache, scene):
    nothing = make_geometry(scene).transformed([FrameFailure(name="v0", reason="too bright")])
    with pytest.raises(GeometryError, match="too bright"):
        cache.put(scene, nothing)
    assert not [path for path in files_in(cache) if path.startswith("geometry/")]


def test_views_that_the_estimator_forgot_are_named(cache, scene):
    entry = cache.put(scene, make_geometry(scene).transformed([make_frame("v1")]))
    assert entry.names == ("v1",)
    assert entry.left_out == dict.fromkeys(("v0", "v2"), "the estimator gave no frame, and no reason")


def test_what_the_estimator_holds_is_let_go_when_a_frame_is_refused(cache, scene):
    held = ["a folder"]

    def outcomes():
        try:
            yield make_frame("v9")
        finally:
            held.clear()

    geometry = make_geometry(scene).transformed(outcomes())
    with pytest.raises(ValueError, match="unknown view"):
        cache.put(scene, geometry)
    assert not held


def test_a_scene_that_changes_under_the_estimator_is_not_kept(cache, scene):
    class Slow(CountingEstimator):
        def __call__(self, scene, *, progress=None):
            scene.views[0].picture.path.write_bytes(b"retouched")
            return super().__call__(scene)

    with pytest.raises(GeometryError, match="changed while"):
        cache.get_or_make(scene, Slow())
    assert not [path for path in files_in(cache) if path.startswith(("geometry/", "locks/"))]


def test_an_estimator_keeps_to_what_it_announced(cache, scene):
    class Other(CountingEstimator):
        def __call__(self, scene, *, progress=None):
            return make_geometry(scene, Provenance(estimator="other"))

    with pytest.raises(ValueError, match="announced"):
        cache.get_or_make(scene, Other())


def test_an_estimator_that_fails_leaves_nothing_and_may_try_again(cache, scene):
    class Failing(CountingEstimator):
        def __call__(self, scene, *, progress=None):
            raise GeometryError("no overlap")

    for _ in range(2):
        with pytest.raises(GeometryError, match="no overlap"):
            cache.get_or_make(scene, Failing())
    assert not [path for path in files_in(cache) if path.startswith(("geometry/", "locks/"))]
    assert cache.get_or_make(scene, CountingEstimator())[1]


@pytest.mark.parametrize("step", ["write_tensor_file", "fsync", "replace", "frames"])
@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_fault_at_any_step_leaves_nothing(cache, scene, monkeypatch, step, fault):
    def fail(*args):
        raise fault

    geometry = make_geometry(scene)
    if step == "frames":
        geometry = geometry.transformed(fail() if index else make_frame("v0") for index in range(2))
    else:
        where = "warpdata.cache.store" if step == "write_tensor_file" else "os"
        monkeypatch.setattr(f"{where}.{step}", fail)
    cache.digest_folder.mkdir(parents=True)
    expected = CacheError if isinstance(fault, OSError) and step != "frames" else type(fault)
    with pytest.raises(expected) as caught:
        cache.put(scene, geometry)
    if expected is CacheError:
        assert "the disk is full" in str(caught.value)
        assert "`cache_dir`" in str(caught.value)
    assert files_in(cache) == []
    monkeypatch.undo()
    assert cache.get(scene, geometry.provenance) is None


@pytest.mark.skipif(os.name != "posix", reason="limiting the length of files takes POSIX")
@pytest.mark.parametrize("allowed", [0, 1000, 30_000, 60_000])
def test_a_disk_that_fills_up_is_a_cache_error(cache, scene, allowed):
    """The system itself refuses to write on, at any point of a write that is larger than any buffer."""
    import resource

    frames = [make_frame(f"v{index}", index, (100, 120)) for index in range(2)]
    cache.entry_folder.mkdir(parents=True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, limits[1]))
    try:
        with pytest.raises(CacheError, match="make room"):
            cache.put(scene, make_geometry(scene).transformed(frames))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_in(cache) == []
    assert cache.put(scene, make_geometry(scene).transformed(frames)).path.stat().st_size > 60_000


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_computed(scene, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    estimator = CountingEstimator()
    with pytest.raises(CacheError, match="`cache_dir`"):
        GeometryCache(tmp_path / "file").get_or_make(scene, estimator)
    assert estimator.calls == 0


def test_an_entry_under_another_name_is_not_believed(cache, scene):
    estimator = CountingEstimator()
    entry, _ = cache.get_or_make(scene, estimator)
    key = cache.fingerprint(scene, Provenance(estimator="given"))
    os.replace(entry.path, cache.entry_path(key))
    with pytest.raises(CacheError, match="renamed by hand"):
        cache.get(scene, Provenance(estimator="given"))


def no_locks(lock):
    raise OSError(errno.ENOLCK, "no locks available")


def test_without_locks_the_work_is_done_all_the_same(cache, scene, monkeypatch, caplog):
    monkeypatch.setattr("filelock.FileLock._acquire", no_locks)
    assert cache.get_or_make(scene, CountingEstimator())[1]
    assert "has no locks" in caplog.text


def test_an_entry_travels_as_a_path(cache, scene):
    entry = cache.put(scene, make_geometry(scene))
    entry.frame(0)
    assert len(pickle.dumps(entry)) < 500
    assert isinstance(entry, CacheEntry)


def test_an_entry_says_which_source_read_its_scene_and_older_ones_say_nothing(cache, scene):
    entry = cache.put(replace(scene, source="images"), make_geometry(scene))
    assert CacheEntry(entry.path).header.source == "images"
    other = Provenance(estimator="other")
    older = cache.put(scene, make_geometry(scene, other))
    assert CacheEntry(older.path).header.source is None
    assert b'\\"source\\"' not in older.path.read_bytes()
