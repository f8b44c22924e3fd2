"""`warpdata prepare video`: frames of videos as folders to look at."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from tests.videos import Clip, texture
from warpdata.programs.main import DONE, INCOMPLETE, UNUSABLE
from warpdata.programs.prepare import main
from warpdata.sources.video import frames_folder

pytest.importorskip("av", reason="PyAV (extra video) is not installed")

HW = (64, 96)


def walk(count=12):
    wide = texture((HW[0], HW[1] + 4 * count))
    return [np.ascontiguousarray(wide[:, 4 * k : 4 * k + HW[1]]) for k in range(count)]


def run(*arguments):
    return main(["video", *map(str, arguments), "--quiet"])


def state(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_video_becomes_a_folder_of_pictures_and_their_times(tmp_path, capsys):
    path = Clip(rate=10).write(tmp_path / "walk.mp4", walk())
    assert run(path, tmp_path / "out", "--fps", "5", "--max-frames", "4") == DONE
    listed = json.loads((tmp_path / "out" / "frames.json").read_text())["frames"]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jpg")) == [frame["file"] for frame in listed]
    assert len(listed) == 4
    for frame in listed:
        assert frame["time_s"] == pytest.approx(frame["number"] / 10)
        picture = cv2.imread(str(tmp_path / "out" / frame["file"]))[..., ::-1]
        assert cv2.PSNR(np.ascontiguousarray(picture), walk()[frame["number"]]) > 30
    assert "walk: 4 of 12 frames of walk.mp4 are used" in capsys.readouterr().err


def test_a_folder_of_videos_becomes_a_folder_each(tmp_path, capsys):
    (tmp_path / "in" / "more").mkdir(parents=True)
    for name in ("b.mp4", "more/c.mkv"):
        Clip().write(tmp_path / "in" / name, walk())
    (tmp_path / "in" / "a.mp4").write_bytes(b"none")
    assert run(tmp_path / "in", tmp_path / "out") == INCOMPLETE
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b", "more_c"]
    assert "left out a: " in capsys.readouterr().err


def test_a_dry_run_tells_the_same_and_writes_nothing(tmp_path, capsys):
    path = Clip().write(tmp_path / "walk.mp4", walk())
    assert run(path, tmp_path / "out", "--dry-run") == DONE
    dry = capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(path, tmp_path / "out") == DONE
    assert capsys.readouterr().err == dry


def test_a_second_run_finds_it_done_and_a_killed_one_goes_on(tmp_path, monkeypatch, capsys):
    path = Clip().write(tmp_path / "walk.mp4", walk())
    assert run(path, tmp_path / "whole") == DONE
    encode, made = frames_folder.encode_picture, []

    def killed(*arguments):
        made.append(arguments)
        if len(made) == 3:
            raise KeyboardInterrupt
        return encode(*arguments)

    monkeypatch.setattr(frames_folder, "encode_picture", killed)
    assert run(path, tmp_path / "out") == 130
    assert "the same command goes on where this one stopped" in capsys.readouterr().err
    assert run(path, tmp_path / "out") == DONE
    assert state(tmp_path / "out") == state(tmp_path / "whole")
    made.clear()
    assert run(path, tmp_path / "out") == DONE
    assert made == []
    assert "as they were" in capsys.readouterr().err


def test_folders_that_hold_something_else_are_refused_and_left_alone(tmp_path, capsys):
    path = Clip().write(tmp_path / "walk.mp4", walk())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "frame_000000.jpg").write_bytes(b"mine")
    assert run(path, tmp_path / "mine") == UNUSABLE
    assert "holds other files" in capsys.readouterr().err
    assert state(tmp_path / "mine") == {"frame_000000.jpg": b"mine"}
    assert run(path, tmp_path / "out") == DONE
    before = state(tmp_path / "out")
    assert run(path, tmp_path / "out", "--fps", "3") == UNUSABLE
    assert "holds frames of walk.mp4, chosen by" in capsys.readouterr().err
    assert state(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_without_videos_it_says_what_to_give(tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / name, tmp_path / "out") == UNUSABLE
    assert "give a video, or a folder of them" in capsys.readouterr().err
