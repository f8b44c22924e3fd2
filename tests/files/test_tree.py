"""Files by path, on the disk and in archives alike; and what an archive may not do to whoever reads from it."""

import io
import os
import tarfile
import zipfile
import zlib

import pytest

from warpdata.files import archive_index
from warpdata.files.archive_index import ArchiveIndex
from warpdata.files.digests import file_sha256
from warpdata.files.tree import (
    archive_around,
    archive_stem,
    describe_refused,
    file_numbers,
    is_file,
    is_folder,
    list_folder,
    local_file,
    open_file,
)

CONTENTS = {"a/one.txt": b"1" * 7000, "a/b/two.bin": os.urandom(70_000), "three.png": b"", "\N{SNOWMAN}/4.txt": b"four"}
KINDS = ["room.tar", "room.ZIP", "deflated.zip", "plain.folder"]


def write_tree(path, contents=None):
    """Contents as a folder, a tar or a zip, as the name says."""
    contents = CONTENTS if contents is None else contents
    suffix = path.suffix.lower()
    if suffix == ".tar":
        with tarfile.open(path, "w") as tar:
            for name, data in contents.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    elif suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if path.stem == "deflated" else zipfile.ZIP_STORED) as out:
            for name, data in contents.items():
                out.writestr(name, data)
    else:
        for name, data in contents.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_tree_reads_the_same_wherever_it_lies(tmp_path, kind):
    root = write_tree(tmp_path / kind)
    for name, data in CONTENTS.items():
        with open_file(root / name) as file:
            assert file.read() == data
            assert file.seek(2) == 2
            assert file.read(3) == data[2:5]
            assert file.seek(-3, io.SEEK_END) == len(data) - 3 if data else True
        assert file_numbers(root / name).size == file_numbers(str(root / name)).size == len(data)
        assert is_file(root / name)
        assert not is_folder(root / name)
        with local_file(root / name) as local:
            assert local.read_bytes() == data
            assert local.name == (root / name).name
        assert (root / name).resolve().is_relative_to(root.resolve())
    assert file_sha256(root / "a/one.txt") == file_sha256(write_tree(tmp_path / "plain") / "a/one.txt")
    assert list_folder(root) == list_folder(tmp_path / "plain")
    assert list_folder(root / "a") == archive_index.Folder(("one.txt",), ("b",))
    assert is_folder(root)
    assert is_folder(root / "a" / "b")
    assert not is_file(root / "a")
    for wrong in ("none", "a/none", "a/one.txt/none", "A/one.txt"):
        assert not is_file(root / wrong)
        assert not is_folder(root / wrong)
        with pytest.raises(OSError, match=r"No such file|Not a directory"):
            open_file(root / wrong)
    with pytest.raises(OSError, match="Is a directory"):
        open_file(root / "a")
    with pytest.raises(NotADirectoryError):
        list_folder(root / "a" / "one.txt")


def test_members_of_a_tar_are_read_in_place(tmp_path, monkeypatch):
    """Of the archive's bytes only those of the member are read."""
    root = write_tree(tmp_path / "room.tar", {"head": b"", **{f"{k}.bin": bytes([k]) * 500_000 for k in range(20)}})
    assert is_file(root / "7.bin")
    read = []
    plain_readinto = archive_index._Range.readinto
    monkeypatch.setattr(
        archive_index._Range, "readinto", lambda self, out: read.append(n := plain_readinto(self, out)) or n
    )
    with open_file(root / "7.bin") as file:
        assert file.read() == bytes([7]) * 500_000
    assert sum(read) == 500_000
    with open_file(root / "19.bin") as file:
        file.seek(400_000)
        assert file.read(10) == bytes([19]) * 10
    assert sum(read) < 500_000 + 100_000


def test_an_archive_that_changes_is_read_anew(tmp_path):
    path = write_tree(tmp_path / "room.tar")
    assert is_file(path / "three.png")
    write_tree(path, {"other.png": b"12"})
    assert not is_file(path / "three.png")
    assert file_numbers(path / "other.png").size == 2


def test_paths_that_only_look_like_archives(tmp_path):
    folder = write_tree(tmp_path / "v1.tar.d" / "folder.tar" / "x", {"a.txt": b"a"})
    assert archive_around(folder / "a.txt") is None
    assert is_file(folder / "a.txt")
    archive = write_tree(tmp_path / "v1.tar.d" / "in.zip")
    assert archive_around(archive / "a" / "one.txt") == (archive, "a/one.txt")
    assert archive_around(archive) == (archive, "")
    assert is_file(archive)
    with open_file(archive) as file:
        assert file.read(2) == b"PK"
    assert [archive_stem(name) for name in ("a.b.tar", "x.TAR.GZ", "y.zip", "z.txt", ".zip")] == [
        *("a.b", "x", "y", "z.txt", ".zip")
    ]


def test_an_archive_as_a_file_is_not_looked_into(tmp_path):
    (tmp_path / "x.tar").write_bytes(b"anything")
    with open_file(tmp_path / "x.tar") as file:
        assert file.read() == b"anything"
    assert file_numbers(tmp_path / "x.tar").size == 8
    assert is_file(tmp_path / "x.tar")
    with local_file(tmp_path / "x.tar") as local:
        assert local == tmp_path / "x.tar"


def test_what_is_refused_is_named(tmp_path):
    path = tmp_path / "room.tar"
    with tarfile.open(path, "w") as tar:
        for name, kind, link in (
            ("../up.png", tarfile.REGTYPE, ""),
            ("link.png", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.png", tarfile.LNKTYPE, "good.png"),
            ("good.png", tarfile.REGTYPE, ""),
            ("good.png", tarfile.REGTYPE, ""),
            ("good.png/below.png", tarfile.REGTYPE, ""),
            ("folder/x.png", tarfile.REGTYPE, ""),
            ("folder", tarfile.REGTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            tar.addfile(info)
    assert list_folder(path) == archive_index.Folder(("good.png",), ("folder",))
    refused = ArchiveIndex.read(path).refused
    assert refused["../up.png"].startswith("named with `..`")
    assert refused["link.png"] == "a symbolic link (to '/etc/passwd')"
    assert refused["hard.png"].startswith("a hard link")
    assert refused["good.png"] == "there a second time"
    assert refused["good.png/below.png"].startswith("below a file")
    assert refused["folder"] == "a file with the name of a folder"
    sentence = describe_refused(path / "good.png")
    assert sentence.startswith(f"6 members of {path} are not used: '../up.png' is named with `..`")
    assert sentence.endswith("; and 1 more")
    assert describe_refused(write_tree(tmp_path / "room.zip")) is None
    assert describe_refused(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("x.tar.gz", b"\x1f\x8b\x08\0", "compressed as a whole with gzip.*gunzip"),
        ("x.tar", b"\x1f\x8b\x08\0", "compressed as a whole with gzip.*gunzip"),
        ("x.tbz", b"BZh91AY", "compressed with bzip2; unpack it"),
        ("x.tar.xz", b"\xfd7zXZ\0", "compressed with xz; unpack it"),
        ("x.tar", b"not a tar" * 100, "damaged or cut short at its start"),
        ("x.tar", b"", "damaged or cut short at its start"),
        ("x.zip", b"PK\3\4" + bytes(100), "damaged, or no zip"),
    ],
)
def test_archives_that_cannot_be_read_say_why(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    in_it = (lambda path: open_file(path / "a"), lambda path: file_numbers(path / "a"))
    for call in (list_folder, is_folder, describe_refused, *in_it):
        with pytest.raises(OSError, match=rf"{name} cannot be read: .*{says}"):
            call(tmp_path / name)


def deflated_zip(path, data, **changes):
    """A zip of one deflated member, with numbers of its directory changed: offset in its entry -> new value."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("m.bin", data)
    content = bytearray(path.read_bytes())
    entry = content.rfind(b"PK\1\2")
    for where, value in ((16, changes.get("crc32")), (20, changes.get("packed")), (24, changes.get("size"))):
        if value is not None:
            content[entry + where : entry + where + 4] = value.to_bytes(4, "little")
    path.write_bytes(content)
    return path / "m.bin"


@pytest.mark.parametrize("changes", [{"size": 10}, {"size": 10**6}, {"crc32": 1}, {"packed": 5}])
def test_a_deflated_member_that_lies_is_refused(tmp_path, changes):
    """Also a bomb: a megabyte that says it is ten bytes stops after the first block."""
    path = deflated_zip(tmp_path / "x.zip", b"0" * 2**20 if changes.get("size") == 10 else os.urandom(1000), **changes)
    with open_file(path) as file, pytest.raises(OSError, match=r"m\.bin is damaged: (it is not of the|its checksum)"):
        file.read()
    with open_file(path) as file:
        file.seek(-1, io.SEEK_END)
        with pytest.raises(OSError, match=r"m\.bin is damaged"):
            file.read(1)


def test_a_bomb_is_refused_by_its_directory(tmp_path):
    deflated_zip(tmp_path / "x.zip", bytes(70 * 2**20))
    with pytest.raises(OSError, match=r"x\.zip cannot be read: it unpacks to more than 20 times its size, in 'm\.bin'"):
        list_folder(tmp_path / "x.zip")


def test_a_deflated_member_with_broken_bytes_is_refused(tmp_path):
    path = deflated_zip(tmp_path / "x.zip", bytes(range(256)) * 40)
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[40:60] = b"\xff" * 20
    (tmp_path / "x.zip").write_bytes(data)
    with open_file(path) as file, pytest.raises(OSError, match=r"m\.bin is damaged"):
        file.read()


def test_deflated_members_are_unpacked_as_far_as_they_are_read(tmp_path, monkeypatch):
    path = deflated_zip(tmp_path / "x.zip", os.urandom(3_000_000))
    reads = []
    plain = zlib.crc32
    monkeypatch.setattr(
        archive_index.zlib, "crc32", lambda data, start=0: reads.append(len(data)) or plain(data, start)
    )
    with open_file(path) as file:
        file.read(100)
        assert 100 <= sum(reads) < 600_000
        file.seek(50)
        file.read(100)
        assert sum(reads) < 600_000
        file.seek(0)
        file.read()
    assert sum(reads) == 3_000_000


def test_long_deflated_members_go_to_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_index, "IN_MEMORY", 1000)
    data = os.urandom(500_000)
    with open_file(deflated_zip(tmp_path / "x.zip", data)) as file:
        assert file.read() == data


def test_names_in_a_zip_that_do_not_say_their_encoding(tmp_path):
    """macOS writes UTF-8 and does not say so; others write the code page of DOS."""
    for name, expected in (("été/写真.png".encode(), "été/写真.png"), ("été.png".encode("cp437"), "été.png")):
        path = tmp_path / "x.zip"
        stand_in = "x" * len(name)
        with zipfile.ZipFile(path, "w") as out:
            out.writestr(stand_in, b"data")
        path.write_bytes(path.read_bytes().replace(stand_in.encode(), name))
        with open_file(path / expected) as file:
            assert file.read() == b"data"
