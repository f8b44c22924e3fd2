"""The pre-flight check: silent about good data sets, and every rule noticed when it is broken on purpose."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.writers.runs import run
from tests.writers.triplets import scene
from warpdata.checks.finding import RULES
from warpdata.errors import OutputError
from warpdata.programs.check import main
from warpdata.programs.main import DONE as CLEAN
from warpdata.programs.main import INCOMPLETE as FOUND
from warpdata.programs.main import UNUSABLE
from warpdata.run.check import check
from warpdata.writers.output.encoder import encode_image

HW = (32, 48)
LAYOUTS = ("folder", "modelscope", "diffsynth", "aitoolkit", "musubi", "hf", "webdataset", "sharegpt")


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    """Every layout of four triplets, complete and without a fault."""
    root = tmp_path_factory.mktemp("exports")
    run(root, *LAYOUTS, triplets=scene("room", 4, HW), prompt="warm light", shard_samples=2)
    return root


def rewrite_json(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def swap(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def cut(path: Path, share: float = 0.5) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def resize(path: Path, hw: tuple[int, int]) -> None:
    path.write_bytes(encode_image(torch.zeros(3, *hw, dtype=torch.uint8), "jpg").data)


def turn(path: Path) -> None:
    with Image.open(path) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(path, exif=exif)


def add_member(shard: Path, name: str, **attributes) -> None:
    """Rewrite a shard with one more member before its end."""
    with tarfile.open(shard) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(shard, "w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            tar.addfile(member, __import__("io").BytesIO(data))
        member = tarfile.TarInfo(name)
        for key, value in attributes.items():
            setattr(member, key, value)
        tar.addfile(member)


def see_nothing(manifest: Path) -> None:
    """The second sample's splat has no point in it."""
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[1]["warp"]["hole_fraction"] = 1.0
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))


def tag(content) -> None:
    content[1]["messages"][0]["content"] += "<image>"


FAULTS = {
    "folder": [
        ("WD201", lambda root: (root / "room/000002_splats.jpg").unlink()),
        ("WD202", lambda root: (root / "room/000002_target.jpg").unlink()),
        ("WD203", lambda root: swap(root / "room/000002_splats.jpg", root / "room/000002_reference.jpg")),
        ("WD301", lambda root: resize(root / "room/000002_splats.jpg", (16, 16))),
        ("WD302", lambda root: resize(root / "room/000002_splats.jpg", (33, 48))),
        ("WD303", lambda root: cut(root / "room/000003_target.jpg")),
        ("WD303", lambda root: (root / "room/000003_target.jpg").write_bytes(b"")),
        ("WD304", lambda root: turn(root / "room/000003_target.jpg")),
        ("WD305", lambda root: Image.new("L", HW[::-1]).save(root / "room/000003_target.jpg")),
        ("WD306", lambda root: see_nothing(root / "manifest.jsonl")),
        ("WD401", lambda root: (root / "room").rename(root / "living room")),
        ("WD102", lambda root: (root / ".warpdata").mkdir()),
        ("WD101", lambda root: shutil.rmtree(root / "room")),
        ("WD701", lambda root: cut(root / "manifest.jsonl", 0.4)),
    ],
    "modelscope": [
        ("WD201", lambda root: (root / "2_start_2.jpg").unlink()),
        ("WD203", lambda root: swap(root / "2_start_1.jpg", root / "2_start_2.jpg")),
        ("WD205", lambda root: [path.unlink() for path in root.glob("2*")]),
        ("WD501", lambda root: (root / "3.txt").unlink()),
        ("WD502", lambda root: (root / "3.txt").write_text(" ")),
        ("WD503", lambda root: (root / "3.txt").write_bytes("Bäume".encode("latin1"))),
    ],
    "aitoolkit": [
        ("WD201", lambda root: (root / "control1/2.jpg").unlink()),
        ("WD201", lambda root: [shutil.rmtree(root / name) for name in ("control1", "control2")]),
        ("WD202", lambda root: (root / "target/2.jpg").unlink()),
        ("WD206", lambda root: (root / "target/notes.md").write_text("")),
        ("WD401", lambda root: [(root / d / "2.jpg").rename(root / d / "2.b.jpg") for d in ("target", "control1")]),
    ],
    "musubi": [
        ("WD201", lambda root: (root / "control/000002_0.jpg").unlink()),
        ("WD202", lambda root: (root / "images/000002.jpg").unlink()),
        ("WD403", lambda root: shutil.copy(root / "images/000002.jpg", root / "images/000002_1.jpg")),
    ],
    "diffsynth": [
        ("WD201", lambda root: (root / "images/000002_splats.jpg").unlink()),
        ("WD203", lambda root: rewrite_json(root / "metadata.json", lambda rows: rows[1]["edit_image"].reverse())),
        ("WD204", lambda root: rewrite_json(root / "metadata.json", lambda rows: rows[1]["edit_image"].pop())),
        ("WD502", lambda root: rewrite_json(root / "metadata.json", lambda rows: rows[1].update(prompt=""))),
        ("WD701", lambda root: cut(root / "metadata.json")),
        ("WD702", lambda root: rewrite_json(root / "metadata.json", lambda rows: rows[1].update(image="../../x.jpg"))),
        ("WD703", lambda root: rewrite_json(root / "metadata.json", lambda rows: rows[1].update(extra=1))),
    ],
    "hf": [
        ("WD201", lambda root: (root / "train/reference/000002.jpg").unlink()),
        ("WD701", lambda root: (root / "train/metadata.jsonl").unlink()),
    ],
    "webdataset": [
        ("WD601", lambda root: (root / "index.json").unlink()),
        ("WD601", lambda root: shutil.copy(root / "train-000000.tar", root / "train-000002.tar")),
        ("WD602", lambda root: (root / "train-000001.tar").unlink()),
        ("WD602", lambda root: cut(root / "train-000001.tar", 0.9)),
        ("WD603", lambda root: cut(root / "train-000001.tar", 0.9)),
        ("WD604", lambda root: add_member(root / "train-000000.tar", "room/000001.extra.bin")),
        ("WD605", lambda root: add_member(root / "train-000000.tar", "room/other.json")),
        ("WD606", lambda root: add_member(root / "train-000000.tar", "room/other.json", mtime=1.5)),
        ("WD402", lambda root: shutil.copy(root / "train-000000.tar", root / "train-000002.tar")),
        ("WD306", lambda root: see_nothing(root / "manifest.jsonl")),
    ],
    "sharegpt": [
        ("WD704", lambda root: rewrite_json(root / "train.json", tag)),
        ("WD201", lambda root: next(root.glob("images/*/*_splats.jpg")).unlink()),
    ],
}
CASES = [(layout, code, change) for layout, faults in FAULTS.items() for code, change in faults]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_we_write_passes(layout, exports):
    assert check(exports / layout) == []
    assert check(exports / layout, layout) == []


def test_all_layouts_of_an_output_are_checked_together(exports, tmp_path):
    root = Path(shutil.copytree(exports, tmp_path / "all"))
    assert check(root) == []
    (root / "musubi" / "control" / "000002_0.jpg").unlink()
    assert [finding.code for finding in check(root)] == ["WD201"]


@pytest.mark.parametrize(("layout", "code", "change"), CASES, ids=[f"{layout}-{code}" for layout, code, _ in CASES])
def test_a_fault_is_found(layout, code, change, exports, tmp_path):
    root = Path(shutil.copytree(exports / layout, tmp_path / layout))
    change(root)
    assert code in {finding.code for finding in check(root, layout)}


def test_every_rule_has_a_fault_that_breaks_it():
    assert {code for _, code, _ in CASES} == set(RULES)


def test_without_manifest_the_layout_is_recognised(exports, tmp_path):
    for layout in LAYOUTS:
        root = Path(shutil.copytree(exports / layout, tmp_path / layout))
        (root / "dataset.json").unlink()
        assert check(root) == []


def test_exit_codes_and_json(exports, tmp_path, capsys):
    root = Path(shutil.copytree(exports / "folder", tmp_path / "folder"))
    assert main([str(root)]) == CLEAN
    (root / "room/000002_splats.jpg").unlink()
    assert main([str(root), "--for", "folder"]) == FOUND
    assert capsys.readouterr().out.count("\n") == 1
    assert main([str(root), "--json"]) == FOUND
    (finding,) = json.loads(capsys.readouterr().out)
    assert finding["code"] == "WD201"
    assert finding["path"].endswith("000002_splats.jpg")
    assert main([str(tmp_path / "nowhere")]) == UNUSABLE
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty")]) == UNUSABLE
    assert main([str(root), "--for", "nobody"]) == UNUSABLE
    assert "choose from auto, folder," in capsys.readouterr().err


def test_splats_that_show_something_are_no_fault(exports, tmp_path):
    """Just below the threshold nothing is found, at it there is; the sample is named."""
    root = Path(shutil.copytree(exports / "folder", tmp_path / "folder"))
    line = json.loads((root / "manifest.jsonl").read_text().splitlines()[0])
    for holes, found in ((0.98, []), (0.99, ["WD306"]), (1, ["WD306"]), (None, [])):
        line["warp"]["hole_fraction"] = holes
        (root / "manifest.jsonl").write_text(json.dumps(line) + "\n")
        findings = check(root)
        assert [finding.code for finding in findings] == found
        assert all(line["id"] in finding.detail and "one unit" in finding.detail for finding in findings)


def test_diffusers_is_another_name_for_the_imagefolder(exports):
    assert check(exports / "hf", "diffusers") == check(exports / "hf", "hf") == []


def test_what_has_no_rules_says_so(tmp_path):
    """An export that `--for` has no choice for is not told to choose."""
    run(tmp_path, "folder", triplets=scene("room", 2, HW))
    rewrite_json(tmp_path / "dataset.json", lambda about: about.update(layout="colmap"))
    with pytest.raises(OutputError, match="holds colmap, for which there are no rules"):
        check(tmp_path)


@pytest.fixture
def parquet(tmp_path) -> Path:
    pytest.importorskip("datasets", reason="the writer datasets is not installed")
    run(tmp_path / "data", "hf-parquet", triplets=scene("room", 4, HW), prompt="warm light", shard_samples=2)
    return tmp_path / "data"


def rewrite_parquet(path: Path, change) -> None:
    from pyarrow import Table
    from pyarrow import parquet as pq

    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    keys = rows[0].keys()
    pq.write_table(Table.from_pylist([{key: row.get(key) for key in keys} for row in rows]), path)


PARQUET_FAULTS = [
    ("WD101", lambda root: shutil.rmtree(root / "data")),
    ("WD602", lambda root: (root / "data/train-00001-of-00002.parquet").unlink()),
    ("WD603", lambda root: cut(root / "data/train-00001-of-00002.parquet")),
    ("WD502", lambda root: rewrite_parquet(first_file(root), lambda rows: rows[1].update(prompt=" "))),
    ("WD303", lambda root: rewrite_parquet(first_file(root), lambda rows: rows[1].update(target=None))),
    ("WD303", lambda root: rewrite_parquet(first_file(root), lambda rows: rows[1]["target"].update(bytes=b"no"))),
    ("WD301", lambda root: rewrite_parquet(first_file(root), lambda rows: rows[1]["splats"].update(bytes=small()))),
    ("WD201", lambda root: rewrite_parquet(first_file(root), lambda rows: [row.pop("splats") for row in rows])),
    ("WD703", lambda root: rewrite_parquet(first_file(root), lambda rows: [row.pop("scene") for row in rows])),
    ("WD402", lambda root: rewrite_parquet(first_file(root), lambda rows: rows[1].update(id=rows[0]["id"]))),
]


def first_file(root: Path) -> Path:
    return root / "data/train-00000-of-00002.parquet"


def small() -> bytes:
    return encode_image(torch.zeros(3, 16, 16, dtype=torch.uint8), "jpg").data


def test_parquet_that_we_write_passes(parquet):
    assert check(parquet) == check(parquet, "hf-parquet") == []
    (parquet / "dataset.json").unlink()
    assert check(parquet) == []


@pytest.mark.parametrize(("code", "change"), PARQUET_FAULTS)
def test_a_fault_in_parquet_is_found(code, change, parquet):
    change(parquet)
    assert code in {finding.code for finding in check(parquet, "hf-parquet")}


@pytest.mark.parametrize(
    ("index", "code"),
    [
        (None, "WD601"),
        ({"chunks": []}, "WD101"),
        ({"chunks": [{"filename": "chunk-0-0.bin"}]}, "WD601"),
        ({"chunks": [{"filename": f"chunk-0-{n}.bin"} for n in range(3)]}, "WD602"),
        ({"chunks": 3}, "WD701"),
        ({"chunks": [{"filename": f"chunk-0-{n}.bin"} for n in range(2)]}, None),
    ],
)
def test_chunks_of_litdata_are_held_against_their_index(index, code, tmp_path):
    for number in range(2):
        (tmp_path / f"chunk-0-{number}.bin").write_bytes(b"chunk")
    if index is not None:
        (tmp_path / "index.json").write_text(json.dumps(index))
    assert {finding.code for finding in check(tmp_path)} == ({code} if code else set())
