"""Sources are rows of a table; other packages add theirs, with options of their own, and nothing else knows."""

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

import warpdata.plugins
from tests.scenes import write_photos
from warpdata.config import SourceOptions
from warpdata.errors import SceneError
from warpdata.plugins import OwnOptions, Table
from warpdata.sources import SOURCES, PictureFile, Scene, Source, SourceRow, View, open_source


@dataclass(frozen=True)
class ListOptions:
    """Options of the source below."""

    reverse: bool = False


def read_list(root, scene_id, options):
    names = (root / "list.txt").read_text().split()
    names = names[::-1] if options.reverse else names
    views = tuple(View(name=name.partition(".")[0], picture=PictureFile(root / name)) for name in names)
    return Scene(id=scene_id, root=root, views=views, left_out={})


LIST = SourceRow(
    name="list",
    about="pictures in a list",
    recognise=lambda listing: "list.txt" in listing.files,
    read=read_list,
    options=ListOptions,
)


class Halves:
    """Two scenes from one folder."""

    def __init__(self, options, own):
        self._options = options

    def scene_ids(self):
        return ["left", "right"]

    def state(self, scene_id):
        return f"state of {scene_id}"

    def scene(self, scene_id):
        folder = self._options.input_dir
        view = View(name=scene_id, picture=PictureFile(folder / f"{scene_id}.png"))
        return Scene(id=scene_id, root=folder, views=(view, view), left_out={})


HALVES = SourceRow(
    name="halves",
    about="two scenes",
    recognise=lambda listing: "halves" in listing.files,
    open=lambda o, own, work: Halves(o, own),
)
BROKEN = SourceRow(
    name="broken",
    about="needs what is not there",
    recognise=lambda listing: "broken" in listing.files,
    read=read_list,
    unavailable=lambda: "it needs nothingness; install it",
)


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """A table with rows of another package before our own `images`, which takes any folder of pictures."""
    points = [
        EntryPoint(name=row, value=f"{__name__}:{row.upper()}", group="warpdata.sources")
        for row in ("list", "halves", "broken")
    ]
    rows = {"list": LIST, "halves": HALVES, "broken": BROKEN}
    monkeypatch.setattr(EntryPoint, "load", lambda self: rows[self.name])
    monkeypatch.setattr(warpdata.plugins, "entry_points", lambda group: points if group == "warpdata.sources" else [])
    table = Table("source", "warpdata.sources", SourceRow, dict(SOURCES._own))
    monkeypatch.setattr("warpdata.sources.SOURCES", table)
    return table


def test_our_own_rows_come_first_and_all_pictures_last(table):
    ours = (
        *("megadepth", "aerial-megadepth", "aerial-training", "megadepth-processed", "transforms", "wai", "colmap"),
        *("blender", "earth-studio", "dem", "spacevista", "video", "images"),
    )
    assert table.names == (*ours, "broken", "halves", "list")
    assert all(row.about and row.name == name for name, row in zip(table.names, table, strict=True))


def test_a_row_of_another_package_reads_its_scenes_with_its_own_options(tmp_path):
    write_photos(tmp_path / "a")
    (tmp_path / "a" / "list.txt").write_text("2.png\n0.png")
    source = open_source(SourceOptions(input_dir=tmp_path, source="list"))
    assert isinstance(source, Source)
    assert [view.name for view in source.scene("a").views] == ["2", "0"]
    assert source.scene("a").source == "list"
    own = OwnOptions(ListOptions(reverse=True))
    turned = open_source(SourceOptions(input_dir=tmp_path, source="list", limit=2), own).scene("a")
    assert [view.name for view in turned.views] == ["0", "2"]


def test_a_mark_of_its_own_wins_over_pictures_alone(tmp_path):
    """`auto` asks the rows that other packages add before it takes a folder for nothing but pictures."""
    write_photos(tmp_path / "a")
    write_photos(tmp_path / "b")
    (tmp_path / "a" / "list.txt").write_text("2.png 0.png")
    source = open_source(SourceOptions(input_dir=tmp_path))
    assert [source.scene(name).source for name in source.scene_ids()] == ["list", "images"]


def test_a_source_of_many_scenes_may_lie_anywhere(tmp_path):
    write_photos(tmp_path / "photos")
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "halves").touch()
    source = open_source(SourceOptions(input_dir=tmp_path))
    assert source.scene_ids() == ["both_left", "both_right", "photos"]
    scene = source.scene("both_right")
    assert (scene.id, scene.source, scene.views[0].name) == ("both_right", "halves", "right")
    assert source.state("both_left") == "state of left"
    assert open_source(SourceOptions(input_dir=tmp_path / "both")).scene_ids() == ["left", "right"]


def test_a_source_that_cannot_be_used_here_costs_its_scenes_and_says_why(tmp_path):
    write_photos(tmp_path / "photos")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "broken").touch()
    source = open_source(SourceOptions(input_dir=tmp_path))
    assert source.scene_ids() == ["b", "photos"]
    assert len(source.scene("photos").views) == 3
    with pytest.raises(SceneError, match="is for the source broken, which cannot be used here: it needs nothingness"):
        source.scene("b")


def test_unknown_names_list_the_known_ones(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"there is no source 'x'; choose from auto, megadepth, .*, transforms, wai, colmap, .*, images, broken",
    ):
        open_source(SourceOptions(input_dir=tmp_path, source="x"))


def test_a_row_reads_or_opens():
    with pytest.raises(ValueError, match="has 0 of read, open and read_file"):
        SourceRow(name="x", about="", recognise=bool)


def test_the_table_is_light():
    """Command lines read names and options of all rows."""
    code = (
        "import sys; from warpdata.sources.table import SOURCES; list(SOURCES); "
        "print({'torch', 'numpy', 'cv2'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
