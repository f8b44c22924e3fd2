"""A second start lists no scene and opens no file of one; whatever changed in between is seen."""

import pytest
from PIL import Image

import warpdata.sources.folder_state
import warpdata.triplets.frames
from tests.scenes import edit_transforms, plane_camera, plane_picture, write_image
from tests.training.training import make_data, write_scenes
from warpdata.cache.store import GeometryCache
from warpdata.config import PairOptions
from warpdata.sources.folder import FolderSource

VIEWS = {"a": 3, "b": 4}


@pytest.fixture
def listed(monkeypatch):
    """Ids of the scenes that were listed; files count as settled at once."""
    monkeypatch.setattr(warpdata.sources.folder_state, "SETTLED_NS", -(10**18))
    ids = []
    list_scene = FolderSource.scene

    def record(self, scene_id):
        ids.append(scene_id)
        return list_scene(self, scene_id)

    monkeypatch.setattr(FolderSource, "scene", record)
    return ids


@pytest.fixture
def folder(tmp_path, listed):
    write_scenes(tmp_path / "in", VIEWS)
    make_data(tmp_path).setup()
    assert listed == ["a", "b"]
    listed.clear()
    return tmp_path


def setup(folder, **options):
    data = make_data(folder, **options)
    data.setup()
    return data.scenes_of("train")


def test_a_second_start_opens_no_picture_and_no_entry(folder, listed, monkeypatch):
    """One scene alone is listed, to see that its estimator is still the same."""
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("a picture is opened"))
    monkeypatch.setattr("warpdata.cache.entry.read_header", lambda *_: pytest.fail("an entry is opened"))
    monkeypatch.setattr(GeometryCache, "get_or_make", lambda *_, **__: pytest.fail("geometry is looked up"))
    data = make_data(folder)
    data.setup()
    assert len(data.train_dataloader().sampler.table) == 5
    assert listed == ["a"]


def test_what_is_remembered_is_what_was_found(folder, listed, tmp_path_factory):
    remembered = setup(folder)
    assert listed == ["a"]
    for path in (folder / "cache" / "index").iterdir():
        path.unlink()
    found = setup(folder)
    assert listed == ["a", "a", "b"]
    for one, other in zip(remembered, found, strict=True):
        assert (one.pairs, one.sizes, one.output_hw) == (other.pairs, other.sizes, other.output_hw)
        assert one.pictures == other.pictures
        assert one.entry.key == other.entry.key


def add_picture(folder):
    write_image(folder / "in" / "b" / "images" / "9.png")


def change_picture(folder):
    path = folder / "in" / "b" / "images" / "1.png"
    write_image(path, plane_picture(plane_camera(9, (24, 36))))


def change_depth(folder):
    path = folder / "in" / "b" / "depth" / "1.png"
    path.write_bytes((folder / "in" / "b" / "depth" / "2.png").read_bytes())


def change_cameras(folder):
    edit_transforms(folder / "in" / "b", fl_x=41.0)


def remove_entry(folder):
    entries = (folder / "cache" / "geometry").iterdir()
    for path in [path for path in entries if b'"scene_id":"b"' in path.read_bytes().replace(b"\\", b"")]:
        path.unlink()


@pytest.mark.parametrize("change", [add_picture, change_picture, change_depth, change_cameras, remove_entry])
def test_a_change_is_seen(folder, listed, change):
    change(folder)
    scenes = setup(folder)
    assert listed == ["a", "b"]
    assert [len(scene.pairs) for scene in scenes] == [2, 3]
    assert scenes[1].inputs(scenes[1].pairs[0], warpdata.triplets.frames.FrameCache(0)).id == "b/1"


def test_another_estimator_is_seen(folder, listed, monkeypatch):
    monkeypatch.setattr("warpdata.cache.provider.GeometryProvider.provenance", other_provenance)
    setup(folder)
    assert listed == ["a", "a", "b"]


def other_provenance(self, scene):
    from warpdata.geometry.types import Provenance

    return Provenance(estimator="another", options={})


def test_other_options_have_records_of_their_own(folder, listed):
    scenes = setup(folder, pairs=PairOptions(pairs="all"))
    assert [len(scene.pairs) for scene in scenes] == [3, 6]
    assert listed == ["a", "b"]


@pytest.mark.parametrize("damage", [b"", b"[]", b"null", b'{"a": 3}', b'{"a": {"state": 1}}'])
def test_a_damaged_index_is_made_again(folder, listed, damage):
    (path,) = (folder / "cache" / "index").iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage)
    setup(folder)
    assert listed == ["a", "b"]
    assert path.read_bytes() == whole


def test_a_file_outside_the_scene_is_not_believed(folder, listed):
    (path,) = (folder / "cache" / "index").iterdir()
    path.write_text(path.read_text().replace("images/0.png", "../../0.png"))
    setup(folder)
    assert set(listed) == {"a", "b"}


def test_a_folder_that_changes_right_now_is_not_remembered(tmp_path):
    write_scenes(tmp_path / "in", {"a": 2})
    make_data(tmp_path).setup()
    assert not (tmp_path / "cache" / "index").exists()
