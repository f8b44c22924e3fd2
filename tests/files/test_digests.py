"""Digests of files, against the library's of the same bytes."""

import hashlib
import os

from warpdata.files.digests import file_sha256, git_blob_sha1, remembered_sha256


def test_digests_are_those_of_the_bytes(tmp_path):
    for length in (0, 1, 2**20 - 1, 2**20, 2**20 + 1):
        data = bytes(range(256)) * (length // 256 + 1)
        path = tmp_path / str(length)
        path.write_bytes(data[:length])
        assert file_sha256(path) == hashlib.sha256(data[:length]).hexdigest()


def test_git_names_a_blob_by_its_length_and_bytes(tmp_path):
    """`printf 'hello\\n' | git hash-object --stdin`."""
    path = tmp_path / "hello"
    path.write_bytes(b"hello\n")
    assert git_blob_sha1(path) == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_remembered_digest_follows_a_changed_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    first = remembered_sha256(path)
    path.write_bytes(b"two")
    os.utime(path, (2, 2))
    assert remembered_sha256(path) == file_sha256(path) != first
