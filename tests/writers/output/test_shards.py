"""WebDataset shards: the reader's rules, the very bytes, sizes as asked, any place, and workers that share them out."""

import json
import re
import tarfile
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.writers.layouts.test_layouts import IDS, PNG, PROMPT, TRIPLETS, assert_sample
from tests.writers.runs import RUN, run, tree
from tests.writers.triplets import scene, triplet
from warpdata.config import ExportOptions, OutputOptions
from warpdata.errors import OutputError
from warpdata.formats.manifest import Record
from warpdata.writers.output import remote
from warpdata.writers.output.session import open_writers
from warpdata.writers.output.shards import plan_shards

ROLES = ("splats", "reference", "target", "coverage", "confidence")

# Readers keep caches and leave files to the garbage collector; both are theirs.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("shards")
    run(root, "webdataset", triplets=TRIPLETS, output=PNG, prompt=PROMPT, shard_samples=3)
    return root


def test_webdataset_reads_them(shards):
    import webdataset

    urls = [str(path) for path in sorted(shards.glob("*.tar"))]
    rows = list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False).decode("pil"))
    assert [row["__key__"] for row in rows] == IDS
    for row in rows:
        assert_sample(row["__key__"], {role: row[f"{role}.png"] for role in ROLES[:3]})
        assert row["txt"] == PROMPT
        assert row["json"]["id"] == row["__key__"]
        assert row["json"]["prompt"] == PROMPT


def test_hugging_face_reads_them(shards, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="the reader datasets is not installed")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    for rows in (
        datasets.load_dataset(
            "webdataset", data_files={"train": str(shards / "*.tar")}, split="train", cache_dir=str(tmp_path)
        ),
        datasets.load_dataset(str(shards), split="train", cache_dir=str(tmp_path / "card")),
    ):
        assert [row["__key__"] for row in rows] == IDS
        for row in rows:
            assert_sample(row["__key__"], {role: row[f"{role}.png"] for role in ROLES})
            assert row["coverage.png"].mode == "L"


@pytest.mark.filterwarnings("ignore:String specifications")
def test_wids_reads_them(shards, tmp_path):
    wids = pytest.importorskip("wids", reason="the reader wids is not installed")
    index = json.loads((shards / "index.json").read_text())
    assert index["__kind__"] == "wids-shard-index-v1"
    rows = wids.ShardListDataset(str(shards / "index.json"), cache_dir=str(tmp_path), keep=True)
    assert len(rows) == len(IDS)
    assert [rows[k]["__key__"] for k in range(len(rows))] == IDS
    assert_sample(IDS[5], {role: rows[5][f".{role}.png"] for role in ROLES})


def test_members_are_plain_sorted_and_adjacent(shards):
    extensions = sorted(["json", "txt", *(f"{role}.png" for role in ROLES)])
    seen = []
    for path in sorted(shards.glob("*.tar")):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            names = [member.name for member in members]
        keys = list(dict.fromkeys(name.split(".", 1)[0] for name in names))
        assert names == [f"{key}.{extension}" for key in keys for extension in extensions]
        seen += keys
        for member in members:
            assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
            assert member.mode == 0o644
            assert not member.pax_headers
        assert path.stat().st_size % 512 == 0
        assert path.read_bytes()[257:263] == b"ustar\0"
    assert seen == IDS


def test_shards_hold_as_much_as_asked(tmp_path):
    run(tmp_path / "one", "webdataset", triplets=scene("room", 20))
    whole = (tmp_path / "one" / "train-000000.tar").stat().st_size
    limit = whole // 4
    run(tmp_path / "many", "webdataset", triplets=scene("room", 20), shard_bytes=limit)
    sizes = [path.stat().st_size for path in sorted((tmp_path / "many").glob("*.tar"))]
    assert 4 <= len(sizes) <= 6
    assert max(sizes) <= limit
    names = [path.name for path in sorted((tmp_path / "many").glob("*.tar"))]
    assert names == [f"train-{number:06d}.tar" for number in range(len(names))]


def test_plans_keep_both_limits():
    def record(number: int) -> Record:
        return Record(
            id=f"s/{number}", scene="s", reference="", target="", size=(1, 1), files={}, sha256={}, bytes={"x": number}
        )

    records = [record(size) for size in (5, 5, 5, 100, 1, 1, 1, 1)]
    plans = plan_shards(records, 3, 12, lambda one: one.bytes["x"])
    assert [[one.bytes["x"] for one in plan] for plan in plans] == [[5, 5], [5], [100], [1, 1, 1], [1]]


def test_aliases_are_copies(tmp_path):
    run(tmp_path, "webdataset", triplets=TRIPLETS[:2], shard_alias=("jpg=target",))
    with tarfile.open(tmp_path / "train-000000.tar") as tar:
        key = IDS[0]
        assert tar.extractfile(f"{key}.jpg").read() == tar.extractfile(f"{key}.target.jpg").read()
    with pytest.raises(ValueError, match="`shard_alias` jpg=nothing"):
        run(tmp_path / "bad", "webdataset", triplets=TRIPLETS[:2], shard_alias=("jpg=nothing",))


def test_long_names_fit_and_stay_apart(tmp_path):
    """Of two views with names of 80 letters; USTAR holds 100 in a base name."""
    long = "n" * 80
    names = [f"{long}__{long[:-1]}{letter}" for letter in "ab"]
    run(tmp_path, "webdataset", triplets=[triplet("s" * 80, 0, k, name=name) for k, name in enumerate(names)])
    with tarfile.open(tmp_path / "train-000000.tar") as tar:
        members = tar.getnames()
        ids = [json.load(tar.extractfile(name))["id"] for name in members if name.endswith(".json")]
    assert ids == [f"{'s' * 80}/{name}" for name in names]
    assert all(len(name.rsplit("/", 1)[1]) <= 100 for name in members)
    assert len({name.split(".", 1)[0] for name in members}) == 2


def test_samples_of_differing_geometry_have_the_same_columns(tmp_path):
    """Readers fix columns by the first samples."""
    datasets = pytest.importorskip("datasets", reason="the reader datasets is not installed")
    with open_writers(ExportOptions(layout=("webdataset",)), OutputOptions(output_dir=tmp_path / "s"), RUN) as writers:
        for one in scene("attic", 8):
            writers.write(one, geometry={"model": "given"})
        for one in scene("room"):
            writers.write(one, geometry={"model": "vggt", "weights_license": "x"})
    rows = datasets.load_dataset(str(tmp_path / "s"), split="train", cache_dir=str(tmp_path / "c"))
    assert rows[-1]["json"]["geometry"] == {"model": "vggt", "weights_license": "x"}
    assert rows[0]["json"]["geometry"] == {"model": "given", "weights_license": ""}


def memory_tree(url: str) -> dict[str, bytes]:
    fs, root = fsspec.core.url_to_fs(url)
    return {path.removeprefix(root).lstrip("/"): fs.cat_file(path) for path in fs.find(root)}


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_any_url_takes_shards(kind, tmp_path):
    """The same shards as on disk, nothing else; kept when run again; remade when lost; removed when overwritten."""
    url = "memory://bucket/shards" if kind == "memory" else (tmp_path / "elsewhere").as_uri()
    options = {"shard_url": url, "shard_samples": 3, "triplets": TRIPLETS}
    run(tmp_path / "out", "webdataset", **options)
    run(tmp_path / "disk", "webdataset", triplets=TRIPLETS, shard_samples=3)
    there = memory_tree(url)
    tars = {path.name: path.read_bytes() for path in (tmp_path / "disk").glob("*.tar")}
    assert {name: data for name, data in there.items() if name.endswith(".tar")} == tars
    assert set(there) == {*tars, "index.json", "README.md", "manifest.jsonl", "dataset.json"}
    assert not list((tmp_path / "out").rglob("*.tar"))
    assert run(tmp_path / "out", "webdataset", **options) == []

    fs, root = fsspec.core.url_to_fs(url)
    fs.rm_file(f"{root}/train-000001.tar")
    run(tmp_path / "out", "webdataset", **options)
    assert memory_tree(url) == there

    run(tmp_path / "out", "folder", triplets=TRIPLETS, output=OutputOptions(overwrite=True))
    assert memory_tree(url) == {}


class Flaky(MemoryFileSystem):
    """A network that breaks in the middle of every second upload."""

    protocol = "flaky"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    uploads = 0
    every = 2

    def put_file(self, lpath, rpath, callback=None, **options):
        type(self).uploads += 1
        if self.uploads % self.every:
            data = Path(lpath).read_bytes()
            self.pipe_file(rpath, data[: len(data) // 2])
            raise ConnectionError("the network went away")
        self.pipe_file(rpath, Path(lpath).read_bytes())


@pytest.fixture
def flaky(monkeypatch):
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    waits = []
    monkeypatch.setattr(remote.time, "sleep", waits.append)
    monkeypatch.setattr(Flaky, "every", 2)
    Flaky.store.clear()
    return waits


def test_a_broken_upload_is_tried_again(flaky, tmp_path):
    run(tmp_path / "out", "webdataset", triplets=TRIPLETS, shard_samples=3, shard_url="flaky://bucket/x")
    run(tmp_path / "disk", "webdataset", triplets=TRIPLETS, shard_samples=3)
    there = memory_tree("flaky://bucket/x")
    assert {name for name in there if name.endswith(".tar")} == {
        path.name for path in (tmp_path / "disk").glob("*.tar")
    }
    assert all(there[path.name] == path.read_bytes() for path in (tmp_path / "disk").glob("*.tar"))
    # Two uploads at once share the broken network: one of them may meet it twice, and then waits twice as long.
    assert flaky.count(remote.FIRST_WAIT_SECONDS) > len(flaky) / 2
    assert all(wait / remote.FIRST_WAIT_SECONDS in (1, 2, 4, 8) for wait in flaky)


def test_a_network_that_stays_away_leaves_nothing_under_a_final_name(flaky, tmp_path, monkeypatch):
    monkeypatch.setattr(Flaky, "every", 10**9)
    with pytest.raises(OutputError, match=r"flaky://bucket/y/train-00000\d\.tar.*went away"):
        run(tmp_path / "out", "webdataset", triplets=TRIPLETS, shard_samples=3, shard_url="flaky://bucket/y")
    assert not any(re.search(r"/train-[0-9]+\.tar$", path) for path in Flaky.store)
    assert {8 * remote.FIRST_WAIT_SECONDS} <= set(flaky)
    monkeypatch.setattr(Flaky, "every", 1)
    run(tmp_path / "out", "webdataset", triplets=TRIPLETS, shard_samples=3, shard_url="flaky://bucket/y")
    assert sum(path.endswith(".tar") for path in Flaky.store) == 3
    assert not any(path.endswith(".part") for path in Flaky.store)


def test_an_unknown_url_is_refused(tmp_path):
    with pytest.raises(OutputError, match="nowhere://x"):
        run(tmp_path, "webdataset", triplets=TRIPLETS[:2], shard_url="nowhere://x")


def test_two_workers_of_a_run_end_with_the_tree_of_one(tmp_path):
    """The last one completes the output, whichever it is."""
    run(tmp_path / "one", "webdataset", shard_samples=3)
    for order in ((0, 1), (1, 0)):
        root = tmp_path / f"two{order[0]}"
        for number in order:
            assert not (root / "dataset.json").exists()
            run(root, "webdataset", shard_samples=3, worker=(number, 2))
        assert tree(root) == tree(tmp_path / "one")
        assert run(root, "webdataset", shard_samples=3, worker=(0, 2)) == []
        assert tree(root) == tree(tmp_path / "one")
