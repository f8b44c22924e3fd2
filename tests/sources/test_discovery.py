"""Scenes are found, and what is none is not; whatever is passed over is named."""

import json
import os
import re

import pytest

from tests.scenes import write_photos, write_scene
from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError
from warpdata.formats.manifest import write_manifest
from warpdata.sources import discovery, open_source


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def ids(folder, **options):
    return open_source(SourceOptions(input_dir=folder, **options)).scene_ids()


PHOTOS = ("IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg")


def under(folder, names=PHOTOS):
    return [f"{folder}/{name}" for name in names]


@pytest.mark.parametrize(
    "folder",
    "thumbs Thumbnails .thumbnails _thumb preview small web-copies @eaDir #recycle @Recently-Snapshot __MACOSX "
    "lost+found $RECYCLE.BIN masks depth sparse".split(),
)
@pytest.mark.parametrize("place", ["", "room/"])
def test_photographs_in_a_folder_win_over_what_belongs_to_them(tmp_path, folder, place):
    top = tmp_path / "in"
    touch(top / place, *PHOTOS, *under(folder, ("IMG_1.png", "IMG_3.jpg")))
    assert ids(top) == ["room" if place else "in"]


def test_thumbnail_folders_of_a_file_server_hold_folders_named_like_pictures(tmp_path):
    touch(tmp_path / "in", *PHOTOS, *(f"@eaDir/{name}/SYNOPHOTO_THUMB_SM.jpg" for name in PHOTOS))
    touch(tmp_path / "in", *(f"more.jpg/{name}" for name in ("x.jpg", "y.jpg")))
    assert ids(tmp_path / "in") == ["in"]


def test_photographs_and_sub_folders_of_others_are_both_scenes_and_it_is_said(tmp_path, caplog):
    touch(tmp_path / "house", *PHOTOS, *under("kitchen", ("a.jpg", "b.jpg")))
    assert ids(tmp_path / "house") == ["house", "kitchen"]
    assert "is a scene of the 3 pictures that lie directly in it, and so are 1 of its sub-folders" in caplog.text


def test_one_photograph_beside_scenes_is_named_and_no_scene(tmp_path, caplog):
    touch(tmp_path / "in", "cover.jpg", *under("a"), *under("b"))
    assert ids(tmp_path / "in") == ["a", "b"]
    assert "cover.jpg lies beside scenes and is in none of them" in caplog.text


def test_scenes_lie_deeper_too_and_are_called_by_their_way(tmp_path):
    touch(tmp_path / "in", *under("a/x"), *under("a/y/images"), *under("b"), *under("1/2/3"), *under("1/2/3/4/5"))
    assert ids(tmp_path / "in") == ["1_2_3", "a_x", "a_y", "b"]


def test_pictures_below_a_scene_with_a_mark_are_its_own(tmp_path):
    write_scene(tmp_path / "in" / "s")
    touch(tmp_path / "in" / "s", *under("train"), *under("images_4"), *under("masks"))
    assert ids(tmp_path / "in") == ids(tmp_path / "in" / "s") == ["s"]
    write_scene(tmp_path / "in" / "s" / "part")
    assert ids(tmp_path / "in") == ["s", "s_part"]


def test_formats_may_be_mixed_and_one_may_be_insisted_on(tmp_path):
    write_scene(tmp_path / "cameras")
    write_photos(tmp_path / "photos")
    assert ids(tmp_path) == ["cameras", "photos"]
    assert ids(tmp_path, source="transforms") == ["cameras"]
    assert ids(tmp_path, source="images") == ["cameras", "photos"]
    scene = open_source(SourceOptions(input_dir=tmp_path, source="images")).scene("cameras")
    assert [view.camera for view in scene.views] == [None] * 3
    assert scene.source == "images"
    with pytest.raises(SourceError, match="no folder of it is what `source` transforms reads"):
        ids(tmp_path / "photos", source="transforms")


def complete(folder):
    touch(folder, "a/0_target.jpg", "a/0_splat.jpg", "a/1_target.jpg")
    write_manifest(folder, [], {"layout": "folder", "options": {}, "fingerprint": ""}, {})


def test_our_own_outputs_and_caches_in_the_input_are_no_scenes(tmp_path, caplog):
    write_photos(tmp_path / "in" / "room")
    complete(tmp_path / "in" / "triplets")
    complete(tmp_path / "in" / "deeper" / "out")
    touch(tmp_path / "in", "unfinished/.warpdata/lock-0", *under("unfinished/a"))
    touch(tmp_path / "in", "cache/geometry/x", "cache/digests/x", "cache/sky/1.png", "cache/sky/2.png")
    assert ids(tmp_path / "in") == ["room"]
    assert "triplets is left out: it is an output of this program" in caplog.text
    with pytest.raises(SourceError, match="it is an output of this program: give the folder of photographs"):
        ids(tmp_path / "in" / "triplets")


def test_somebody_elses_dataset_json_is_nothing_special(tmp_path):
    touch(tmp_path / "s", *PHOTOS)
    (tmp_path / "s" / "dataset.json").write_text(json.dumps({"ids": [1, 2]}))
    assert ids(tmp_path) == ["s"]


def test_pictures_that_cannot_be_read_are_named(tmp_path):
    touch(tmp_path / "s", *PHOTOS, "IMG_4.CR2", "a.psd")
    touch(tmp_path / "raw", "1.nef", "2.nef")
    source = open_source(SourceOptions(input_dir=tmp_path))
    assert source.scene_ids() == ["raw", "s"]
    reason = "pictures of type {} are not read: convert them to PNG or JPEG"
    assert source.scene("s").left_out == {"IMG_4.CR2": reason.format(".cr2"), "a.psd": reason.format(".psd")}
    with pytest.raises(SceneError, match=r"2 left out, the first, 1\.nef, because: pictures of type \.nef are not"):
        source.scene("raw")


def test_raw_files_beside_their_pictures_videos_and_stray_pictures_are_noted(tmp_path):
    touch(tmp_path / "s", *under("images"), "images/IMG_1.dng", "images/clip.MP4", "x.jpg", "y.jpg")
    scene = open_source(SourceOptions(input_dir=tmp_path)).scene("s")
    assert scene.left_out == {}
    assert len(scene.views) == 3
    assert "1 files of type .dng" in scene.notes[0]
    assert "videos beside the pictures" in scene.notes[1]
    assert "2 pictures directly in" in scene.notes[2]


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (["transforms_opt.json", "transforms_all.json"], "transforms_all.json and .*transforms_opt.json"),
        (["sparse/0/cameras.bin"], "sparse"),
        (["cameras.json"], "cameras.json"),
        (["out.nvm"], "out.nvm"),
        (["poses_bounds.npy"], "poses_bounds.npy"),
        (["Transforms.json"], "rename it to transforms.json"),
    ],
)
@pytest.mark.parametrize("place", ["", "train/"])
def test_cameras_that_are_not_read_are_named(tmp_path, files, named, place):
    touch(tmp_path / "in", *(f"lego/{place}{name}" for name in PHOTOS), *(f"lego/{file}" for file in files))
    source = open_source(SourceOptions(input_dir=tmp_path / "in"))
    (scene_id,) = source.scene_ids()
    (note,) = source.scene(scene_id).notes
    with pytest.raises(AssertionError, match=named):
        raise AssertionError(note)
    assert "used without cameras" in note


def test_cameras_beside_the_input_and_beside_a_transforms_json_are_not_spoken_of(tmp_path):
    touch(tmp_path, "cameras.json", *under("photos"))
    assert open_source(SourceOptions(input_dir=tmp_path / "photos")).scene("photos").notes == ()
    write_scene(tmp_path / "s")
    touch(tmp_path / "s", "transforms_train.json")
    assert open_source(SourceOptions(input_dir=tmp_path / "s")).scene("s").notes == ()


def test_an_input_without_scenes_says_what_is_there(tmp_path):
    with pytest.raises(SourceError, match="it is empty"):
        ids(tmp_path)
    touch(tmp_path, "notes.txt", "a/b.txt")
    with pytest.raises(SourceError, match=r"it holds a, notes\.txt"):
        ids(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may list everything")
def test_a_folder_that_cannot_be_listed_is_named(tmp_path, caplog):
    touch(tmp_path, *under("a"), *under("locked"))
    (tmp_path / "locked").chmod(0)
    assert ids(tmp_path) == ["a"]
    assert "locked is left out" in caplog.text


@pytest.mark.parametrize("pictures", ["rgb", "color", "images_left", "frames"])
def test_companions_beside_a_folder_of_photographs_are_no_scenes(tmp_path, caplog, pictures):
    touch(tmp_path / "in", *under(f"s/{pictures}"), *under("s/depth"), *under("s/mask"), *under("other"))
    assert len(ids(tmp_path / "in")) == 2
    if pictures != "images_left":  # a scene's own folder of pictures: what lies beside it is passed over as the scene's
        assert caplog.text.count("is left out: it belongs to the photographs in") == 2


def test_a_name_that_begins_like_a_companions_is_a_scene(tmp_path):
    names = ["conference", "flowers", "kitchen", "matchbox", "normandy", "seguin", "skyline"]
    touch(tmp_path / "in", "stray.jpg", *(file for name in names for file in under(name)))
    assert ids(tmp_path / "in") == names


def test_photographs_win_over_a_smaller_copy_in_a_folder_called_like_one_of_pictures(tmp_path):
    touch(tmp_path / "in", *PHOTOS, *under("images_small"))
    (scene_id,) = ids(tmp_path / "in")
    scene = open_source(SourceOptions(input_dir=tmp_path / "in")).scene(scene_id)
    assert {view.picture.path.parent for view in scene.views} == {tmp_path / "in"}
    touch(tmp_path / "top", *under("s"), *under("s/images_thumbs"))
    scene = open_source(SourceOptions(input_dir=tmp_path / "top")).scene("s")
    assert {view.picture.path.parent for view in scene.views} == {tmp_path / "top" / "s"}


def test_photographs_too_deep_are_named(tmp_path, caplog):
    touch(tmp_path / "in", *under("near"), *under("a/b/c/d"))
    assert ids(tmp_path / "in") == ["near"]
    assert "d is left out: it is more than 3 folders below the input" in caplog.text


def test_pictures_that_a_transforms_json_does_not_list_are_noted(tmp_path):
    write_scene(tmp_path / "s")
    touch(tmp_path / "s", "images/extra.png")
    (note,) = open_source(SourceOptions(input_dir=tmp_path / "s")).scene("s").notes
    assert note.startswith("1 pictures in ")
    assert "(extra.png) are not in transforms.json" in note


def test_siblings_of_scenes_are_not_compared_with_each_other(tmp_path, monkeypatch):
    """Ten thousand scenes lie beside each other: only a companion's name makes its siblings worth a look."""

    class Counting:
        asked = 0

        def fullmatch(self, name):
            self.asked += 1
            return re.fullmatch("rgb", name)

    counting = Counting()
    monkeypatch.setattr(discovery, "PHOTOGRAPHS", counting)
    touch(tmp_path / "in", *(file for index in range(9) for file in under(f"s{index}")))
    assert len(ids(tmp_path / "in")) == 9
    assert counting.asked == 0
    touch(tmp_path / "in", *under("rgb"), *under("depth"))
    assert "depth" not in ids(tmp_path / "in")
    assert counting.asked > 0
