"""SpaceVista's items in the viewer."""

import json

import pytest

from tests.spacevista_set import make_set
from warpdata.errors import SourceError, ViewError
from warpdata.view.items import Items
from warpdata.view.opening import open_paths

pytest.importorskip("ijson", reason="the extra `spacevista` is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("spacevista"))


def test_a_tree_is_items_and_scenes_and_a_file_is_items(made):
    shown = open_paths([made, made / "benchmark.json"])
    assert [one.kind for one in shown] == ["items", "scenes", "items"]
    for one in shown:
        one.close()


def test_pages_by_task(made, tmp_path):
    items = Items(made / "meta.json", tmp_path)
    page = items.page(0, 3)
    assert [row["id"] for row in page["items"]] == ["made_0", "made_1", "made_2"]
    assert page["total"] == 11
    assert dict(page["tasks"])["EXISTENCE"] == 4
    assert [row["id"] for row in items.page(1, 9, "DEPTH")["items"]] == ["made_10"]


def test_details_and_pictures(made, tmp_path):
    items = Items(made / "meta.json", tmp_path)
    found = items.details(3)
    assert [frame["marks"] for frame in found["frames"]][:6] == [1, 0, 0, 0, 0, 4]
    assert items.picture(3, 0, drawn=True, large=True) != items.picture(3, 0, drawn=False, large=True)
    for number, frame in ((99, 0), (3, 99)):
        with pytest.raises(IndexError):
            items.picture(number, frame, drawn=True, large=False)


def test_what_is_wrong_is_said(made, tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        Items(made / "none.json", tmp_path)
    (made / "broken.json").write_text("{}")
    with pytest.raises(SourceError, match="begin with"):
        Items(made / "broken.json", tmp_path).page(0, 1)
    entry = json.loads((made / "meta.json").read_text())[0]
    entry["videos"] = [["gone.png"]]
    (made / "gone.json").write_text(json.dumps([entry]))
    items = Items(made / "gone.json", tmp_path)
    assert any("none of its frames" in problem for problem in items.details(0)["problems"])
    with pytest.raises(ViewError, match="missing"):
        items.picture(0, 0, drawn=True, large=False)


def test_items_in_a_browser(page, view, made):
    with view(made / "meta.json") as url:
        page.goto(f"{url}#/0")
        page.wait_for_selector(".card")
        assert page.locator(".card b").count() == 11
        page.select_option("[name=task]", "OBJECT_MATCHING")
        page.locator("[role=status]", has_text="1–2 of 2 items").wait_for()
        page.keyboard.press("Enter")
        page.locator("h1", has_text="made_3").wait_for()
        assert page.locator(".strip .marked").count() == 2
        page.locator("[role=status]", has_text="frame 1 of 10, 1 marks").wait_for()
        page.keyboard.press("ArrowRight")
        page.locator("[role=status]", has_text="frame 2 of 10, 0 marks").wait_for()
        page.keyboard.press("m")
        assert page.locator(".bar button[aria-pressed=false]", has_text="marks").count() == 1
        assert "drawn=0" in page.locator(".frame img").get_attribute("src")
        page.keyboard.press(".")
        page.locator("h1", has_text="made_4").wait_for()
        page.keyboard.press("Escape")
        page.wait_for_selector(".card")
