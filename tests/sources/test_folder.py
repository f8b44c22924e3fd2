"""Scenes are found where people put them, whatever else lies about."""

import os
from pathlib import Path

import pytest

from tests.scenes import write_image, write_photos, write_scene
from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError
from warpdata.sources import Source, open_source


def source(folder, **options) -> Source:
    return open_source(SourceOptions(input_dir=folder, **options))


def view_names(folder, scene_id, **options):
    return [view.name for view in source(folder, **options).scene(scene_id).views]


def empty_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_each_sub_folder_with_images_is_a_scene(tmp_path):
    for path in ("a2/x.jpg", "a10/images/x.PNG", "a10/notes.txt", "b/images_4/x.heic", "no/notes.txt", ".h/x.jpg"):
        empty_file(tmp_path / path)
    empty_file(tmp_path / "stray.jpg")
    (tmp_path / "empty").mkdir()
    assert source(tmp_path).scene_ids() == ["a2", "a10", "b"]
    for scene_id, folder in (("a2", "a2"), ("a10", "a10/images"), ("b", "b/images_4")):
        scene = source(tmp_path).scene(scene_id)
        assert (scene.id, scene.root) == (scene_id, tmp_path / scene_id)
        assert [view.picture.path.parent for view in scene.views] == [tmp_path / folder]
        assert not scene.ships_geometry


@pytest.mark.parametrize("place", ["", "images"])
def test_flat_input_is_one_scene(tmp_path, place):
    for name in ("b10.jpg", "b9.jpg", "a.txt", ".c.jpg"):
        empty_file(tmp_path / "My scene.1" / place / name)
    assert source(tmp_path / "My scene.1").scene_ids() == ["My_scene_1"]
    assert view_names(tmp_path / "My scene.1", "My_scene_1") == ["b9", "b10"]


def test_flat_input_may_be_the_current_folder(tmp_path, monkeypatch):
    write_photos(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    assert source(Path(".")).scene_ids() == ["here"]


def test_all_suffixes_in_any_case_in_natural_order(tmp_path):
    names = "1.jpg 2.JPEG 3.png 4.Bmp 5.tif 6.TIFF 7.heic 8.HEIF 10.jpg 11.gif 12.nef 13.txt"
    for name in names.split():
        empty_file(tmp_path / "s" / name)
    assert view_names(tmp_path, "s") == ["1", "2", "3", "4", "5", "6", "7", "8", "10", "11"]


def test_folders_named_like_images_hold_none_of_theirs(tmp_path):
    """An empty `images_old` beside images does not hide them; a folder called `x.png` is no image."""
    (tmp_path / "s" / "images_old").mkdir(parents=True)
    (tmp_path / "s" / "x.png").mkdir()
    empty_file(tmp_path / "s" / "y.png")
    assert view_names(tmp_path, "s") == ["y"]
    assert source(tmp_path).scene("s").left_out == {}


def test_equal_stems_get_names_of_their_own(tmp_path):
    for name in ("b.jpg", "b.png", "B.tif", "c.d.jpg", "c d.jpg", "e.jpg"):
        empty_file(tmp_path / "s" / name)
    scene = source(tmp_path).scene("s")
    names = {view.picture.path.name: view.name for view in scene.views}
    assert len({name.casefold() for name in names.values()}) == len(names) == 6
    assert names["e.jpg"] == "e"
    assert names["b.jpg"].startswith("b_")
    assert names["c d.jpg"].startswith("c_d_")


def test_scene_ids_are_clean_and_unique(tmp_path):
    for name in ("a b", "a.b", "c"):
        empty_file(tmp_path / name / "1.jpg")
    ids = source(tmp_path).scene_ids()
    assert "c" in ids
    assert len(ids) == 3
    assert {source(tmp_path).scene(scene_id).root.name for scene_id in ids} == {"a b", "a.b", "c"}


def test_listing_opens_no_image(tmp_path, monkeypatch):
    write_scene(tmp_path / "with_cameras")
    write_photos(tmp_path / "photos")

    def refuse(*arguments, **options):
        raise AssertionError("an image was opened")

    monkeypatch.setattr("PIL.Image.open", refuse)
    scenes = source(tmp_path)
    assert [len(scenes.scene(scene_id).views) for scene_id in scenes.scene_ids()] == [3, 3]


def test_names_do_not_depend_on_the_selection(tmp_path):
    for k in range(6):
        empty_file(tmp_path / "s" / f"{k}.jpg")
    empty_file(tmp_path / "s" / "5.png")
    everything = view_names(tmp_path, "s")
    assert view_names(tmp_path, "s", skip_every=2) == everything[::2]
    assert view_names(tmp_path, "s", limit=3) == everything[:3]


def test_links_out_of_the_scene_are_refused_and_links_inside_are_fine(tmp_path):
    secret = write_image(tmp_path / "elsewhere" / "secret.png")
    write_photos(tmp_path / "in" / "s")
    os.symlink(secret, tmp_path / "in" / "s" / "stolen.png")
    os.symlink(tmp_path / "in" / "s" / "0.png", tmp_path / "in" / "s" / "again.png")
    os.symlink(tmp_path / "nothing", tmp_path / "in" / "s" / "broken.png")
    os.symlink("loop.png", tmp_path / "in" / "s" / "loop.png")
    scene = source(tmp_path / "in").scene("s")
    assert [view.name for view in scene.views] == ["0", "1", "2", "again"]
    assert set(scene.left_out) == {"stolen.png", "broken.png", "loop.png"}
    assert "is a link that leads out of the scene's folder" in scene.left_out["stolen.png"]

    os.symlink(tmp_path / "elsewhere", tmp_path / "in" / "s" / "images")
    with pytest.raises(SceneError, match="images is a link that leads out"):
        source(tmp_path / "in").scene("s")


def test_a_scene_folder_may_itself_be_a_link(tmp_path):
    write_photos(tmp_path / "pool" / "s")
    (tmp_path / "in").mkdir()
    os.symlink(tmp_path / "pool" / "s", tmp_path / "in" / "s")
    assert view_names(tmp_path / "in", "s") == ["0", "1", "2"]


def test_cameras_come_with_transforms_json(tmp_path):
    write_scene(tmp_path / "s")
    scene = source(tmp_path).scene("s")
    assert scene.ships_geometry
    assert [view.name for view in scene.views] == ["0", "1", "2"]
    write_scene(tmp_path / "flat")
    assert source(tmp_path / "flat").scene("flat").ships_geometry


def test_unusable_input_says_what_to_do(tmp_path):
    with pytest.raises(SourceError, match="does not exist; give another as `input_dir`"):
        source(tmp_path / "nowhere").scene_ids()
    with pytest.raises(SourceError, match=r"no scene in .*: expected images"):
        source(tmp_path).scene_ids()
    empty_file(tmp_path / "file")
    with pytest.raises(SourceError, match="is a file, and none that"):
        source(tmp_path / "file").scene_ids()


def test_a_scene_without_usable_images_says_so(tmp_path):
    (tmp_path / "s" / "images").mkdir(parents=True)
    with pytest.raises(SceneError, match=r"has no usable image .* it is empty"):
        source(tmp_path).scene("s")
    os.symlink(tmp_path, tmp_path / "s" / "images" / "a.png")
    with pytest.raises(SceneError, match=r"1 left out, the first, a\.png, because: "):
        source(tmp_path).scene("s")


def test_unknown_names_are_wrong_arguments(tmp_path):
    write_photos(tmp_path / "s")
    with pytest.raises(ValueError, match="there is no source 'nothing'; choose from auto, megadepth"):
        source(tmp_path, source="nothing")
    with pytest.raises(ValueError, match="holds no scene 't'"):
        source(tmp_path).scene("t")
