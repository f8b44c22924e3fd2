"""One input with a scene of each format: one run, one report, and every scene is read as what it is."""

import json
import shutil

import pytest

from tests.scenes import HW, opengl_world_from_cam, plane_camera, plane_picture, write_image, write_photos, write_scene
from tests.sources.readers.colmap_scenes import write_colmap_scene
from tests.sources.readers.test_hostile_fields import write_wai_room
from tests.sources.test_archived_scenes import pack
from tests.videos import Clip
from warpdata.programs.materialize import main

SHIPPED = {
    "hall": "colmap",
    "packed": "transforms",
    "room": "transforms",
    "set_a": "wai",
    "set_b": "colmap",
    "set_c": "images",
    "studio": "wai",
}
"""Scene -> what it is read as."""

ALL = SHIPPED | {"lego": "transforms", "photos": "images", "walk": "video"}
"""With those that ship no depth."""


pytest.importorskip("av", reason="PyAV (extra video) is not installed")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Scenes as they come: nerfstudio, WAI, COLMAP, splits, photographs, a video, a tar, a zip of several."""
    top = tmp_path_factory.mktemp("mixed")
    write_scene(top / "in" / "room")
    write_wai_room(top / "in" / "studio")
    write_colmap_scene(top / "in" / "hall", depth=True)
    frames = []
    for k in range(2):
        write_image(top / "in" / "lego" / "train" / f"r_{k}.png", plane_picture(plane_camera(k)))
        frames.append({"file_path": f"./train/r_{k}", "transform_matrix": opengl_world_from_cam(plane_camera(k))})
    text = json.dumps({"camera_angle_x": 0.9, "frames": frames})
    (top / "in" / "lego" / "transforms_train.json").write_text(text)
    write_photos(top / "in" / "photos")
    Clip().write(top / "in" / "walk.mp4", [plane_picture(plane_camera(k)) for k in range(6)])
    write_scene(top / "other" / "x", hw=(HW[0], HW[1] + 2))
    pack(top / "other" / "x", top / "in" / "packed.tar", wrapped=True)
    write_wai_room(top / "set" / "a")
    write_colmap_scene(top / "set" / "b", depth=True)
    write_photos(top / "set" / "c")
    pack(top / "set", top / "in" / "set.zip", deflate=True)
    shutil.rmtree(top / "other")
    return top / "in"


def test_every_scene_is_read_as_what_it_is(mixed, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--input-dir", mixed, "--output-dir", out, "--geometry", "given", "--cache-dir", tmp_path / "cache"]
    assert main([str(argument) for argument in arguments]) == 1  # photographs ship no geometry
    report = json.loads((out / "report.json").read_text())
    scenes = {scene["scene"]: scene for scene in report["scenes"]}
    sources = {name: scene["source"] for name, scene in scenes.items()}
    assert sources == ALL
    without = {name for name, scene in scenes.items() if scene["error"]}
    assert without == {"lego", "photos", "set_c", "walk"}
    assert "ships no depth for any view" in scenes["lego"]["error"]
    assert "ships no camera for any view" in scenes["photos"]["error"]
    assert {name: scenes[name]["triplets"] for name in scenes if name not in without} == dict.fromkeys(
        SHIPPED.keys() - {"set_c"}, 2
    )
    records = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert {record["scene"] for record in records} == SHIPPED.keys() - {"set_c"}
    said = capsys.readouterr().err
    assert "room: 2 triplets" in said
    assert "(read as transforms, " in said
    # The same plane through the same cameras gives the same splats, whatever the format.
    for name in ("studio", "hall", "set_a", "set_b"):
        assert scenes[name]["hole_fraction"] == pytest.approx(scenes["room"]["hole_fraction"], abs=0.001)
        assert scenes[name]["psnr"] == pytest.approx(scenes["room"]["psnr"], abs=0.05)


def test_a_dry_run_names_them_too(mixed, tmp_path, capsys):
    assert main(["--input-dir", str(mixed), "--output-dir", str(tmp_path / "out"), "--dry-run"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "(read as " in line]
    found = {line.partition(":")[0]: line.rpartition("(read as ")[2].rstrip(")") for line in lines}
    assert found == ALL


@pytest.mark.parametrize("source", ["wai", "colmap", "transforms"])
def test_insisting_on_one_leaves_the_others(mixed, tmp_path, capsys, source):
    arguments = ["--input-dir", str(mixed), "--output-dir", str(tmp_path / "out"), "--dry-run", "--source", source]
    assert main(arguments) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "(read as " in line]
    expected = {name for name, used in (SHIPPED | {"lego": "transforms"}).items() if used == source}
    found = {line.partition(":")[0] for line in lines}
    # A scene alone in its archive has the archive's name, whichever others are not looked for.
    assert found == {"set" if name.startswith("set_") else name for name in expected}
