"""Files are whole under their final name or not there at all, whatever happens while they are written."""

import errno
import os
import threading

import pytest

from warpdata.errors import OutputError
from warpdata.files.atomic import atomic_file, part_path, place_file, write_atomic


def test_a_file_appears_with_all_its_bytes_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "folder" / "file.json"
    write_atomic(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_until_the_block_ends_the_old_file_stands(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("shared", [False, True])
def test_a_block_that_raises_leaves_the_old_file_and_no_part(tmp_path, shared):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted():
        with atomic_file(path, shared=shared) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_replaced_by_the_next(tmp_path):
    path = tmp_path / "file"
    part_path(path).write_bytes(b"left by a killed run, longer than what follows")
    write_atomic(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_writers_of_a_shared_file_do_not_meet(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([number]) * 100_000 for number in range(8)]
    threads = [threading.Thread(target=write_atomic, args=(path, data), kwargs={"shared": True}) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("code", "advice"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only")])
def test_errors_name_the_file_and_say_what_to_do(tmp_path, monkeypatch, code, advice):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=f"{tmp_path.name}/file: .*{advice}"):
        write_atomic(tmp_path / "file", b"data")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("link", [True, False])
def test_a_placed_file_has_the_same_bytes(tmp_path, link):
    source, path = tmp_path / "source", tmp_path / "to" / "path"
    source.write_bytes(b"bytes")
    place_file(source, path, link=link)
    assert path.read_bytes() == b"bytes"
    assert path.samefile(source) == link


def test_where_links_are_refused_a_copy_is_made(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "source").write_bytes(b"bytes")
    place_file(tmp_path / "source", tmp_path / "path", link=True)
    assert (tmp_path / "path").read_bytes() == b"bytes"
