"""Videos as scenes: from the file to views, by way of the cache."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.videos import Clip, cut, face, texture
from warpdata.config import SourceOptions
from warpdata.errors import CacheError, SceneError, SourceError
from warpdata.plugins import OwnOptions
from warpdata.sources import SOURCES, Workplace, open_source
from warpdata.sources.readers import video as reader
from warpdata.sources.video import frames_folder
from warpdata.sources.video.frames_folder import FRAMES_JSON, read_frames
from warpdata.sources.video.options import VideoOptions

pytest.importorskip("av", reason="PyAV (extra video) is not installed")

SAMPLE = Path(__file__).parents[3] / "samples" / "room" / "images"
HW = (96, 128)


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files count as settled at once."""
    monkeypatch.setattr("warpdata.sources.video.kept.SETTLED_NS", -(10**12))


def walk(count=24, blurred=lambda k: False):
    wide = texture((HW[0] + 60, HW[1] + 4 * count))
    for k in range(count):
        picture = wide[k : k + HW[0], 4 * k : 4 * k + HW[1]]
        yield cv2.blur(picture, (9, 1)) if blurred(k) else np.ascontiguousarray(picture)


def opened(input_dir, tmp_path, *, source="auto", writes=True, progress=None, **options):
    work = Workplace(cache_dir=tmp_path / "cache", writes=writes, progress=progress or (lambda *_: None))
    own = OwnOptions(VideoOptions(**{"fps": 30.0} | options))
    return open_source(SourceOptions(input_dir=input_dir, source=source), own, work=work)


def only_scene(input_dir, tmp_path, **options):
    source = opened(input_dir, tmp_path, **options)
    (scene_id,) = source.scene_ids()
    return source.scene(scene_id)


def numbers(scene):
    return [int(view.name.removeprefix("frame_")) for view in scene.views]


def psnr(view, picture):
    return cv2.PSNR(view.picture.load().permute(1, 2, 0).numpy(), picture)


def test_blurred_views_of_the_sample_are_not_chosen(tmp_path):
    pictures = [cv2.imread(str(path))[..., ::-1] for path in sorted(SAMPLE.iterdir())]
    motion = np.eye(9, dtype=np.float32) / 9
    clip = [cv2.filter2D(p, -1, motion) if k % 3 == 1 else p for k, p in enumerate(pictures)]
    path = Clip(rate=10).write(tmp_path / "room.mp4", map(np.ascontiguousarray, clip))
    scene = only_scene(path, tmp_path, fps="auto")
    assert numbers(scene) == [k for k in range(len(pictures)) if k % 3 != 1]
    for number, view in zip(numbers(scene), scene.views, strict=True):
        assert psnr(view, pictures[number]) > 30
    assert scene.notes == ("7 of 10 frames of room.mp4 are used; 3 are blurred beside those around them",)


def test_a_file_is_a_scene_called_like_it(tmp_path):
    path = Clip().write(tmp_path / "My walk.MP4", walk())
    scene = only_scene(path, tmp_path)
    assert (scene.id, scene.source, scene.left_out) == ("My_walk", "video", {})
    assert numbers(scene) == list(range(24))
    np.testing.assert_allclose([view.time_s for view in scene.views], np.arange(24) / 30, atol=1e-4)
    for view, picture in zip(scene.views, walk(), strict=True):
        assert view.picture.hw() == HW
        assert psnr(view, picture) > 30


def test_a_folder_of_videos_is_a_scene_each(tmp_path):
    folder = tmp_path / "in"
    (folder / "more").mkdir(parents=True)
    for name in ("a.mp4", "a.mov", "more/b.mkv"):
        Clip().write(folder / name, walk(3))
    (folder / "notes.txt").touch()
    (folder / ".hidden.mp4").touch()
    ids = opened(folder, tmp_path).scene_ids()
    assert len(ids) == 3
    assert ids[-1] == "more_b"
    assert all(scene_id.startswith("a_") for scene_id in ids[:2])


def test_videos_stand_beside_scenes_of_other_formats(tmp_path):
    folder = tmp_path / "in"
    (folder / "photos").mkdir(parents=True)
    for number in range(3):
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), texture(HW, number))
    Clip().write(folder / "walk.mp4", walk(3))
    source = opened(folder, tmp_path)
    assert {scene_id: source.scene(scene_id).source for scene_id in source.scene_ids()} == {
        "photos": "images",
        "walk": "video",
    }


def test_a_video_beside_photographs_is_named_and_not_used_unless_insisted_on(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), texture(HW, number))
    Clip().write(folder / "walk.mp4", walk(3))
    scene = only_scene(folder, tmp_path)
    assert scene.source == "images"
    assert any("walk.mp4" in note and '`source="video"`' in note for note in scene.notes)
    assert only_scene(folder, tmp_path, source="video").source == "video"


def test_a_file_of_any_name_is_read_when_insisted_on(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(3)).rename(tmp_path / "recording")
    with pytest.raises(SourceError, match="is a file, and none that"):
        opened(path, tmp_path).scene_ids()
    assert only_scene(path, tmp_path, source="video").id == "recording"


def test_a_turned_clip_of_a_phone_comes_upright(tmp_path):
    """A quarter clockwise: the stored top left is shown at the top right."""
    path = Clip(matrix=(0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)).write(tmp_path / "a.mp4", [face(HW)] * 3)
    (view,) = only_scene(path, tmp_path).views
    assert view.picture.hw() == HW[::-1]
    assert psnr(view, np.ascontiguousarray(np.rot90(face(HW), -1))) > 28


def test_a_file_cut_short_gives_its_frames_and_a_note(tmp_path):
    path = cut(Clip(muxing={"movflags": "+faststart"}).write(tmp_path / "a.mp4", walk(60)), 0.6)
    scene = only_scene(path, tmp_path)
    assert 10 < len(scene.views) < 55
    assert "breaks off after" in scene.notes[1]
    assert "of the 2.0 s that it declares" in scene.notes[1]


def test_time_is_the_files_own(tmp_path):
    times_s = [0, 0.1, 0.15, 0.7, 0.75, 1.6]
    path = Clip(times_s=times_s).write(tmp_path / "a.mp4", walk(6))
    scene = only_scene(path, tmp_path, fps=2.0)
    assert [int(2 * view.time_s) for view in scene.views] == [0, 1, 3]
    assert {view.time_s for view in scene.views} <= set(times_s)


def test_at_most_so_many_frames_over_the_whole_video(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(60))
    scene = only_scene(path, tmp_path, max_frames=5)
    assert len(scene.views) == 5
    assert [int(view.time_s / 0.4 + 1e-6) for view in scene.views] == [0, 1, 2, 3, 4]


def test_without_a_length_the_frames_are_thinned_at_the_end(tmp_path):
    path = Clip().write(tmp_path / "a.h264", walk(60)).rename(tmp_path / "a.mp4")
    scene = only_scene(path, tmp_path, max_frames=5)
    assert len(scene.views) == 5
    assert numbers(scene)[0] < 3
    assert numbers(scene)[-1] > 55
    assert len(list(scene.root.glob("*.jpg"))) == 5


def test_a_video_is_decoded_once(tmp_path, monkeypatch):
    path = Clip().write(tmp_path / "a.mp4", walk(12))
    first = only_scene(path, tmp_path)
    monkeypatch.setattr(frames_folder, "Video", None)
    monkeypatch.setattr("warpdata.sources.video.kept.file_sha256", None)
    assert only_scene(path, tmp_path) == first
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301


def test_a_copy_of_a_video_has_the_same_frames_and_other_options_have_others(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(12))
    copy = Path(shutil.copy(path, tmp_path / "b.mp4"))
    assert only_scene(path, tmp_path).root == only_scene(copy, tmp_path).root
    assert only_scene(path, tmp_path).root != only_scene(path, tmp_path, fps=10.0).root


def test_a_changed_video_is_decoded_again(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(12))
    first = only_scene(path, tmp_path)
    Clip().write(path, walk(6))
    second = only_scene(path, tmp_path)
    assert (len(first.views), len(second.views)) == (12, 6)


def files_of(scene):
    return {path.name: path.read_bytes() for path in scene.root.iterdir()}


def test_equal_videos_give_equal_bytes(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(12))
    assert files_of(only_scene(path, tmp_path / "1")) == files_of(only_scene(path, tmp_path / "2"))


@pytest.mark.parametrize("kept", [1, 4])
def test_a_killed_pass_is_taken_up_and_ends_with_the_same_files(tmp_path, monkeypatch, kept):
    path = Clip().write(tmp_path / "a.mp4", walk(30, blurred=lambda k: k % 4 == 1))
    whole = files_of(only_scene(path, tmp_path / "whole", fps=10.0))
    encode, written = frames_folder.encode_picture, []

    def killed(*arguments):
        if len(written) == kept:
            raise KeyboardInterrupt
        written.append(arguments)
        return encode(*arguments)

    monkeypatch.setattr(frames_folder, "encode_picture", killed)
    with pytest.raises(KeyboardInterrupt):
        only_scene(path, tmp_path, fps=10.0)
    monkeypatch.setattr(frames_folder, "encode_picture", lambda *a: written.append(a) or encode(*a))
    assert files_of(only_scene(path, tmp_path, fps=10.0)) == whole
    assert len(written) == len(whole) - 1, "no picture was made twice"


def test_a_picture_that_was_lost_is_made_again(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(12))
    scene = only_scene(path, tmp_path)
    whole = files_of(scene)
    (scene.root / "frame_000003.jpg").write_bytes(b"")
    assert files_of(only_scene(path, tmp_path)) == whole


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content | {"frames": [{**content["frames"][0], "file": "../../frame_000000.jpg"}]},
        lambda content: content | {"version": 99},
        lambda content: content | {"frames": None},
        lambda content: [],
    ],
)
def test_a_damaged_list_of_frames_is_made_again(tmp_path, damage):
    path = Clip().write(tmp_path / "a.mp4", walk(6))
    scene = only_scene(path, tmp_path)
    whole = files_of(scene)
    listed = scene.root / FRAMES_JSON
    listed.write_text(json.dumps(damage(json.loads(listed.read_text()))))
    assert read_frames(scene.root) is None
    assert files_of(only_scene(path, tmp_path)) == whole


def test_where_nothing_may_be_written_the_frames_are_told_and_not_kept(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(12))
    dry = only_scene(path, tmp_path, writes=False)
    assert not (tmp_path / "cache").exists()
    kept = only_scene(path, tmp_path)
    assert [(view.name, view.time_s, view.picture.hw()) for view in dry.views] == [
        (view.name, view.time_s, view.picture.hw()) for view in kept.views
    ]
    assert dry.notes == kept.notes
    assert only_scene(path, tmp_path, writes=False) == kept


def test_progress_goes_to_the_end(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(12))
    told = []
    only_scene(path, tmp_path, progress=lambda *stage: told.append(stage))
    done = [(done, total) for stage, done, total in told if stage == frames_folder.STAGE]
    assert done[-1] == (12, 12)
    assert all(done <= total for done, total in done)


def test_state_changes_with_the_video_and_with_its_frames(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(6))
    source = opened(path, tmp_path)
    assert source.state("a") is None, "it has not been read"
    scene = source.scene("a")
    first = source.state("a")
    assert first is not None
    assert opened(path, tmp_path).state("a") == first
    os.utime(path, ns=(1, 1))
    assert source.state("a") is None
    source.scene("a")
    shutil.rmtree(scene.root)
    assert source.state("a") is None


def test_a_video_in_a_tar_is_read_in_place(tmp_path):
    import tarfile

    folder = tmp_path / "in"
    folder.mkdir()
    path = Clip().write(tmp_path / "a.mp4", walk(6))
    with tarfile.open(folder / "clips.tar", "w") as archive:
        archive.add(path, "a.mp4")
        archive.add(path, "b.mp4")
    source = opened(folder, tmp_path)
    assert source.scene_ids() == ["clips_a", "clips_b"]
    assert len(source.scene("clips_b").views) == 6


def test_a_broken_video_costs_itself(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    Clip().write(folder / "good.mp4", walk(3))
    (folder / "bad.mp4").write_bytes(b"\0" * 999)
    source = opened(folder, tmp_path)
    assert source.scene_ids() == ["bad", "good"]
    with pytest.raises(SceneError, match=r"bad\.mp4 cannot be opened as a video"):
        source.scene("bad")
    assert len(source.scene("good").views) == 3


def test_a_video_of_nothing_is_said(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", [np.zeros((*HW, 3), np.uint8)] * 5)
    with pytest.raises(SceneError, match=r"a\.mp4 has no frame that shows anything: all 5 are blank or blurred"):
        only_scene(path, tmp_path)


def test_a_camera_that_stands_still_is_said(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", [texture(HW)] * 9)
    scene = only_scene(path, tmp_path)
    assert len(scene.views) == 1
    assert "the picture hardly moves" in scene.notes[0]


def test_a_cache_that_cannot_be_written_is_said(tmp_path):
    path = Clip().write(tmp_path / "a.mp4", walk(3))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "frames").touch()
    with pytest.raises(CacheError, match="choose another `cache_dir`"):
        only_scene(path, tmp_path)


def test_without_pyav_the_scene_says_what_to_install(tmp_path, monkeypatch):
    path = Clip().write(tmp_path / "a.mp4", walk(3))
    monkeypatch.setattr("warpdata.formats.pyav.importlib.util.find_spec", lambda name: None)
    with pytest.raises(SceneError, match=r"source video.*pip install 'warpdata\[video\]'"):
        only_scene(path, tmp_path)


def test_its_row_is_light_and_its_options_are_flags():
    assert SOURCES["video"] is reader.ROW
    assert reader.ROW.options is VideoOptions
