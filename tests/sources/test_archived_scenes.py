"""Scenes in tars and zips: what is read from them is what is read from the folder; what is wrong with them is named."""

import json
import os
import pickle
import shutil
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cache_tools.verify import State, verify
from tests.scenes import (
    HW,
    edit_transforms,
    plane_camera,
    plane_picture,
    write_image,
    write_photos,
    write_scene,
)
from tests.sources.readers.colmap_scenes import write_colmap_scene, write_mask
from tests.videos import Clip
from warpdata.cache.key import FileDigests, scene_inputs
from warpdata.config import GeometryOptions, SourceOptions
from warpdata.errors import SceneError, SourceError, ViewError
from warpdata.geometry.types import Provenance
from warpdata.programs.materialize import main
from warpdata.sources import PictureFile, Workplace, open_source
from warpdata.training.datamodule import WarpDataModule


def pack(folder: Path, archive: Path, *, wrapped: bool = False, deflate: bool = False) -> Path:
    """A folder's files as a tar or a zip, below a folder of its name where that is wanted."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    names = [(path, path.relative_to(folder.parent if wrapped else folder)) for path in sorted(folder.rglob("*"))]
    if archive.suffix == ".tar":
        with tarfile.open(archive, "w") as out:
            for path, name in names:
                out.add(path, name, recursive=False)
    else:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as out:
            for path, name in names:
                out.write(path, name)
    return archive


def as_wai(folder: Path) -> None:
    """Turn a `transforms.json` into a `scene_meta.json`."""
    meta = json.loads((folder / "transforms.json").read_text())
    for frame in meta["frames"]:
        frame["transform_matrix"] = (np.array(frame["transform_matrix"]) @ np.diag([1, -1, -1, 1])).tolist()
        frame["image"], frame["depth"], frame["mask"] = (
            frame[key] for key in ("file_path", "depth_file_path", "mask_path")
        )
    (folder / "transforms.json").unlink()
    (folder / "scene_meta.json").write_text(json.dumps(meta))


def mask_pixels(k: int) -> np.ndarray:
    pixels = np.full(HW, 255, np.uint8)
    pixels[: 3 + k] = 0
    return pixels


def write_room(folder: Path, *, depth_suffix: str = ".png", kind: str = "transforms") -> Path:
    """A scene with cameras, depth and masks."""
    write_scene(folder, depth_suffix=depth_suffix, scale_type="metric", license="CC0")
    for k in range(3):
        write_image(folder / "masks" / f"{k}.png", mask_pixels(k))
        edit_transforms(folder, k, mask_path=f"masks/{k}.png")
    if kind == "wai":
        as_wai(folder)
    return folder


def source_of(folder, **options):
    return open_source(SourceOptions(input_dir=folder, **options))


def only(source):
    (scene_id,) = source.scene_ids()
    return source.scene(scene_id)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("suffix", "deflate", "depth_suffix", "kind"),
    [
        (".tar", False, ".png", "transforms"),
        (".tar", False, ".npy", "transforms"),
        (".zip", False, ".exr", "wai"),
        (".zip", True, ".npy", "wai"),
        (".zip", True, ".exr", "transforms"),
    ],
)
def test_an_archived_scene_is_the_scene(tmp_path, suffix, deflate, depth_suffix, kind, wrapped):
    folder = write_room(tmp_path / "plain" / "room", depth_suffix=depth_suffix, kind=kind)
    pack(folder, tmp_path / "in" / f"room{suffix}", wrapped=wrapped, deflate=deflate)
    plain, packed = only(source_of(tmp_path / "plain")), only(source_of(tmp_path / "in"))
    assert packed.id == plain.id == "room"
    assert (packed.source, packed.scale, packed.license) == (plain.source, plain.scale, plain.license)
    assert plain.source == kind
    assert packed.left_out == plain.left_out == {}
    assert packed.notes == plain.notes == ()
    for one, other in zip(plain.views, packed.views, strict=True):
        assert one.name == other.name
        assert one.camera.K.equal(other.camera.K)
        assert one.camera.cam_from_world.equal(other.camera.cam_from_world)
        assert one.picture.load().equal(other.picture.load())
        assert one.picture.read_bytes() == other.picture.read_bytes()
        assert one.depth.load().equal(other.depth.load())
        assert one.mask.load().equal(other.mask.load())
        assert len(pickle.dumps(other.picture)) < 400
        assert len({other.picture, PictureFile(other.picture.path)}) == 1
        assert f"room{suffix}" in other.picture.label
        assert other.picture.label.endswith(f"{one.name}.png")
        assert other.depth.unit == one.depth.unit
    digests = FileDigests(tmp_path / "digests")
    provenance = Provenance(estimator="given")
    assert scene_inputs(plain, provenance, digests).key == scene_inputs(packed, provenance, digests).key
    assert scene_inputs(packed, provenance, FileDigests(tmp_path / "digests")).key


@pytest.mark.parametrize("kind", ["binary", "text"])
@pytest.mark.parametrize("suffix", [".tar", ".zip"])
def test_a_model_of_colmap_in_an_archive(tmp_path, suffix, kind):
    folder = write_colmap_scene(tmp_path / "plain" / "hall", ("0.png", "1.png", "2.png"), kind, depth=True)
    write_mask(folder / "masks" / "1.png")
    pack(folder, tmp_path / "in" / f"hall{suffix}", wrapped=True, deflate=True)
    plain, packed = only(source_of(tmp_path / "plain")), only(source_of(tmp_path / "in"))
    assert (packed.id, packed.source, packed.left_out) == (plain.id, "colmap", {})
    assert packed.points.load().xyz.equal(plain.points.load().xyz)
    for one, other in zip(plain.views, packed.views, strict=True):
        assert one.camera.cam_from_world.equal(other.camera.cam_from_world)
        assert one.picture.load().equal(other.picture.load())
        assert one.depth.load().equal(other.depth.load())
        assert (one.mask is None) == (other.mask is None)
    assert packed.views[1].mask.load().equal(plain.views[1].mask.load())


def test_a_video_in_an_archive(tmp_path):
    pytest.importorskip("av", reason="PyAV (extra video) is not installed")
    pictures = [plane_picture(plane_camera(k)) for k in range(6)]
    (tmp_path / "plain").mkdir()
    Clip().write(tmp_path / "plain" / "walk.mp4", pictures)
    pack(tmp_path / "plain", tmp_path / "in" / "phone.zip", deflate=True)
    work = Workplace(cache_dir=tmp_path / "cache")
    plain, packed = (only(open_source(SourceOptions(input_dir=tmp_path / name), work=work)) for name in ("plain", "in"))
    assert (plain.id, packed.id, packed.source) == ("walk", "phone", "video")
    assert plain.views
    assert packed.views == plain.views


def test_digests_of_members_are_remembered_while_the_archive_is_the_same(tmp_path):
    archive = pack(write_photos(tmp_path / "room"), tmp_path / "in" / "room.tar")
    os.utime(archive, (1e9, 1e9))
    digests = FileDigests(tmp_path / "digests")
    first = digests.digests(archive, ["0.png", "1.png", "none.png"])
    assert first["none.png"] is None
    assert first["0.png"] != first["1.png"]
    write_image(tmp_path / "room" / "0.png", np.zeros((*HW, 3), np.uint8))
    pack(tmp_path / "room", archive)
    assert digests.digests(archive, ["0.png", "1.png"])["0.png"] != first["0.png"]


def test_a_folder_of_archives_is_many_scenes(tmp_path):
    photos = write_photos(tmp_path / "p")
    for name in ("a.tar", "b.zip", "sub/c.v2.tar"):
        pack(photos, tmp_path / "in" / name, wrapped=name == "b.zip")
    shutil.copytree(photos, tmp_path / "in" / "d")
    source = source_of(tmp_path / "in")
    assert source.scene_ids() == ["a", "b", "d", "sub_c_v2"]
    assert all(len(source.scene(scene_id).views) == 3 for scene_id in source.scene_ids())
    assert source.scene("b").root == (tmp_path / "in" / "b.zip" / "p").resolve()


def test_an_archive_is_an_input_of_its_own(tmp_path):
    photos = write_photos(tmp_path / "p")
    for wrapped in (False, True):
        archive = pack(photos, tmp_path / f"room{wrapped}.tar", wrapped=wrapped)
        assert source_of(archive).scene_ids() == [archive.stem]
    write_photos(tmp_path / "two" / "x")
    write_room(tmp_path / "two" / "y")
    archive = pack(tmp_path / "two", tmp_path / "two.zip")
    source = source_of(archive)
    assert source.scene_ids() == ["x", "y"]
    assert [source.scene(scene_id).source for scene_id in ("x", "y")] == ["images", "transforms"]
    pack(tmp_path / "two", tmp_path / "in" / "two.zip")
    assert source_of(tmp_path / "in").scene_ids() == ["two_x", "two_y"]
    assert source_of(tmp_path / "in" / "two.zip" / "y").scene_ids() == ["y"]


def test_state_changes_with_the_archive(tmp_path, monkeypatch):
    archive = pack(write_photos(tmp_path / "p"), tmp_path / "in" / "room.tar")
    source = source_of(tmp_path / "in")
    assert source.state("room") is None  # it may be changing
    later = time.time_ns() + 10**10
    monkeypatch.setattr("warpdata.sources.folder_state.time.time_ns", lambda: later)
    state = source.state("room")
    assert state is not None
    assert source.state("room") == state
    os.utime(archive, (1e9, 1e9))
    assert source.state("room") not in (state, None)


def test_training_starts_from_an_archive_and_again_from_its_index(tmp_path, monkeypatch):
    write_room(tmp_path / "plain" / "room")
    archive = pack(tmp_path / "plain" / "room", tmp_path / "in" / "room.tar", wrapped=True)
    os.utime(archive, (1e9, 1e9))
    later = time.time_ns() + 10**10
    monkeypatch.setattr("warpdata.sources.folder_state.time.time_ns", lambda: later)
    options = GeometryOptions(geometry="given", cache_dir=tmp_path / "cache")
    targets = []
    for _ in range(2):
        data = WarpDataModule(tmp_path / "in", geometry=options, batch_size=2, num_workers=0)
        data.setup("fit")
        targets.append(next(iter(data.train_dataloader())).target)
    (index,) = (tmp_path / "cache" / "index").iterdir()
    assert json.loads(index.read_text())["room"]["files"] == ["images/0.png", "images/1.png", "images/2.png"]
    assert targets[0].equal(targets[1])


def test_what_belongs_to_no_scene_is_named(tmp_path, caplog):
    photos = write_photos(tmp_path / "in" / "room")
    pack(photos, tmp_path / "in" / "room.zip")  # unpacked beside it
    pack(photos, photos / "backup.tar")  # in a scene's folder, with the same photographs
    pack(photos, photos / "masks.zip")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    pack(tmp_path / "texts", tmp_path / "in" / "texts.tar")
    write_photos(tmp_path / "again" / "x")
    pack(photos, tmp_path / "again" / "x" / "inner.zip")
    pack(tmp_path / "again", tmp_path / "in" / "again.tar")
    write_room(tmp_path / "in" / "owner")
    pack(photos, tmp_path / "in" / "owner" / "own.zip")
    assert source_of(tmp_path / "in").scene_ids() == ["again", "owner", "room"]
    assert "room.zip is left out: the folder room beside it has its name" in caplog.text
    assert "backup.tar is left out: it holds the photographs of" in caplog.text
    assert "masks.zip is left out: it belongs to the photographs in" in caplog.text
    assert "texts.tar is left out: it holds no scene" in caplog.text


def test_a_broken_archive_costs_its_scene_and_is_named(tmp_path):
    pack(write_photos(tmp_path / "p"), tmp_path / "in" / "good.tar")
    (tmp_path / "in" / "squeezed.tar.gz").write_bytes(b"\x1f\x8b\x08\0")
    (tmp_path / "in" / "broken.zip").write_bytes(b"PK\3\4")
    with zipfile.ZipFile(tmp_path / "in" / "outside.zip", "w") as out:
        out.writestr("../a.png", b"")
    cut = (tmp_path / "in" / "good.tar").read_bytes()[:20_000]
    (tmp_path / "in" / "cut.tar").write_bytes(cut)
    source = source_of(tmp_path / "in")
    assert source.scene_ids() == ["broken", "cut", "good", "outside", "squeezed"]
    for scene_id, says in {
        "broken": r"scene broken cannot be used: .*broken\.zip cannot be read: it is damaged, or no zip",
        "cut": r"cut\.tar cannot be read: it is damaged or cut short",
        "outside": r"1 members of .*outside\.zip are not used: '\.\./a\.png' is named with `\.\.`",
        "squeezed": r"squeezed\.tar\.gz cannot be read: it is compressed as a whole with gzip.*unpack it",
    }.items():
        with pytest.raises(SceneError, match=says):
            source.scene(scene_id)
    assert len(source.scene("good").views) == 3
    for name in ("squeezed.tar.gz", "broken.zip"):
        with pytest.raises(SourceError, match=rf"{name} cannot be read"):
            source_of(tmp_path / "in" / name).scene_ids()


def test_refused_members_are_in_the_notes_and_their_views_left_out(tmp_path):
    folder = write_room(tmp_path / "room")
    (tmp_path / "secret.png").write_bytes((folder / "images" / "1.png").read_bytes())
    (folder / "images" / "1.png").unlink()
    (folder / "images" / "1.png").symlink_to(tmp_path / "secret.png")
    edit_transforms(folder, 2, file_path="../p.png")
    pack(folder, tmp_path / "in" / "room.tar")
    scene = only(source_of(tmp_path / "in"))
    assert [view.name for view in scene.views] == ["0"]
    assert "does not exist" in scene.left_out["images/1.png"]
    assert "leads out of the scene's folder" in scene.left_out["../p.png"]
    assert any("1 members of" in note and "'images/1.png' is a symbolic link" in note for note in scene.notes)


def test_a_picture_damaged_in_the_archive_costs_its_view(tmp_path):
    folder = write_photos(tmp_path / "room")
    archive = pack(folder, tmp_path / "room.zip", deflate=True)
    data = bytearray(archive.read_bytes())
    start = data.index(b"1.png") + 200
    data[start : start + 50] = bytes(50)
    archive.write_bytes(data)
    scene = only(source_of(archive))
    with pytest.raises(ViewError, match=r"room\.zip/1\.png cannot be read as a picture .*1\.png is damaged"):
        scene.views[1].picture.load()
    assert scene.views[0].picture.load().shape == (3, *HW)


def test_triplets_from_an_archive_are_those_from_the_folder(tmp_path):
    write_room(tmp_path / "plain" / "room", depth_suffix=".exr")
    pack(tmp_path / "plain" / "room", tmp_path / "in" / "room.tar", wrapped=True)
    for name in ("plain", "in"):
        arguments = ["--input-dir", tmp_path / name, "--output-dir", tmp_path / f"out-{name}", "--geometry", "given"]
        assert main([*map(str, arguments), "--quiet", "--cache-dir", str(tmp_path / f"cache-{name}")]) == 0
    (verdict,) = verify(tmp_path / "cache-in")
    assert verdict.state is State.GOOD
    files = sorted(path for path in (tmp_path / "out-plain").rglob("*.jpg"))
    assert files
    for path in files:
        other = tmp_path / "out-in" / path.relative_to(tmp_path / "out-plain")
        assert path.read_bytes() == other.read_bytes()
    report = json.loads((tmp_path / "out-in" / "report.json").read_text())
    assert [(scene["scene"], scene["source"]) for scene in report["scenes"]] == [("room", "transforms")]
