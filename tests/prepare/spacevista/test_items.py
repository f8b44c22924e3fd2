"""Preview and validation, as a user runs them."""

import json

import cv2
import pytest
from PIL import Image

from tests.spacevista_set import make_set
from warpdata.errors import SourceError
from warpdata.prepare.spacevista.choose import Choice, choose_items
from warpdata.prepare.spacevista.validate import validate
from warpdata.programs.prepare import main

pytest.importorskip("ijson", reason="the extra `spacevista` is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("spacevista"))


def run(*arguments) -> int:
    return main(["spacevista", *map(str, arguments)])


def test_the_draw_is_that_of_the_seed(made):
    def drawn(**options):
        return [item.id for item in choose_items(made / "meta.json", Choice(**options))]

    assert drawn() == drawn()
    assert len(drawn()) == 5
    assert len(set(drawn())) == 5
    assert any(drawn(seed=seed) != drawn() for seed in range(5))
    assert len(drawn(count=100)) == 11
    assert drawn(task="CAMERA_ROTATION") == ["made_5"]
    assert drawn(input_type="Image+mask+text") == ["made_4", "made_14"]
    assert drawn(ids=("made_3", "made_0")) == ["made_3", "made_0"]


def test_what_is_not_there_is_said_with_what_is(made):
    with pytest.raises(SourceError, match=r"task FLYING.*there are tasks CAMERA_ROTATION, "):
        choose_items(made / "meta.json", Choice(task="FLYING"))
    with pytest.raises(SourceError, match="no item nobody"):
        choose_items(made / "meta.json", Choice(ids=("nobody",)))


def test_a_page_holds_all_and_loads_nothing(made, tmp_path, capsys):
    assert run("preview", made / "meta.json", tmp_path, "--count", 11, "--quiet") == 0
    page = (tmp_path / "preview.html").read_text()
    assert page.count("<h2>") == 11
    assert page.count("data:image/jpeg") > 60
    assert "http" not in page.split("</style>")[1]
    assert run("preview", made / "meta.json", tmp_path, "--quiet") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run("preview", made / "meta.json", tmp_path, "--quiet", "--overwrite", "--ids", "made_3") == 0


def test_a_film_needs_no_pyav(made, tmp_path, monkeypatch):
    monkeypatch.setattr("warpdata.prepare.spacevista.sheets.pyav_unavailable", lambda: "it is not installed")
    assert run("preview", made / "meta.json", tmp_path, "--ids", "made_0", "--format", "mp4", "--quiet") == 0
    film = cv2.VideoCapture(str(tmp_path / "made_0.mp4"))
    assert (film.get(cv2.CAP_PROP_FRAME_COUNT), film.get(cv2.CAP_PROP_FRAME_WIDTH)) == (10, 320)
    _, first = film.read()
    assert first[150, 60, 2] > 180  # the red point, blue first
    assert first[150, 60, :2].max() < 90
    film.release()
    assert [path.name for path in tmp_path.iterdir()] == ["made_0.mp4"]


def test_what_lies_in_the_output_stays(made, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    assert run("preview", made / "meta.json", tmp_path, "--quiet") == 0
    assert (tmp_path / "mine.txt").read_text() == "x"


@pytest.mark.parametrize("kind", ["gif", "mp4"])
def test_films(made, tmp_path, kind):
    if kind == "mp4":
        pytest.importorskip("av", reason="the extra `video` is not installed")
    assert run("preview", made / "meta.json", tmp_path, "--ids", "made_0", "--format", kind, "--quiet") == 0
    path = tmp_path / f"made_0.{kind}"
    if kind == "gif":
        with Image.open(path) as film:
            assert film.n_frames == 10
            assert film.size == (320, 240)
    else:
        import av

        with av.open(str(path)) as film:
            assert sum(1 for _ in film.decode(video=0)) == 10


def test_text_of_the_data_is_text(made, tmp_path):
    items = json.loads((made / "meta.json").read_text())[:1]
    items[0]["messages"][0]["content"] = "<video><script>alert(1)</script>"
    (made / "script.json").write_text(json.dumps(items))
    assert run("preview", made / "script.json", tmp_path, "--quiet") == 0
    assert "<script>" not in (tmp_path / "preview.html").read_text()


def test_the_set_is_without_fault(made):
    for name in ("meta.json", "benchmark.json"):
        assert not validate(made / name, made).count


def faulty(made, change) -> dict[str, int]:
    items = json.loads((made / "meta.json").read_text())
    change(items)
    (made / "faulty.json").write_text(json.dumps(items))
    return dict(validate(made / "faulty.json", made).count)


def test_faults_are_found(made):
    def tags(items):
        items[0]["messages"][0]["content"] = "no tag"

    def turns(items):
        items[0]["messages"].append({"role": "assistant", "content": "again"})

    def ids(items):
        items[1]["problem_id"] = items[0]["problem_id"]

    def frames(items):
        items[0]["videos"][0].append("DL3DV_frames/1K/0a1b2c3d/images_8/gone.png")

    def marks(items):
        items[0]["extra_info"]["input_point"]["points"] = [[500, 10]]

    def parts(items):
        items[0]["extra_info"]["input_point"]["points"] = "x"

    def no_item(items):
        items[2] = 3

    found = [
        (tags, "tags and media differ in number"),
        (turns, "turns that do not alternate from the user on"),
        (ids, "an id that another item has"),
        (frames, "frames that are missing or damaged"),
        (marks, "a mark that cannot be placed"),
        (parts, "a part that cannot be understood"),
        (no_item, "no item"),
    ]
    for change, kind in found:
        assert faulty(made, change) == {kind: 1}, change.__name__
    assert run("validate", made / "faulty.json", "--quiet") == 1


def test_validation_as_json(made, capsys):
    assert run("validate", made / "meta.json", "--json", "--quiet") == 0
    assert json.loads(capsys.readouterr().out)["items"] == 11
