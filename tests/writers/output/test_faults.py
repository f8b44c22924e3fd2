"""Killed, out of disk, not allowed: nothing half-written under a final name, and the next run ends the same."""

import errno
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.writers.runs import run, tree
from tests.writers.triplets import scene
from warpdata.errors import OutputError
from warpdata.files.atomic import part_path, place_file, write_atomic

LAYOUTS = ("webdataset", "modelscope")
OPTIONS = {"shard_samples": 3, "prompt": "p"}


def work(root: Path, number: int) -> None:
    """One of two processes that share an output."""
    run(root, *LAYOUTS, worker=(number, 2), **OPTIONS)


def start(root: Path) -> list:
    """Both processes, by a server that has everything imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.writers.runs"])
    processes = [context.Process(target=work, args=(root, number)) for number in range(2)]
    for process in processes:
        process.start()
    return processes


def assert_whole_files(root: Path) -> None:
    """Whatever has a final name can be read to its end."""
    for path in root.rglob("*"):
        if path.suffix in (".jpg", ".png"):
            with Image.open(path) as image:
                image.load()
        elif path.suffix == ".tar":
            assert path.read_bytes().endswith(bytes(1024))


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is a signal of POSIX systems")
@pytest.mark.parametrize("moments", [6, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_random_moments_two_writers_end_with_the_undisturbed_tree(moments, tmp_path):
    for root in (tmp_path / "calm", tmp_path / "timed"):  # the first also starts the server
        begin = time.monotonic()
        for process in start(root):
            process.join()
            assert process.exitcode == 0
        duration = time.monotonic() - begin
    expected = tree(tmp_path / "calm")
    assert sum(path.endswith(".tar") for path in expected) == 3
    chance = random.Random(0)
    disturbed = 0
    for moment in range(moments):
        root = tmp_path / str(moment)
        processes = start(root)
        time.sleep(chance.uniform(0, duration))
        for process in chance.sample(processes, 2):
            process.kill()
            process.join()
            disturbed += process.exitcode == -signal.SIGKILL
        assert_whole_files(root)
        processes = start(root)
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        assert tree(root) == expected
    assert disturbed


class Disk:
    """Lets a number of bytes be made durable, then is full."""

    def __init__(self, monkeypatch, error: int):
        self.left = 10**9
        self._error = error
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor: int) -> None:
        self.left -= os.fstat(descriptor).st_size
        if self.left < 0:
            raise OSError(self._error, os.strerror(self._error))


@pytest.mark.parametrize("layout", ["folder", "webdataset", "modelscope", "hf-parquet"])
@pytest.mark.parametrize(("error", "advice"), [(errno.ENOSPC, "disk is full"), (errno.EIO, "Input/output")])
def test_a_failing_disk_is_named_and_nothing_is_half_written(layout, error, advice, tmp_path, monkeypatch):
    if layout == "hf-parquet":
        pytest.importorskip("datasets", reason="writing hf-parquet needs it")
    run(tmp_path / "calm", layout, **OPTIONS)
    expected = tree(tmp_path / "calm")
    disk = Disk(monkeypatch, error)
    total = sum(path.stat().st_size for path in (tmp_path / "calm").rglob("*"))
    for share in (0.02, 0.5, 0.9):
        root = tmp_path / f"{share}"
        disk.left = int(total * share)
        with pytest.raises(OutputError, match=rf"cannot write .*{advice}"):
            run(root, layout, **OPTIONS)
        assert_whole_files(root)
        assert not list(root.rglob("*.part"))
        assert not (root / "dataset.json").exists()
        disk.left = 10**9
        run(root, layout, **OPTIONS)
        assert tree(root) == expected


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(OutputError, match=r"cannot write .*permission denied"):
        run(tmp_path / "out")
    tmp_path.chmod(0o755)


def test_a_read_only_file_system_is_named(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError, match=r"cannot write .*out.*read-only"):
        run(tmp_path / "out")


def test_an_output_that_is_a_file_is_named(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="out"):
        run(tmp_path / "out")


def test_a_file_is_durable_before_it_has_its_name(tmp_path, monkeypatch):
    events = []
    rename = os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: events.append("sync"))
    monkeypatch.setattr(os, "replace", lambda source, target: (events.append("name"), rename(source, target)))
    write_atomic(tmp_path / "deep" / "file", "text")
    assert events == ["sync", "name"]
    assert (tmp_path / "deep" / "file").read_text() == "text"


def test_what_a_kill_left_is_replaced(tmp_path):
    part_path(tmp_path / "file").write_text("half")
    write_atomic(tmp_path / "file", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("link", [True, False])
def test_a_file_is_placed_over_another(link, tmp_path):
    (tmp_path / "source").write_text("new")
    (tmp_path / "target").write_text("old")
    for _ in range(2):
        place_file(tmp_path / "source", tmp_path / "target", link=link)
        assert (tmp_path / "target").read_text() == "new"
        assert (tmp_path / "target").samefile(tmp_path / "source") == link
    assert len(list(tmp_path.iterdir())) == 2


def test_without_links_files_are_copied(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    run(tmp_path / "copied", "modelscope")
    monkeypatch.undo()
    run(tmp_path / "linked", "modelscope")
    assert tree(tmp_path / "copied") == tree(tmp_path / "linked")


@pytest.mark.slow
def test_ten_thousand_tiny_triplets(tmp_path):
    """Time and memory of the last thousand are those of the second."""
    import resource

    marks = []

    def many():
        for number in range(100):
            yield from scene(f"scene{number:03d}", 100, (4, 6))
            marks.append((time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))

    run(tmp_path, "webdataset", triplets=many(), shard_samples=1000)
    first, last = marks[19][0] - marks[9][0], marks[99][0] - marks[89][0]
    grown = (marks[99][1] - marks[19][1]) / 1024
    print(f"1000 triplets take {first:.2f} s, and {last:.2f} s at the end; 8000 triplets add {grown:.0f} MB")
    assert len(list(tmp_path.glob("*.tar"))) == 10
    assert grown < 100
