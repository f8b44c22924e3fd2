"""Every layout read back by its real reader, or by the rule its trainer pairs files by: N in, N out, in order."""

import io
import json
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from plyfile import PlyData

from tests.writers.runs import RUN, run
from tests.writers.triplets import scene
from warpdata.config import ExportOptions, OutputOptions
from warpdata.errors import OutputError
from warpdata.formats.ply import PointCloud
from warpdata.plugins import OwnOptions
from warpdata.writers.layouts.sharegpt.options import ShareGptOptions
from warpdata.writers.output.session import open_writers

PROMPT = 'a "quoted", comma\nnew line 🙂'
TRIPLETS = [*scene("attic", 3), *scene("room", 4)]
IDS = sorted(one.id for one in TRIPLETS)
BY_ID = {one.id: one for one in TRIPLETS}
ROLES = ("splats", "reference", "target")
PNG = OutputOptions(output_format="png")
"""Lossless, so that what readers give can be compared pixel by pixel."""

# Readers keep caches and leave files to the garbage collector; both are theirs.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _own_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")


def written(root: Path, layout: str, **options) -> Path:
    run(root, layout, triplets=TRIPLETS, output=PNG, prompt=options.pop("prompt", PROMPT), **options)
    return root


def pixels(image) -> torch.Tensor:
    """(3, H, W) of a PIL image, a path, or compressed bytes."""
    if isinstance(image, bytes):
        image = io.BytesIO(image)
    if not isinstance(image, Image.Image):
        image = Image.open(image)
    array = np.array(image)
    return torch.from_numpy(array if array.ndim == 3 else array[..., None]).permute(2, 0, 1)


def assert_sample(sample_id: str, images: dict) -> None:
    """The pictures of a sample, in their roles; so the marked corner is the same in all three."""
    one = BY_ID[sample_id]
    truth = {"splats": one.splat, "reference": one.reference, "target": one.target}
    truth |= {"coverage": one.coverage, "confidence": one.confidence}
    for role, image in images.items():
        torch.testing.assert_close(pixels(image), truth[role], rtol=0, atol=0)
        assert (pixels(image)[:, :4, :4] == 255).all()


def test_folder(tmp_path):
    root = written(tmp_path, "folder")
    for sample_id in IDS:
        assert_sample(
            sample_id, {role: root / f"{sample_id}_{role}.png" for role in (*ROLES, "coverage", "confidence")}
        )


def test_jpeg_is_quality_95_without_colour_subsampling(tmp_path):
    run(tmp_path, triplets=TRIPLETS[:1])
    with Image.open(tmp_path / "attic" / "000001_target.jpg") as image:
        assert image.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]
        reference = io.BytesIO()
        image.save(reference, "JPEG", quality=95)
        with Image.open(reference) as expected:
            assert image.quantization == expected.quantization
        assert not image.getexif()


def test_modelscope(tmp_path):
    """Grouped by the text before the first `_` or `.`, each group has exactly the four files."""
    root = written(tmp_path, "modelscope")
    groups: dict[str, set[str]] = {}
    for path in root.iterdir():
        number, rest = re.split(r"[_.]", path.name, maxsplit=1)
        if number not in ("manifest", "dataset"):
            groups.setdefault(number, set()).add(rest)
    assert sorted(groups, key=int) == [str(n) for n in range(1, len(IDS) + 1)]
    assert all(group == {"start_1.png", "start_2.png", "end.png", "txt"} for group in groups.values())
    for number, sample_id in enumerate(IDS, 1):
        paths = {
            role: root / f"{number}_{part}.png" for role, part in zip(ROLES, ("start_1", "start_2", "end"), strict=True)
        }
        assert_sample(sample_id, paths)
        assert (root / f"{number}.txt").read_bytes().decode() == PROMPT


def test_diffsynth(tmp_path):
    """As its loader reads: paths relative to the base, controls in the prompt's order."""
    root = written(tmp_path, "diffsynth")
    metadata = json.loads((root / "metadata.json").read_text())
    assert len(metadata) == len(IDS)
    for sample_id, entry in zip(IDS, metadata, strict=True):
        splats, reference = entry["edit_image"]
        assert_sample(
            sample_id, {"splats": root / splats, "reference": root / reference, "target": root / entry["image"]}
        )
        assert entry["prompt"] == PROMPT


def test_diffsynth_with_its_own_dataset_class(tmp_path):
    data = pytest.importorskip("diffsynth.core.data", reason="the reader diffsynth is not installed")
    root = written(tmp_path, "diffsynth")
    operator = data.UnifiedDataset.default_image_operator(base_path=str(root), max_pixels=1048576)
    dataset = data.UnifiedDataset(
        str(root), str(root / "metadata.json"), data_file_keys=("image", "edit_image"), main_data_operator=operator
    )
    assert len(dataset) == len(IDS)
    assert all(len(dataset[k]["edit_image"]) == 2 for k in range(len(IDS)))


def test_aitoolkit(tmp_path):
    """Its pairing rule: for every target the same stem in every control folder of the configuration."""
    yaml = pytest.importorskip("yaml", reason="the configuration's parser is not installed")
    root = written(tmp_path, "aitoolkit")
    (config,) = yaml.safe_load((root / "config.yaml").read_text())["datasets"]
    targets = [
        path for path in (root / config["folder_path"]).rglob("*") if path.suffix in (".jpg", ".jpeg", ".png", ".webp")
    ]
    assert len(targets) == len(IDS)
    for path in targets:
        images = {"target": path}
        for role, folder in zip(("splats", "reference"), config["control_path"], strict=True):
            (images[role],) = (root / folder).glob(f"{path.stem}.*")
        assert_sample(IDS[int(path.stem) - 1], images)
        assert path.with_suffix("." + config["caption_ext"]).read_bytes().decode() == PROMPT
    others = {path.suffix for path in (root / "target").iterdir()} - {".png", ".txt"}
    assert not others


def test_musubi(tmp_path):
    """Its naming rule, by the folders of its configuration, and the same samples by its JSONL."""
    tomllib = pytest.importorskip("tomllib", reason="tomllib comes with Python 3.11")
    root = written(tmp_path, "musubi")
    (config,) = tomllib.loads((root / "dataset.toml").read_text())["datasets"]
    targets = sorted((root / config["image_directory"]).glob("*.png"))
    lines = [json.loads(line) for line in (root / "metadata.jsonl").read_text().splitlines()]
    assert len(targets) == len(lines) == len(IDS)
    for sample_id, path, line in zip(IDS, targets, lines, strict=True):
        controls = sorted(
            control
            for control in (root / config["control_directory"]).iterdir()
            if re.fullmatch(rf"{path.stem}(_\d+)?", control.stem)
        )
        assert_sample(sample_id, {"splats": controls[0], "reference": controls[1], "target": path})
        assert root / line["image_path"] == path
        assert [root / line[f"control_path_{k}"] for k in range(2)] == controls
        assert path.with_suffix(".txt").read_bytes().decode() == line["caption"] == PROMPT


@pytest.mark.parametrize("layout", ["hf", "hf-parquet"])
def test_hugging_face(layout, tmp_path):
    datasets = pytest.importorskip("datasets", reason="the reader datasets is not installed")
    root = written(tmp_path / "data", layout, shard_samples=3)
    if layout == "hf":
        rows = datasets.load_dataset("imagefolder", data_dir=str(root), split="train", cache_dir=str(tmp_path / "c"))
    else:
        rows = datasets.load_dataset(str(root), split="train", cache_dir=str(tmp_path / "c"))
        assert len(list((root / "data").iterdir())) == 3
    assert [row["id"] for row in rows] == IDS
    for row in rows:
        assert_sample(row["id"], {role: row[role] for role in ROLES})
        assert row["prompt"] == PROMPT
        assert row["hole_fraction"] == 0.25


def test_parquet_row_groups_stay_small(tmp_path):
    """More samples than a row group holds, read back in order."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="the reader pyarrow is not installed")
    pytest.importorskip("datasets", reason="the writer datasets is not installed")
    run(tmp_path, "hf-parquet", triplets=scene("room", 70, (2, 3)))
    file = parquet.ParquetFile(tmp_path / "data" / "train-00000-of-00001.parquet")
    assert file.num_row_groups == 2
    assert file.read(["id"]).column("id").to_pylist() == [f"room/{k:06d}" for k in range(1, 71)]


def test_litdata(tmp_path):
    litdata = pytest.importorskip(
        "litdata", reason="litdata is not installed: it pulls torchvision, so no extra has it"
    )
    root = written(tmp_path / "data", "litdata", shard_bytes=20_000)
    rows = litdata.StreamingDataset(str(root), shuffle=False)
    assert len(list(root.glob("chunk-*.bin"))) > 1
    assert [rows[k]["id"] for k in range(len(rows))] == IDS
    for k in range(len(rows)):
        row = rows[k]
        assert_sample(row["id"], {role: row[role] for role in (*ROLES, "coverage")})
        assert row["prompt"] == PROMPT
        assert json.loads(row["json"])["target"] == BY_ID[row["id"]].target_name


@pytest.mark.parametrize("file", ["train.json", "train_messages.json"])
def test_sharegpt(file, tmp_path):
    datasets = pytest.importorskip("datasets", reason="the reader datasets is not installed")
    own = OwnOptions(ShareGptOptions(dialect="conversations"))
    root = written(tmp_path / "data", "sharegpt", own=own)
    info = json.loads((root / "dataset_info.json").read_text())
    (entry,) = (entry for entry in info.values() if entry["file_name"] == file)
    rows = datasets.load_dataset("json", data_files=str(root / file), split="train", cache_dir=str(tmp_path / "c"))
    assert len(rows) == len(IDS)
    tags = entry.get("tags", {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"})
    for sample_id, row in zip(IDS, rows, strict=True):
        turns = row[entry["columns"]["messages"]]
        assert [turn[tags["role_tag"]] for turn in turns] == [tags["user_tag"], tags["assistant_tag"]]
        assert sum(turn[tags["content_tag"]].count("<image>") for turn in turns) == len(row["images"]) == 3
        assert PROMPT in turns[0][tags["content_tag"]]
        assert_sample(sample_id, dict(zip(ROLES, (root / path for path in row["images"]), strict=True)))


@pytest.mark.parametrize("layout", ["modelscope", "aitoolkit", "musubi", "webdataset"])
@pytest.mark.parametrize(("prompt", "expected"), [(None, None), ("", b"")])
def test_no_prompt_and_an_empty_prompt(layout, prompt, expected, tmp_path):
    root = written(tmp_path, layout, prompt=prompt)
    if layout == "webdataset":
        with tarfile.open(root / "train-000000.tar") as tar:
            texts = [tar.extractfile(member).read() for member in tar if member.name.endswith(".txt")]
    else:
        texts = [path.read_bytes() for path in root.rglob("*.txt")]
    assert texts == ([] if expected is None else [expected] * len(IDS))


@pytest.mark.parametrize("hw", [(1, 1), (1, 7), (33, 21)])
def test_odd_sizes(hw, tmp_path):
    run(tmp_path, triplets=scene("room", 2, hw), output=PNG)
    with Image.open(tmp_path / "room" / "000001_target.png") as image:
        assert image.size == hw[::-1]


def test_points_are_written_as_the_renderer_has_them(tmp_path):
    points = PointCloud(
        xyz=torch.randn(5, 3), rgb=torch.arange(15, dtype=torch.uint8).reshape(5, 3), confidence=torch.rand(5) + 1
    )
    output = OutputOptions(output_dir=tmp_path, save_ply=True)
    with open_writers(ExportOptions(), output, RUN) as writers:
        with pytest.raises(ValueError, match="none are given"):
            writers.write(TRIPLETS[1])
        writers.write(TRIPLETS[0], points)
    path = tmp_path / "attic" / "000001_reference.ply"
    assert path.read_bytes().startswith(b"ply\nformat binary_little_endian 1.0\n")
    vertices = PlyData.read(path)["vertex"]
    assert [(p.name, p.val_dtype) for p in vertices.properties] == [
        *((axis, "f4") for axis in "xyz"),
        *((channel, "u1") for channel in ("red", "green", "blue")),
        ("confidence", "f4"),
    ]
    np.testing.assert_array_equal(np.stack([vertices[axis] for axis in "xyz"], -1), points.xyz.numpy())
    np.testing.assert_array_equal(np.stack([vertices[c] for c in ("red", "green", "blue")], -1), points.rgb.numpy())
    np.testing.assert_array_equal(vertices["confidence"], points.confidence.numpy())


def test_the_card_states_model_and_licences(tmp_path):
    yaml = pytest.importorskip("yaml", reason="the card's parser is not installed")
    geometry = {"model": "vggt", "weights_license": "cc-by-nc-4.0", "source_license": "CC0-1.0"}
    run(tmp_path, "webdataset", triplets=TRIPLETS, geometry=geometry)
    text = (tmp_path / "README.md").read_text()
    head = yaml.safe_load(text.split("---")[1])
    assert head["task_categories"] == ["image-to-image"]
    assert head["configs"][0]["data_files"] == [{"split": "train", "path": "train-*.tar"}]
    assert all(value in text for value in geometry.values())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    for layout, package in (("hf-parquet", "datasets"), ("litdata", "litdata")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(OutputError, match=r"pip install"):
            run(tmp_path / layout, layout, triplets=TRIPLETS)
