"""Questions about triplets: every answer against the sample's own cameras and depth."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from warpdata.camera import Camera
from warpdata.config import ExportOptions, GeometryOptions, OutputOptions, PairOptions, SourceOptions
from warpdata.errors import OutputError
from warpdata.formats.spacevista.drawing import CANDIDATE_COLOURS, RED
from warpdata.plugins import OwnOptions
from warpdata.prepare.spacevista.validate import validate
from warpdata.run.export import export_folder
from warpdata.run.materialize import materialize
from warpdata.run.options import MaterializeOptions
from warpdata.sources import Workplace, open_source
from warpdata.sources.decode import image_size
from warpdata.sources.spacevista.options import SpaceVistaOptions
from warpdata.writers.layouts.sharegpt.camera_questions import STAYED, main_direction, rotation_deg
from warpdata.writers.layouts.sharegpt.options import ShareGptOptions
from warpdata.writers.layouts.sharegpt.templates import Templates, parse

SAMPLES = Path(__file__).parents[3] / "samples"
QUESTIONS = ("CAMERA_ROTATION", "CAMERA_MOVING", "DEPTH", "POSITION_ACROSS_FRAME", "OVERLAP")
ROOM = json.loads((SAMPLES / "room/transforms.json").read_text())
K = np.array([[ROOM["fl_x"], 0, ROOM["cx"]], [0, ROOM["fl_y"], ROOM["cy"]], [0, 0, 1]])
POSES = [np.array(frame["transform_matrix"]) @ np.diag([1, -1, -1, 1]) for frame in ROOM["frames"]]
"""world_from_cam, OpenCV axes."""


def depth_of(number: int) -> np.ndarray:
    """Metres."""
    return np.array(Image.open(SAMPLES / "room" / ROOM["frames"][number]["depth_file_path"])) / 1000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A triplet folder of the sample, two views on, with its cache."""
    root = tmp_path_factory.mktemp("sample")
    options = MaterializeOptions(
        source=SourceOptions(input_dir=SAMPLES, limit=6),
        geometry=GeometryOptions(cache_dir=root / "cache"),
        pairs=PairOptions(pairs="window", pair_window=2),
        output=OutputOptions(output_dir=root / "out", output_format="png"),
    )
    assert materialize(options).complete
    return root


def export(made, root, **own) -> list[dict]:
    options = ExportOptions(layout=("sharegpt",))
    export_folder(made / "out", root, options, own=OwnOptions(ShareGptOptions(**own)), cache_dir=made / "cache")
    return json.loads((root / "train.json").read_text())


def views_of(item: dict) -> tuple[int, int]:
    """Numbers of reference and target."""
    _, name = item["problem_id"].split("/")
    target, _, reference = name.partition("__")
    return int(reference or int(target) - 1), int(target)


def answer_of(item: dict) -> str:
    said = item["messages"][1]["content"]
    assert said.startswith("<answer>")
    assert said.endswith("</answer>")
    return said.removeprefix("<answer>").removesuffix("</answer>")


def option_of(item: dict) -> int:
    return ord(answer_of(item)) - ord("A")


def test_ids_say_the_views(made, tmp_path):
    items = export(made, tmp_path / "data", task="OVERLAP")
    manifest = [json.loads(line) for line in (made / "out/manifest.jsonl").read_text().splitlines()]
    stated = {one["id"]: (int(one["reference"]), int(one["target"])) for one in manifest}
    assert {item["problem_id"]: views_of(item) for item in items} == stated


def test_rotation(made, tmp_path):
    for item in export(made, tmp_path / "data", task="CAMERA_ROTATION"):
        reference, target = (POSES[k][:3, :3] for k in views_of(item))
        angle = math.degrees(math.acos((np.trace(reference.T @ target) - 1) / 2))
        assert abs(float(answer_of(item)) - angle) <= 0.05


def test_movement(made, tmp_path):
    names = ("right", "down", "forward"), ("left", "up", "backward")
    for item in export(made, tmp_path / "data", task="CAMERA_MOVING"):
        reference, target = (POSES[k] for k in views_of(item))
        way = reference[:3, :3].T @ (target[:3, 3] - reference[:3, 3])
        axis = int(np.abs(way).argmax())
        options = item["extra_info"]["options"]
        assert options[option_of(item)] == names[int(way[axis] < 0)][axis]
        assert len(set(options)) == 4


def test_depth(made, tmp_path):
    for item in export(made, tmp_path / "data", task="DEPTH"):
        (y, x), number = item["extra_info"]["input_point"]["points"][0], views_of(item)[1]
        assert abs(float(answer_of(item)) - depth_of(number)[y, x]) <= 0.0051
        drawn = np.array(Image.open(tmp_path / "data" / item["images"][0]))
        assert (drawn[y, x] == RED).all()


def test_without_metres_a_ratio_is_asked_for(made, tmp_path, monkeypatch):
    monkeypatch.setattr("warpdata.writers.layouts.sharegpt.sample_depth.METRIC", "never")
    for item in export(made, tmp_path / "data", task="DEPTH"):
        (first, second), number = item["extra_info"]["input_point"]["points"], views_of(item)[1]
        depth = depth_of(number)
        assert item["extra_info"]["units"] == "ratio"
        assert abs(float(answer_of(item)) - depth[tuple(first)] / depth[tuple(second)]) <= 0.0055


def test_position_across_frames(made, tmp_path):
    letters = []
    for item in export(made, tmp_path / "data", task="POSITION_ACROSS_FRAME"):
        point = item["extra_info"]["input_point"]
        (y, x), (reference, target) = point["point_1"], views_of(item)
        ray = np.linalg.inv(K) @ [x + 0.5, y + 0.5, 1] * depth_of(reference)[y, x]
        seen = np.linalg.inv(POSES[target]) @ POSES[reference] @ [*ray, 1]
        image = K @ seen[:3]
        place = image[1] / image[2] - 0.5, image[0] / image[2] - 0.5  # row, column, of pixels by their centres
        distances = [math.dist(place, candidate) for candidate in point["points_2"]]
        assert distances[option_of(item)] <= 0.5 * math.sqrt(2)
        assert max(np.abs(np.subtract(place, point["points_2"][option_of(item)]))) <= 0.5
        assert sorted(distances)[1] > 50
        row, column = np.floor(np.add(place, 0.5)).astype(int)
        assert abs(depth_of(target)[row, column] / seen[2] - 1) < 0.02
        drawn = np.array(Image.open(tmp_path / "data" / item["images"][1]))
        for colour, (row, column) in zip(CANDIDATE_COLOURS, point["points_2"], strict=True):
            assert (drawn[row, column] == colour).all()
        letters.append(answer_of(item))
    assert len(set(letters)) > 1


def test_overlap(made, tmp_path):
    for item in export(made, tmp_path / "data", task="OVERLAP"):
        reference, target = views_of(item)
        depth = depth_of(target)
        rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]]
        pixels = np.stack([columns + 0.5, rows + 0.5, np.ones_like(rows)], axis=-1)
        inside = (pixels @ np.linalg.inv(K).T) * depth[..., None]
        matrix = np.linalg.inv(POSES[reference]) @ POSES[target]
        seen = inside @ matrix[:3, :3].T + matrix[:3, 3]
        u, v = (np.floor((seen @ K.T)[..., k] / seen[..., 2]).astype(int) for k in range(2))
        within = (seen[..., 2] > 0) & (u >= 0) & (u < 640) & (v >= 0) & (v < 480)
        there = depth_of(reference)[v.clip(0, 479), u.clip(0, 639)]
        share = (within & (np.abs(there / seen[..., 2] - 1) < 0.02)).mean()
        assert abs(float(answer_of(item)) - 100 * share) < 0.15  # of a part of the pixels, rounded


@pytest.mark.parametrize("task", QUESTIONS)
def test_equal_runs_give_equal_bytes_and_another_seed_another_question(made, tmp_path, task):
    first, second = (export(made, tmp_path / name, task=task) for name in "ab")
    assert (tmp_path / "a/train.json").read_bytes() == (tmp_path / "b/train.json").read_bytes()
    assert first == second
    assert export(made, tmp_path / "c", task=task, question_seed=1) != first


@pytest.mark.parametrize("task", ["edit", *QUESTIONS])
@pytest.mark.parametrize("flatten", [False, True])
def test_items_have_one_schema_and_no_fault(made, tmp_path, task, flatten):
    items = export(made, tmp_path / "data", task=task, undrawn=True, flatten=flatten)
    assert len({(tuple(sorted(item)), tuple(sorted(item["extra_info"]))) for item in items}) == 1
    found = validate(tmp_path / "data/train.json", tmp_path / "data")
    assert not found.count
    assert found.num_items == len(items) == 9
    if flatten:
        assert not any(isinstance(value, dict | list) for item in items for value in item["extra_info"].values())


def test_undrawn_pictures_are_those_of_the_triplets(made, tmp_path):
    for item in export(made, tmp_path / "data", task="DEPTH", undrawn=True):
        (path,) = item["extra_info"]["undrawn"]
        assert path == item["extra_info"]["target"]
        name = item["problem_id"]
        assert (tmp_path / "data" / path).read_bytes() == (made / f"out/{name}_target.png").read_bytes()


def test_videos_hold_an_even_number_of_frames(made, tmp_path):
    for item in export(made, tmp_path / "data", task="DEPTH", media="videos"):
        (frames,) = item["videos"]
        assert len(frames) == 2
        assert item["messages"][0]["content"].count("<video>") == 1
    assert not validate(tmp_path / "data/train.json", tmp_path / "data").count


def test_reasoning_is_empty_or_not_there(made, tmp_path):
    for item in export(made, tmp_path / "data", task="OVERLAP", empty_think=True):
        assert item["messages"][1]["content"].startswith("<think></think><answer>")


def test_the_other_dialect(made, tmp_path):
    for item in export(made, tmp_path / "data", task="OVERLAP", dialect="conversations"):
        assert [turn["from"] for turn in item["conversations"]] == ["human", "gpt"]
    info = json.loads((tmp_path / "data/dataset_info.json").read_text())["warpdata"]
    assert info["columns"] == {"messages": "conversations", "images": "images"}
    assert "tags" not in info


def test_datasets_reads_it(made, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="the reader datasets is not installed")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    items = export(made, tmp_path / "data", task="POSITION_ACROSS_FRAME")
    file = str(tmp_path / "data/train.json")
    rows = datasets.load_dataset("json", data_files=file, split="train", cache_dir=str(tmp_path / "cache"))
    assert [row["messages"][0]["content"] for row in rows] == [item["messages"][0]["content"] for item in items]
    for row in rows:
        assert {image_size(tmp_path / "data" / path) for path in row["images"]} == {(480, 640)}


def test_read_back_as_a_source_it_gives_the_same_scenes(made, tmp_path):
    pytest.importorskip("ijson", reason="the extra `spacevista` is not installed")
    export(made, tmp_path / "data", task="OVERLAP")
    options = SourceOptions(input_dir=tmp_path / "data", source="spacevista")
    own = OwnOptions(SpaceVistaOptions(meta=Path("train.json")))
    source = open_source(options, own, work=Workplace(cache_dir=tmp_path / "cache"))
    assert source.scene_ids() == ["images_room"]
    assert len(source.scene("images_room").views) == 18


def test_edit_shows_the_warp_and_answers_with_the_target(made, tmp_path):
    for item in export(made, tmp_path / "data"):
        assert [path.rsplit("_", 1)[1] for path in item["images"]] == ["splats.png", "reference.png"]
        assert answer_of(item) == item["extra_info"]["target"]
        assert (tmp_path / "data" / answer_of(item)).is_file()


def test_a_cache_without_the_geometry_is_named(made, tmp_path):
    own = OwnOptions(ShareGptOptions(task="DEPTH"))
    options = ExportOptions(layout=("sharegpt",))
    with pytest.raises(OutputError, match="`cache_dir`"):
        export_folder(made / "out", tmp_path / "data", options, own=own, cache_dir=tmp_path / "empty")


def test_triplets_without_question_stay_and_are_named(made, tmp_path, monkeypatch):
    monkeypatch.setattr("warpdata.writers.layouts.sharegpt.depth_questions.AGREEING", 0.0)
    assert export(made, tmp_path / "data", task="POSITION_ACROSS_FRAME") == []
    unasked = json.loads((tmp_path / "data/unasked.json").read_text())
    assert len(unasked) == 9
    assert len((tmp_path / "data/manifest.jsonl").read_text().splitlines()) == 9
    assert set(unasked.values()) == {"no place is seen in both pictures"}


def test_wordings_of_ones_own(made, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("[OVERLAP]\nHow much?\n")
    items = export(made, tmp_path / "data", task="OVERLAP", templates=path)
    assert {item["messages"][0]["content"] for item in items} == {"<image><image>How much?"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How much?", "before the first section"),
        ("[OVERLAP]\n", "is empty"),
        ("[OVERLAP]\n<image>?", "added"),
        ("[OVERLAP]\n{options}", "has no the place|has no"),
        ("[CAMERA_MOVING]\nWhere?", "needs"),
        ("[FLYING]\nHow?", "sections FLYING"),
    ],
)
def test_wordings_that_cannot_be_used_are_named(tmp_path, text, said):
    (tmp_path / "mine.txt").write_text(text)
    with pytest.raises(OutputError, match=said):
        Templates(tmp_path / "mine.txt")


def test_our_own_wordings_are_many():
    sections = parse((Path(__file__).parents[3] / "warpdata/writers/layouts/sharegpt/templates.txt").read_text())
    assert all(len(wordings) >= 2 for wordings in sections.values())


def camera(R: torch.Tensor, centre: list[float]) -> Camera:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3], pose[:3, 3] = R, -R @ torch.tensor(centre, dtype=torch.float64)
    return Camera(K=torch.tensor(K), cam_from_world=pose, hw=(480, 640))


def test_small_rotations_are_exact():
    angle = math.radians(0.001)
    cos, sin = math.cos(angle), math.sin(angle)
    R = torch.tensor([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], dtype=torch.float64)
    eye = torch.eye(3, dtype=torch.float64)
    assert rotation_deg(camera(eye, [0, 0, 0]), camera(R, [1, 2, 3])) == pytest.approx(0.001, rel=1e-6)


def test_directions_are_those_of_the_reference():
    turned = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]], dtype=torch.float64)  # looks along world x
    eye = torch.eye(3, dtype=torch.float64)
    assert main_direction(camera(eye, [0, 0, 0]), camera(eye, [2, 0, -1])) == "right"
    assert main_direction(camera(turned, [0, 0, 0]), camera(eye, [0, 0, 2])) == "right"
    assert main_direction(camera(eye, [0, 0, 0]), camera(eye, [0, -2, 1])) == "up"
    assert main_direction(camera(eye, [5, 0, 0]), camera(eye, [5, 0, 0])) == STAYED
