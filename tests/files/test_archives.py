"""What an archive may not do, each alone; and that what it may do comes out as it went in."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import tarfile
import zipfile
from dataclasses import replace

import pytest

from warpdata.errors import ArchiveError
from warpdata.files.archives import ArchiveLimits, Member, Refused, unsafe_name, walk_tar, walk_zip
from warpdata.files.chain import ChainedFile

CONTENTS = {"a/one.txt": b"1" * 700, "a/two.npy": os.urandom(70_000), "three.png": b"", "\N{SNOWMAN}/4.txt": b"four"}


def tar_of(*members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w", **options) -> bytes:
    """A tar of files, or of headers as they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **options) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member, io.BytesIO(bytes(member.size)))
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def zip_of(*members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


class Stream(io.RawIOBase):
    """Bytes that can only be read on, a few at a time."""

    def __init__(self, data: bytes):
        self._file = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._file.read(min(len(buffer), 1000))
        buffer[: len(data)] = data
        return len(data)


def read_all(walk) -> dict[str, bytes]:
    return {found.name: found.content.read() for found in walk if isinstance(found, Member) and not found.is_folder}


def refused(walk) -> dict[str, str]:
    return {found.name: found.reason for found in walk if isinstance(found, Refused)}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("opened", [io.BytesIO, Stream])
def test_contents_of_a_tar_come_out_as_they_went_in(form, mode, opened):
    long = {
        "/".join(["long" * 20] * 3) + "/x.txt": b"long"
    }  # 240 bytes and more: ustar splits, the others say it apart
    contents = CONTENTS | (long if form != tarfile.USTAR_FORMAT else {})
    data = tar_of(*contents.items(), mode=mode, format=form)
    assert read_all(walk_tar(opened(data))) == contents


@pytest.mark.parametrize("opened", [io.BytesIO, Stream])
def test_contents_may_be_left_or_read_in_part(opened):
    walk = walk_tar(opened(tar_of(*CONTENTS.items())))
    heads = [(found.name, found.content.read(2) if found.name == "a/two.npy" else b"") for found in walk]
    assert heads == [(name, data[:2] if name == "a/two.npy" else b"") for name, data in CONTENTS.items()]


def test_a_plain_tar_says_where_its_members_lie():
    data = tar_of(*CONTENTS.items())
    for walk in (walk_tar(io.BytesIO(data)), walk_tar(Stream(data))):
        found = {member.name: data[member.offset : member.offset + member.size] for member in walk}
        assert found == CONTENTS
    assert all(member.offset is None for member in walk_tar(io.BytesIO(gzip.compress(data))))


def test_contents_of_a_zip_come_out_and_stored_ones_lie_where_it_says():
    stored, packed = (zip_of(*CONTENTS.items(), compression=c) for c in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    assert read_all(walk_zip(io.BytesIO(stored))) == read_all(walk_zip(io.BytesIO(packed))) == CONTENTS
    for member in walk_zip(io.BytesIO(stored)):
        assert stored[member.offset : member.offset + member.size] == CONTENTS[member.name]


def test_pieces_are_read_as_one(tmp_path):
    data = tar_of(*CONTENTS.items(), mode="w:gz")
    cuts = [0, 3, 40, 41, 20_000, len(data)]
    paths = []
    for number, (start, stop) in enumerate(itertools.pairwise(cuts)):
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(data[start:stop])
    with ChainedFile(paths) as chain:
        assert chain.length == len(data)
        assert read_all(walk_tar(chain)) == CONTENTS
    with ChainedFile(paths) as chain:
        chain.seek(39)
        assert io.BufferedReader(chain).read(100) == data[39:139]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("/etc/passwd.txt", "absolute"),
        ("a/../../b.txt", "upwards"),
        ("..", "upwards"),
        ("C:/x.txt", "absolute"),
        ("c:x.txt", "absolute"),
        ("a\\b.txt", "backslash"),
        ("..\\b.txt", "backslash"),
        ("a\nb.txt", "control"),
        ("a\0b.txt", "control"),
        ("", "without a name"),
        ("x" * 256, "256 bytes"),
        ("/".join(["x" * 200] * 6), "1,205 bytes"),
        ("\udcff.txt", "not UTF-8"),
    ],
)
def test_names_that_are_no_plain_path(name, word):
    assert word in unsafe_name(name)


@pytest.mark.parametrize("name", ["a", "./a/b.c", "a/..b/c..", "x" * 255, "ü/C.txt", "ab:c"])
def test_names_that_are(name):
    assert unsafe_name(name) is None


def typed(kind: bytes, name: str = "bad.txt", link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("opened", [io.BytesIO, Stream])
@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (typed(tarfile.SYMTYPE, link="/etc"), "symbolic link"),
        (typed(tarfile.SYMTYPE, link="good.txt"), "symbolic link"),
        (typed(tarfile.LNKTYPE, link="good.txt"), "hard link"),
        (typed(tarfile.CHRTYPE), "device"),
        (typed(tarfile.BLKTYPE), "device"),
        (typed(tarfile.FIFOTYPE), "pipe"),
        (typed(b"Z"), "neither a file nor a folder"),
        (("/bad.txt", b"x"), "absolute"),
        (("../bad.txt", b"x"), "upwards"),
        (("a\\bad.txt", b"x"), "backslash"),
        (("./good.txt", b"other"), "second time"),
        (("bad.exe", b"x"), "type that is not taken"),
    ],
)
def test_a_bad_member_costs_itself(opened, bad, word):
    data = tar_of(("good.txt", b"good"), bad, ("after.txt", b"after"))
    limits = ArchiveLimits(suffixes=frozenset({".txt"}))
    found = list(walk_tar(opened(data), limits))
    assert [member.name for member in found if isinstance(member, Member)] == ["good.txt", "after.txt"]
    (reason,) = refused(walk_tar(opened(data), limits)).values()
    assert word in reason


def test_a_file_behind_a_link_is_a_plain_file_in_a_folder_of_that_name():
    """The link is refused, so nothing is followed; who writes must make the folder."""
    data = tar_of(typed(tarfile.SYMTYPE, "out", "/tmp"), ("out/x.txt", b"x"))
    assert list(refused(walk_tar(io.BytesIO(data)))) == ["out"]
    assert read_all(walk_tar(io.BytesIO(data))) == {"out/x.txt": b"x"}


LIMITS = ArchiveLimits(members=3, member_bytes=1000, total_bytes=1500, ratio=20.0, ratio_after_bytes=10_000)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([(f"{n}.txt", b"") for n in range(4)], ("'3.txt'", "member 4", "more than 3")),
        ([("1.txt", b"x" * 1001)], ("'1.txt'", "1,001 bytes", "1,000")),
        ([("1.txt", b"x" * 900), ("2.txt", b"y" * 900)], ("'2.txt'", "1,500")),
        ([("../1.txt", b"x" * 900), ("2.txt", b"y" * 900)], ("'2.txt'", "1,500")),  # what is refused counts too
    ],
)
@pytest.mark.parametrize("walk", [walk_tar, walk_zip])
def test_a_limit_that_is_passed_ends_the_walk(members, words, walk):
    data = tar_of(*members) if walk is walk_tar else zip_of(*members)
    with pytest.raises(ArchiveError) as error:
        list(walk(io.BytesIO(data), LIMITS))
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("walk", [walk_tar, walk_zip])
def test_a_bomb_ends_the_walk_with_its_name(walk):
    limits = replace(LIMITS, member_bytes=10**9, total_bytes=10**9)
    members = [("small.txt", b"x"), ("bomb.txt", bytes(2_000_000))]
    packed = tar_of(*members, mode="w:gz") if walk is walk_tar else zip_of(*members, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveError, match=r"20 times its size.*'bomb\.txt'"):
        read_all(walk(io.BytesIO(packed), limits))


def test_what_compresses_well_and_is_small_is_no_bomb():
    data = tar_of(("mask.npy", bytes(2_000_000)), mode="w:gz")
    assert read_all(walk_tar(io.BytesIO(data))) == {"mask.npy": bytes(2_000_000)}


def test_headers_that_would_fill_the_memory_are_refused():
    info = tarfile.TarInfo("x.txt")
    info.pax_headers = {"comment": "x" * 5_000_000}
    for opened in (io.BytesIO, Stream):
        with pytest.raises(ArchiveError, match="longer than headers may be"):
            list(walk_tar(opened(tar_of(info, format=tarfile.PAX_FORMAT))))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("opened", [io.BytesIO, Stream])
def test_a_tar_that_is_cut_short_is_an_error_wherever_it_is_cut(mode, opened):
    data = tar_of(*CONTENTS.items(), mode=mode)
    whole = len(data) if mode == "w:gz" else len(data.rstrip(b"\0")) + 100
    for length in (0, 5, 300, 512, 1100, whole // 2, whole - 200, whole - 4 if mode == "w:gz" else whole - 600):
        with pytest.raises(ArchiveError):
            read_all(walk_tar(opened(data[:length])))


def test_damage_is_an_error_and_not_the_end():
    """`tarfile` alone takes a header whose sum is wrong for the end of the archive."""
    data = bytearray(tar_of(*CONTENTS.items()))
    second = data.index(b"a/two.npy")
    data[second] ^= 1
    with pytest.raises(ArchiveError, match=r"after 'a/one\.txt'"):
        list(walk_tar(io.BytesIO(data)))


def test_two_archives_joined_are_not_read_as_the_first():
    data = tar_of(("a.txt", b"a"))
    with pytest.raises(ArchiveError, match="two archives joined"):
        list(walk_tar(Stream(data + tar_of(("b.txt", b"b")))))


@pytest.mark.parametrize(("head", "name"), [(b"BZh91AY", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\3\4zip", "zip")])
def test_other_compressions_are_named(head, name):
    with pytest.raises(ArchiveError, match=name):
        list(walk_tar(io.BytesIO(head)))


def test_a_zip_with_links_devices_or_secrets():
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    pipe = zipfile.ZipInfo("pipe")
    pipe.external_attr = 0o010644 << 16
    data = zip_of((link, b"/etc"), (pipe, b""), ("../up", b""), ("good.txt", b"good"))
    found = refused(walk_zip(io.BytesIO(data)))
    assert list(found) == ["link", "pipe", "../up"]
    assert "symbolic link" in found["link"]
    assert read_all(walk_zip(io.BytesIO(data))) == {"good.txt": b"good"}


def test_a_damaged_zip():
    data = bytearray(zip_of(("a.txt", b"abcdefgh" * 100)))
    data[60] ^= 1
    with pytest.raises(ArchiveError, match=r"a\.txt"):
        read_all(walk_zip(io.BytesIO(data)))
    with pytest.raises(ArchiveError, match="no zip"):
        list(walk_zip(io.BytesIO(b"not one")))
