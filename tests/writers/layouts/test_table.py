"""Rows of layouts and scene formats: light to import, complete, and open to other packages."""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import warpdata.plugins
from tests.writers.runs import GEOMETRY, RUN, run
from tests.writers.triplets import scene
from warpdata.config import ExportOptions, OutputOptions
from warpdata.errors import OutputError
from warpdata.files.atomic import write_atomic
from warpdata.plugins import OwnOptions
from warpdata.run.export import PastExport, export_folder
from warpdata.writers.layouts.layout import LayoutRow, Written
from warpdata.writers.layouts.table import LAYOUTS
from warpdata.writers.output.session import open_writers
from warpdata.writers.scenes.table import SCENE_FORMATS


def test_reading_all_rows_loads_no_heavy_package():
    """`--help` lists names and options."""
    code = (
        "import sys\n"
        "from warpdata.writers.layouts.table import LAYOUTS\n"
        "from warpdata.writers.scenes.table import SCENE_FORMATS\n"
        "names = [row.name for table in (LAYOUTS, SCENE_FORMATS) for row in table]\n"
        "assert len(names) >= 16\n"
        "heavy = {'torch', 'cv2', 'numpy', 'PIL', 'fsspec', 'datasets', 'litdata', 'pyarrow', 'OpenEXR'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", LAYOUTS.names)
def test_a_row_of_ours_is_complete(name):
    row = LAYOUTS[name]
    assert row.about
    assert row.mark is not None
    assert row.check is not None
    assert row.plan is None or (row.uses_shard_options and row.takes_url)


def test_one_layout_is_the_triplet_folder():
    assert [row.name for row in LAYOUTS if row.is_triplet_folder] == ["folder"]


@dataclass(frozen=True)
class ListOptions:
    """Options of a layout of another package."""

    title: str = "samples"


def write_list(samples, options, place) -> Written:
    place.begin(["list.txt"])
    text = "\n".join([options.own.title, *(record.id for record in samples.records)])
    write_atomic(place.root / "list.txt", text)
    about = {"sha256": "0" * 64, "bytes": len(text)}
    return Written(records=[], files={"list.txt": about}, commands="read list.txt")


ROW = LayoutRow(name="list", about="ids, one a line", write=write_list, options=ListOptions)


class Point(EntryPoint):
    def load(self):
        return ROW


@pytest.fixture
def _with_list(monkeypatch):
    points = [Point(name="list", value="elsewhere:ROW", group="warpdata.layouts")]
    monkeypatch.setattr(warpdata.plugins, "entry_points", lambda group: points if group == "warpdata.layouts" else [])
    monkeypatch.delitem(LAYOUTS.__dict__, "_foreign", raising=False)
    yield
    LAYOUTS.__dict__.pop("_foreign", None)
    LAYOUTS._loaded.pop("list", None)


@pytest.mark.usefixtures("_with_list")
def test_a_layout_of_another_package_gets_its_own_options(tmp_path):
    def make(root: Path, own: OwnOptions) -> list[str]:
        options = OutputOptions(output_dir=root)
        with open_writers(ExportOptions(layout=("list", "folder")), options, RUN, own=own) as writers:
            for one in scene("room", 2):
                if not writers.has(one.id, GEOMETRY):
                    writers.write(one, geometry=GEOMETRY)
        return (root / "list" / "list.txt").read_text().split("\n")

    assert make(tmp_path / "plain", OwnOptions()) == ["samples", "room/000001", "room/000002"]
    assert make(tmp_path / "own", OwnOptions(ListOptions(title="mine")))[0] == "mine"
    options = {
        root: json.loads((tmp_path / root / "list" / "dataset.json").read_text())["options"]
        for root in ("plain", "own")
    }
    assert "own" not in options["plain"]
    assert options["own"]["own"] == {"list": {"title": "mine"}}
    with pytest.raises(OutputError, match="made with other options"):
        make(tmp_path / "own", OwnOptions())


@pytest.mark.usefixtures("_with_list")
def test_own_options_that_no_chosen_layout_has_change_nothing(tmp_path):
    run(tmp_path / "a")
    options = OutputOptions(output_dir=tmp_path / "b")
    with open_writers(ExportOptions(), options, RUN, own=OwnOptions(ListOptions(title="mine"))) as writers:
        for one in [*scene("attic"), *scene("room")]:
            writers.write(one, geometry=GEOMETRY)
    assert (tmp_path / "a/dataset.json").read_bytes() == (tmp_path / "b/dataset.json").read_bytes()


@pytest.mark.usefixtures("_with_list")
def test_an_export_remembers_the_options_it_was_made_with(tmp_path):
    run(tmp_path / "output")
    own = OwnOptions(ListOptions(title="mine"))
    export_folder(tmp_path / "output", tmp_path / "list", ExportOptions(layout=("list",)), own=own)
    (tmp_path / "list" / "list.txt").unlink()
    past = PastExport.found_in(tmp_path / "list")
    past.refuse_other(tmp_path / "output")
    past.make_again(tmp_path / "output")
    assert (tmp_path / "list" / "list.txt").read_text().startswith("mine\n")


def test_names_of_scene_formats():
    assert SCENE_FORMATS.names[:6] == ("colmap", "nerfstudio", "wai", "nsvf", "idr", "shards")
