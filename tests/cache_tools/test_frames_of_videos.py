"""Frames of videos in a cache: shown, kept by prune, and what killed runs left found."""

from __future__ import annotations

import os

import pytest

from cache_tools.prune import plan_prune
from cache_tools.show import show
from cache_tools.survey import Kind, survey
from tests.videos import Clip, texture
from warpdata.config import SourceOptions
from warpdata.plugins import OwnOptions
from warpdata.sources import Workplace, open_source
from warpdata.sources.video import frames_folder
from warpdata.sources.video.options import VideoOptions

pytest.importorskip("av", reason="PyAV (extra video) is not installed")


def frames(tmp_path):
    wide = texture((64, 160))
    path = Clip().write(tmp_path / "a.mp4", [wide[:, 4 * k : 4 * k + 96].copy() for k in range(8)])
    os.utime(path, ns=(1, 1))
    work = Workplace(cache_dir=tmp_path / "cache")
    return open_source(SourceOptions(input_dir=path), OwnOptions(VideoOptions(fps=30.0)), work=work).scene("a")


def test_they_are_the_caches_own_and_stay(tmp_path):
    frames(tmp_path)
    found = survey(tmp_path / "cache")
    assert {item.kind for item in found} <= {Kind.FRAMES, Kind.DIGESTS}
    assert sum(item.kind is Kind.FRAMES for item in found) == 9
    assert any("frames of 1 videos" in line for line in show(tmp_path / "cache").lines())
    plan = plan_prune(tmp_path / "cache")
    assert (plan.removals, plan.foreign) == ([], [])


def test_those_of_an_interrupted_pass_can_go(tmp_path, monkeypatch):
    encode, made = frames_folder.encode_picture, []

    def killed(*arguments):
        made.append(arguments)
        if len(made) == 4:
            raise KeyboardInterrupt
        return encode(*arguments)

    monkeypatch.setattr(frames_folder, "encode_picture", killed)
    with pytest.raises(KeyboardInterrupt):
        frames(tmp_path)
    (folder,) = (path for path in (tmp_path / "cache" / "frames").iterdir() if path.is_dir())
    (folder / "mine.txt").touch()
    assert {item.kind for item in survey(tmp_path / "cache") if item.path.parent == folder} == {
        Kind.AT_WORK,
        Kind.FOREIGN,
    }
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    plan = plan_prune(tmp_path / "cache")
    assert {removal.path.name for removal in plan.removals} == {
        "frame_000000.jpg",
        "frame_000001.jpg",
        "frame_000002.jpg",
        "frames.json",
    }
    assert [item.path.name for item in plan.foreign] == ["mine.txt"]
