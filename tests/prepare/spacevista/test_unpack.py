"""The bundle: chunks as one stream, hostile members refused, resumed where it stopped."""

import io
import tarfile

import pytest

from warpdata.errors import ArchiveError, OutputError, SourceError
from warpdata.files.archives import ArchiveLimits
from warpdata.prepare.spacevista.unpack import SUFFIXES, find_chunks, suffix_of, unpack

FILES = {f"DL3DV_frames/a/{k}.png": bytes([k]) * (3000 + k) for k in range(9)} | {
    "uco3d_frames/b/1.jpg": b"x" * 5000,
    "meta.json": b"[]",
}


def add(tar: tarfile.TarFile, name: str, data: bytes = b"x", **about) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data) if about.get("type", tarfile.REGTYPE) == tarfile.REGTYPE else 0
    for key, value in about.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))


def bundle(extra=lambda tar: None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in FILES.items():
            add(tar, name, data)
        extra(tar)
    return packed.getvalue()


def split(folder, data: bytes, count: int = 5, length: int = 2):
    folder.mkdir(exist_ok=True)
    step = len(data) // count + 1
    for k in range(count):
        name = f"SpaceVista_preview_chunk_{suffix_of(k, length)}"
        (folder / name).write_bytes(data[k * step : (k + 1) * step])
    return folder


def test_members_across_chunks_come_out_whole(tmp_path):
    chunks = find_chunks(split(tmp_path / "chunks", bundle()))
    assert len(chunks) == 5
    report = unpack(chunks, tmp_path / "out")
    assert not report.refused
    assert sum(report.written.values()) == len(FILES)
    for name, data in FILES.items():
        assert (tmp_path / "out" / name).read_bytes() == data


def test_suffixes_count_as_split_counts():
    assert [suffix_of(k, 2) for k in (0, 25, 26, 675)] == ["aa", "az", "ba", "zz"]


def test_one_folder_of_it(tmp_path):
    report = unpack(find_chunks(split(tmp_path / "chunks", bundle())), tmp_path / "out", only=("uco3d_frames",))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["uco3d_frames"]
    assert report.passed_over == 10


def test_listing_writes_nothing(tmp_path):
    said = []
    unpack(find_chunks(split(tmp_path / "chunks", bundle())), None, say=said.append)
    assert len(said) == len(FILES)
    assert not (tmp_path / "out").exists()


def test_what_is_there_stays_and_a_killed_run_goes_on(tmp_path):
    chunks = find_chunks(split(tmp_path / "chunks", bundle()))
    out = tmp_path / "out"
    unpack(chunks, out, only=("DL3DV_frames",))
    (out / "DL3DV_frames/a/3.png").unlink()
    (out / "DL3DV_frames/a/.3.png.part").write_bytes(b"half")
    (out / "DL3DV_frames/a/4.png").write_bytes(b"of my own")
    report = unpack(chunks, out)
    assert report.there["DL3DV_frames"] == 7
    assert report.written["DL3DV_frames"] == 1
    assert (out / "DL3DV_frames/a/3.png").read_bytes() == FILES["DL3DV_frames/a/3.png"]
    assert (out / "DL3DV_frames/a/4.png").read_bytes() == b"of my own"
    assert [name for name, _ in report.refused] == ["DL3DV_frames/a/4.png"]
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "SpaceVista_preview_chunk_ac").unlink(), "chunk_ac is missing"),
        (lambda folder: (folder / "SpaceVista_preview_chunk_aaa").write_bytes(b""), "2 and 3 letters"),
        (lambda folder: (folder / "Other_chunk_aa").write_bytes(b""), "2 bundles"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], "no chunks"),
    ],
)
def test_chunks_that_are_not_one_bundle_are_named(tmp_path, change, said):
    folder = split(tmp_path / "chunks", bundle())
    change(folder)
    with pytest.raises(SourceError, match=said):
        find_chunks(folder)


def test_a_missing_last_chunk_ends_the_run(tmp_path):
    folder = split(tmp_path / "chunks", bundle())
    (folder / "SpaceVista_preview_chunk_ae").unlink()
    with pytest.raises(ArchiveError, match=r"4 chunks in .*chunk_ad, the last there is.*damaged or cut short"):
        unpack(find_chunks(folder), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.part"))


HOSTILE = {
    "/etc/evil.png": ({}, "absolute"),
    "../evil.png": ({}, "upwards"),
    "a/../../evil.png": ({}, "upwards"),
    "link.png": ({"type": tarfile.SYMTYPE, "linkname": "/etc"}, "symbolic link"),
    "hard.png": ({"type": tarfile.LNKTYPE, "linkname": "meta.json"}, "hard link"),
    "device.png": ({"type": tarfile.CHRTYPE}, "device"),
    "pipe.png": ({"type": tarfile.FIFOTYPE}, "pipe"),
    "run.sh": ({}, "not taken"),
    "meta.json": ({}, "second time"),
    "x" * 300 + ".png": ({}, "255"),
}


def test_hostile_members_cost_themselves(tmp_path):
    def extra(tar):
        for name, (about, _) in HOSTILE.items():
            add(tar, name, **about)

    report = unpack(find_chunks(split(tmp_path / "chunks", bundle(extra))), tmp_path / "out")
    assert len(report.refused) == len(HOSTILE)
    for (name, reason), (given, (_, said)) in zip(report.refused, HOSTILE.items(), strict=True):
        assert name == given
        assert said in reason
    assert sum(report.written.values()) == len(FILES)
    assert {path.name for path in tmp_path.iterdir()} == {"chunks", "out"}


def test_a_link_in_the_output_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "uco3d_frames").symlink_to(tmp_path / "elsewhere")
    report = unpack(find_chunks(split(tmp_path / "chunks", bundle())), tmp_path / "out")
    assert [name for name, _ in report.refused] == ["uco3d_frames/b/1.jpg"]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_bomb_ends_the_run_and_is_named(tmp_path):
    """Zeros that shrink a thousandfold, beyond the first megabytes, which honest masks may do."""
    limits = ArchiveLimits(ratio=20.0, ratio_after_bytes=2 * 2**20, suffixes=SUFFIXES)
    folder = split(tmp_path / "chunks", bundle(lambda tar: add(tar, "bomb.npy", bytes(8 * 2**20))))
    with pytest.raises(ArchiveError, match=r"bomb\.npy"):
        unpack(find_chunks(folder), tmp_path / "out", limits=limits)
    assert not (tmp_path / "out" / "bomb.npy").exists()


def test_a_damaged_byte_ends_the_run(tmp_path):
    data = bytearray(bundle())
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ArchiveError, match=r"5 chunks in .* as far as into SpaceVista_preview_chunk_a[cde]"):
        unpack(find_chunks(split(tmp_path / "chunks", bytes(data))), tmp_path / "out")


def test_too_little_space_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10})())
    with pytest.raises(OutputError, match="10 bytes free"):
        unpack(find_chunks(split(tmp_path / "chunks", bundle())), tmp_path / "out")
    assert not (tmp_path / "out").exists()
