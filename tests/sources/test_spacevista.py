"""SpaceVista's frames as scenes: groups, orders and counts; masks; cameras beside; what is missing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.spacevista_set import make_set
from warpdata.config import SourceOptions
from warpdata.errors import SceneError, SourceError
from warpdata.plugins import OwnOptions
from warpdata.sources import Workplace, open_source
from warpdata.sources.spacevista import index as index_module
from warpdata.sources.spacevista.options import SpaceVistaOptions

pytest.importorskip("ijson", reason="the extra `spacevista` is not installed")

DL3DV, UCO3D, WILDRGBD = "DL3DV_1K_0a1b2c3d", "uco3d_furniture_table_1-2-3", "wildrgbd_ball_scene_001"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("spacevista"))


def open_set(root, cache, *, source="auto", **own):
    options = SourceOptions(input_dir=root, source=source)
    return open_source(options, OwnOptions(SpaceVistaOptions(**own)), work=Workplace(cache_dir=cache))


def items_file(root, name, videos, info=None) -> None:
    turns = [{"role": "user", "content": "<video>"}, {"role": "assistant", "content": "x"}]
    entries = [
        {"problem_id": str(k), "messages": turns, "videos": [v], "extra_info": info or {}} for k, v in enumerate(videos)
    ]
    (root / name).write_text(json.dumps(entries))


def pictures(root, *paths) -> None:
    for k, path in enumerate(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (k, k, k)).save(root / path)


def test_the_set_is_recognised_and_grouped(made, tmp_path):
    source = open_set(made, tmp_path)
    assert source.scene_ids() == [DL3DV, UCO3D, WILDRGBD]
    scene = source.scene(DL3DV)
    assert scene.source == "spacevista"
    assert "DL3DV" in scene.license
    assert [view.name for view in scene.views] == [f"frame_{k:05d}" for k in range(1, 11)]


def test_frames_listed_at_two_sizes_are_one(made, tmp_path):
    """The first item mixes `images` and `images_8`; only the latter lies on the disk."""
    scene = open_set(made, tmp_path).scene(DL3DV)
    assert len(scene.views) == 10
    assert not scene.left_out
    assert all("images_8" in view.picture.label for view in scene.views)


def test_cameras_beside_are_scaled_to_the_frame(made, tmp_path):
    scene = open_set(made, tmp_path).scene(DL3DV)
    content = json.loads((made / "DL3DV_frames/1K/0a1b2c3d/transforms.json").read_text())
    camera = scene.views[0].camera_at((240, 320))
    assert camera.K[0, 0] == content["fl_x"] / 2
    assert camera.K[1, 2] == content["cy"] / 2
    world_from_cam = torch.tensor(content["frames"][0]["transform_matrix"], dtype=torch.float64)
    assert torch.allclose(camera.world_from_cam[:3, 3], world_from_cam[:3, 3])
    assert open_set(made, tmp_path).scene(UCO3D).views[0].camera is None


def test_subsets_are_chosen_and_unknown_ones_named(made, tmp_path):
    assert open_set(made, tmp_path, subset=("dl3dv", "WildRGBD")).scene_ids() == [DL3DV, WILDRGBD]
    with pytest.raises(SourceError, match="`subset` scannet; there are DL3DV, uco3d, wildrgbd"):
        open_set(made, tmp_path, subset=("ScanNet",)).scene_ids()


@pytest.mark.parametrize("choice", ["keep", "drop"])
def test_masks_of_objects_become_masks_of_views(made, tmp_path, choice):
    scene = open_set(made, tmp_path, object_mask=choice).scene(DL3DV)
    numbers = np.load(made / "DL3DV_masks/1K/0a1b2c3d/frame_00001.npy")
    uco = np.load(made / "uco3d_masks/table/1-2-3/frame000001.npy")
    objects = (numbers == 1) | uco  # two items point at the first frame
    mask = scene.views[0].mask.load().numpy()
    assert (mask == (objects if choice == "keep" else ~objects)).all()
    assert all(view.mask is None for view in scene.views[1:])
    assert any("1 of 10 frames have a mask" in note for note in scene.notes)
    assert scene.views[0].mask.digest() != replace(scene.views[0].mask, keep=choice == "drop").digest()


def test_without_the_option_masks_are_nothing(made, tmp_path):
    assert open_set(made, tmp_path).scene(DL3DV).views[0].mask is None


def test_the_benchmark_is_read_the_same_way(made, tmp_path):
    source = open_set(made, tmp_path, meta=Path("benchmark.json"))
    assert source.scene_ids() == [WILDRGBD]
    assert len(source.scene(WILDRGBD).views) == 10


def test_scenes_are_the_union_of_what_items_list_in_natural_order(tmp_path):
    names = [f"a_frames/s/images/f_{k}.png" for k in (1, 2, 10, 9)]
    pictures(tmp_path, *names)
    items_file(tmp_path, "meta.json", [names[:2], names[2:], names[1:3]])
    scene = open_set(tmp_path, tmp_path / "cache").scene("a_s")
    assert [view.name for view in scene.views] == ["f_1", "f_2", "f_9", "f_10"]


def test_missing_frames_are_named_and_too_few_cost_the_scene(tmp_path):
    there = [f"a_frames/s/images/f_{k}.png" for k in range(3)]
    pictures(tmp_path, *there)
    items_file(tmp_path, "meta.json", [[*there, "a_frames/s/images/gone.png"]])
    scene = open_set(tmp_path, tmp_path / "cache").scene("a_s")
    assert len(scene.views) == 3
    assert scene.left_out == {"a_frames/s/images/gone.png": "the file is missing"}
    with pytest.raises(SceneError, match=r"has 3 of the 4 frames .*min_frames=4"):
        open_set(tmp_path, tmp_path / "cache", min_frames=4).scene("a_s")
    with pytest.raises(SourceError, match="`min_frames`"):
        open_set(tmp_path, tmp_path / "cache", min_frames=5).scene_ids()


def test_paths_do_not_leave_the_root(tmp_path):
    root = tmp_path / "set"
    pictures(tmp_path, "secret.png")
    there = [f"a_frames/s/images/f_{k}.png" for k in range(3)]
    pictures(root, *there)
    (root / "a_frames/s/images/link.png").symlink_to(tmp_path / "secret.png")
    items_file(root, "meta.json", [[*there, "a_frames/s/images/../../../../secret.png", "a_frames/s/images/link.png"]])
    source = open_set(root, tmp_path / "cache")
    left_out = source.scene(source.scene_ids()[0]).left_out
    assert len(left_out) == 2
    assert all("lead" in reason or "plain" in reason for reason in left_out.values())


def test_paths_of_another_machine_are_read_below_the_root(tmp_path):
    there = [f"a_frames/s/images/f_{k}.png" for k in range(3)]
    pictures(tmp_path, *there)
    items_file(tmp_path, "meta.json", [[f"/mnt/somewhere/{path}" for path in there]])
    source = open_set(tmp_path, tmp_path / "cache")
    assert len(source.scene(source.scene_ids()[0]).views) == 3


def test_the_items_are_read_once_for_a_file(made, tmp_path, monkeypatch):
    first = open_set(made, tmp_path)
    assert first.scene_ids()
    monkeypatch.setattr(index_module, "read_items", lambda path: pytest.fail("read again"))
    second = open_set(made, tmp_path)
    assert second.scene_ids() == first.scene_ids()
    assert len(second.scene(DL3DV).views) == 10


def test_a_file_of_other_bytes_is_read_again(tmp_path):
    names = [f"a_frames/s/images/f_{k}.png" for k in range(4)]
    pictures(tmp_path, *names)
    items_file(tmp_path, "meta.json", [names[:3]])
    assert len(open_set(tmp_path, tmp_path / "cache").scene("a_s").views) == 3
    items_file(tmp_path, "meta.json", [names])
    assert len(open_set(tmp_path, tmp_path / "cache").scene("a_s").views) == 4


def test_nothing_is_written_where_nothing_may_be(made, tmp_path):
    source = open_source(SourceOptions(input_dir=made), work=Workplace(cache_dir=tmp_path / "cache", writes=False))
    assert source.scene_ids()
    assert not (tmp_path / "cache").exists()


def test_it_can_be_insisted_on_where_nothing_looks_like_it(tmp_path):
    names = [f"images/s/{k}.png" for k in range(3)]
    pictures(tmp_path, *names)
    items_file(tmp_path, "train.json", [names])
    assert open_set(tmp_path, tmp_path / "cache", source="spacevista", meta=Path("train.json")).scene_ids() == [
        "images_s"
    ]


def test_a_colmap_model_beside_gives_cameras_of_other_sizes(tmp_path):
    """The model is for `images` at twice the size of the frames that are there."""
    names = [f"DL3DV_frames/s/images_8/f_{k}.png" for k in range(3)]
    pictures(tmp_path, *names)
    model = tmp_path / "DL3DV_frames/s/sparse/0"
    model.mkdir(parents=True)
    (model / "cameras.txt").write_text("1 PINHOLE 80 60 70 75 41 29\n")
    lines = "".join(f"{k + 1} 1 0 0 0 {k} 0 0 1 f_{k}.png\n\n" for k in range(2))
    (model / "images.txt").write_text(lines)
    (model / "points3D.txt").write_text("")
    items_file(tmp_path, "meta.json", [names])
    first, second, third = open_set(tmp_path, tmp_path / "cache").scene("DL3DV_s").views
    assert first.camera_at((30, 40)).K.diagonal().tolist() == [35, 37.5, 1]
    assert second.camera.cam_from_world[:3, 3].tolist() == [1, 0, 0]
    assert third.camera is None


def test_a_camera_file_that_cannot_be_read_costs_the_cameras_alone(tmp_path):
    names = [f"DL3DV_frames/s/images_8/f_{k}.png" for k in range(3)]
    pictures(tmp_path, *names)
    (tmp_path / "DL3DV_frames/s/transforms.json").write_text("{")
    items_file(tmp_path, "meta.json", [names])
    scene = open_set(tmp_path, tmp_path / "cache").scene("DL3DV_s")
    assert len(scene.views) == 3
    assert any("cameras in" in note and "are not used" in note for note in scene.notes)


def test_cameras_outside_of_the_root_are_not_read(tmp_path):
    root = tmp_path / "set"
    pictures(root, *(f"a_frames/f_{k}.png" for k in range(3)))
    (tmp_path / "transforms.json").write_text('{"fl_x": 1, "frames": []}')
    items_file(root, "meta.json", [[f"{tmp_path}/a_frames/../f_{k}.png" for k in range(3)]])
    source = open_set(root, tmp_path / "cache")
    with pytest.raises(SceneError, match=r"leads out|not plain"):
        source.scene(source.scene_ids()[0])
    assert source.state(source.scene_ids()[0]) is None


def test_the_state_of_a_scene_changes_with_its_files_and_its_items(tmp_path, monkeypatch):
    monkeypatch.setattr("warpdata.sources.folder_state.SETTLED_NS", 0)
    names = [f"a_frames/s/images/f_{k}.png" for k in range(4)]
    pictures(tmp_path, *names)
    items_file(tmp_path, "meta.json", [names[:3]])
    first = open_set(tmp_path, tmp_path / "cache").state("a_s")
    assert first is not None
    assert open_set(tmp_path, tmp_path / "cache").state("a_s") == first
    items_file(tmp_path, "meta.json", [names])
    second = open_set(tmp_path, tmp_path / "cache").state("a_s")
    pictures(tmp_path, names[0])
    assert len({first, second, open_set(tmp_path, tmp_path / "cache").state("a_s")}) == 3
    assert open_set(tmp_path, tmp_path / "cache", object_mask="keep").state("a_s") is None


def test_what_gives_no_scene_is_said(tmp_path, caplog):
    names = [f"a_frames/s/images/f_{k}.png" for k in range(3)]
    pictures(tmp_path, *names)
    items_file(tmp_path, "meta.json", [names, ["a_frames/t/images/f_0.png"]], {"input_point": 3})
    entries = json.loads((tmp_path / "meta.json").read_text())
    (tmp_path / "meta.json").write_text(json.dumps([*entries, 7, {**entries[0], "videos": ["film.mp4"]}]))
    assert open_set(tmp_path, tmp_path / "cache").scene_ids() == ["a_s"]
    assert "a_frames/t (1 in all)" in caplog.text
    assert "1 of 4 entries are no items, the first: entry 2 is a number, not an object" in caplog.text
    assert "1 items of" in caplog.text
    assert "input_point is a number, not an object" in caplog.text


def test_where_nothing_is_there_it_says_what_it_misses(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(SourceError, match="`meta`"):
        open_set(tmp_path / "in", tmp_path / "cache", source="spacevista").scene_ids()
