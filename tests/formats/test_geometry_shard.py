"""Geometry shards come back byte for byte, and nothing of another archive is unpacked."""

import io
import tarfile

import pytest

from warpdata.formats.geometry_shard import GEOMETRY, ShardPicture, unpack_geometry_shard, write_geometry_shard


def write(path, geometry=b"geometry"):
    (path.parent / "entry").write_bytes(geometry)
    pictures = [ShardPicture("view-1", ".JPG", lambda: b"one"), ShardPicture("view-2", ".png", lambda: b"two")]
    write_geometry_shard(path, "room", path.parent / "entry", pictures, license="CC0-1.0", scale="metric")


def test_a_shard_comes_back(tmp_path):
    write(tmp_path / "room.tar")
    (tmp_path / "there").mkdir()
    with (tmp_path / "room.tar").open("rb") as file:
        scene = unpack_geometry_shard(file, tmp_path / "there")
    assert (scene.id, scene.license, scene.scale) == ("room", "CC0-1.0", "metric")
    contents = {view: (tmp_path / "there" / picture).read_bytes() for view, picture in scene.views.items()}
    assert contents == {"view-1": b"one", "view-2": b"two"}
    assert (tmp_path / "there" / GEOMETRY).read_bytes() == b"geometry"


def test_equal_scenes_give_equal_shards(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "room.tar")
    assert (tmp_path / "a" / "room.tar").read_bytes() == (tmp_path / "b" / "room.tar").read_bytes()
    with tarfile.open(tmp_path / "a" / "room.tar") as tar:
        assert {(member.mtime, member.uid, member.uname, member.mode) for member in tar} == {(0, 0, "", 0o644)}


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("../room.scene.json", tarfile.REGTYPE, b"{}"),
        ("room.000000.jpg", tarfile.SYMTYPE, b""),
        ("room.other.json", tarfile.REGTYPE, b"{}"),
        ("room.scene.json", tarfile.REGTYPE, b"[1]"),
        ("room.scene.json", tarfile.REGTYPE, b'{"id":"a","license":null,"scale":"x","views":[{"name":"v"}]}'),
        (
            "room.scene.json",
            tarfile.REGTYPE,
            b'{"id":"a","license":null,"scale":"x","views":[{"name":"v","picture":"../../x.jpg"}]}',
        ),
    ],
)
def test_other_archives_are_refused(name, kind, data, tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(data), "/etc/passwd"
        tar.addfile(member, io.BytesIO(data))
    file.seek(0)
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError):
        unpack_geometry_shard(file, tmp_path / "there")
    assert not (tmp_path / "room.scene.json").exists()
