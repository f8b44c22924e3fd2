"""The viewer as a person uses it, in a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from tests.scenes import plane_camera, plane_depth, write_scene
from tests.view.manifests import SIZE, some_records, write_export
from warpdata.formats.manifest import MANIFEST
from warpdata.formats.marks import read_marks


@pytest.fixture
def export(tmp_path):
    write_export(tmp_path / "out", some_records(70))
    return tmp_path / "out"


def ids_shown(page):
    page.wait_for_selector(".card")
    return page.locator(".card b").all_text_contents()


def open_first(page, url):
    page.goto(f"{url}#/0")
    page.wait_for_selector(".card")
    page.keyboard.press("Enter")
    page.wait_for_selector('[data-name="target"] canvas.picture')


def wait_for_values(page, role):
    """The values under the cross, once they are those of the pixel that is probed."""
    output = page.locator(f'[data-name="{role}"] output')
    output.filter(has_text="(").wait_for()
    page.wait_for_load_state("networkidle")
    return json.loads(output.get_attribute("data-values"))


def test_pages_conditions_and_order(page, view, export):
    with view(export) as url:
        page.goto(url)
        assert len(ids_shown(page)) == 60
        assert page.locator("[role=status]", has_text="1–60 of 70").count() == 1
        page.keyboard.press("PageDown")
        page.locator("[role=status]", has_text="61–70 of 70").wait_for()
        page.keyboard.press("/")
        page.keyboard.type("psnr < 23.45 and hole_fraction > 0.9")
        page.keyboard.press("Enter")
        page.locator("[role=status]", has_text="of 4").wait_for()
        assert ids_shown(page) == ["s0006/6", "s0006/7", "s0006/8", "s0006/9"]
        page.select_option("[name=sort]", "psnr")
        page.locator(".card:first-child b", has_text="s0006/9").wait_for()
        page.go_back()
        page.locator(".card:first-child b", has_text="s0006/6").wait_for()
        page.fill("[name=keep]", "beauty > 3")
        page.press("[name=keep]", "Enter")
        page.locator(".bad", has_text="there is no beauty").wait_for()


def test_the_probe_shows_the_arrays_values(page, view, export):
    arrays = {
        role: np.asarray(Image.open(export / f"s0000/0_{role}.png"))
        for role in ("splats", "reference", "target", "coverage")
    }
    with view(export) as url:
        open_first(page, url)
        x, y = SIZE[0] // 2, SIZE[1] // 2
        for key, dx, dy in (("ArrowLeft", -1, 0), ("s", 0, 1), ("Shift+ArrowRight", 10, 0), ("Shift+W", 0, -10)):
            page.keyboard.press(key)
            x, y = x + dx, y + dy
            page.locator('[data-name="target"] output', has_text=f"({x}, {y})").wait_for()
            for role, array in arrays.items():
                assert wait_for_values(page, role) == np.atleast_1d(array[y, x]).tolist()
        box = page.locator('[data-name="reference"] canvas.picture').bounding_box()
        page.mouse.move(box["x"] + box["width"] * 7.5 / SIZE[0], box["y"] + box["height"] * 3.5 / SIZE[1])
        page.locator('[data-name="splats"] output', has_text="(7, 3)").wait_for()
        assert wait_for_values(page, "splats") == arrays["splats"][3, 7].tolist()


def test_zoomed_a_pixel_is_a_square_of_its_colour(page, view, export):
    target = np.asarray(Image.open(export / "s0000/0_target.png"))
    with view(export) as url:
        open_first(page, url)
        page.keyboard.press("ArrowLeft")
        for _ in range(12):
            page.keyboard.press("+")
        page.wait_for_timeout(200)
        canvas = page.locator('[data-name="target"] canvas.picture')
        found = canvas.evaluate(
            "c => [...c.getContext('2d').getImageData(c.width / 2 + 8, c.height / 2 + 8, 1, 1).data]"
        )
        x, y = SIZE[0] // 2 - 1, SIZE[1] // 2
        near = [target[y + dy, x + dx].tolist() for dy in (0, 1) for dx in (0, 1)]
        assert found[:3] in near


def test_marks_stay(page, view, export):
    with view(export) as url:
        page.goto(url)
        page.wait_for_selector(".card")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("x")
        page.locator(".card.rejected", has_text="s0000/1").wait_for()
        assert read_marks(export) == {"s0000/1"}
        page.keyboard.press("Enter")
        page.locator(".one.rejected h1", has_text="s0000/1").wait_for()
        page.keyboard.press(",")
        page.locator("h1", has_text="s0000/0").wait_for()
        page.keyboard.press("n")
        page.locator("h1", has_text="s0000/2").wait_for()
        page.keyboard.press("x")
        page.locator(".one.rejected").wait_for()
        page.reload()
        page.locator(".one.rejected h1", has_text="s0000/2").wait_for()
        page.keyboard.press("u")
        page.locator(".one:not(.rejected)").wait_for()
        page.keyboard.press("Escape")
        page.locator(".card.rejected").wait_for()
        assert page.locator(".card.rejected b").all_text_contents() == ["s0000/1"]
        page.select_option("[name=which]", "rejected")
        page.locator("[role=status]", has_text="1–1 of 1").wait_for()
    assert read_marks(export) == {"s0000/1"}


def test_slider_and_difference(page, view, export):
    splat, target, coverage = (
        np.asarray(Image.open(export / f"s0000/0_{role}.png")) for role in ("splats", "target", "coverage")
    )
    with view(export) as url:
        open_first(page, url)
        page.keyboard.press("2")
        page.locator('[data-name="slider"] canvas.picture').wait_for()
        page.locator("input[aria-label='splat or target']").fill("0.5")
        page.wait_for_timeout(300)
        colour_at = """([name, x, y]) => {
            const canvas = document.querySelector(`[data-name=${name}] canvas.picture`);
            const at = [(x + 0.5) / 40 * canvas.width, (y + 0.5) / 30 * canvas.height];
            return [...canvas.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3);
        }"""
        assert page.evaluate(colour_at, ["slider", 5, 6]) == splat[6, 5].tolist()
        assert page.evaluate(colour_at, ["slider", 35, 6]) == target[6, 35].tolist()
        page.keyboard.press("3")
        page.locator('[data-name="difference"] canvas.picture').wait_for()
        page.locator("input[aria-label=gain]").fill("1")
        page.wait_for_timeout(300)
        seen = np.argwhere(coverage == 255)
        for y, x in [(20, 11), *seen.tolist()[:1]]:
            wanted = np.clip(128 + target[y, x].astype(int) - splat[y, x], 0, 255) * (coverage[y, x] == 255)
            assert page.evaluate(colour_at, ["difference", x, y]) == wanted.tolist()


def test_text_from_data_is_shown_as_text(page, view, export):
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    lines = (export / MANIFEST).read_text().splitlines()
    lines[0] = lines[0].replace('"id":"s0000/0"', f'"id":"{hostile}"')
    lines[1] = lines[1].replace('"model":"given"', f'"model":"{hostile}"')
    (export / MANIFEST).write_text("\n".join(lines) + "\n")
    with view(export) as url:
        page.goto(url)
        assert ids_shown(page)[0] == hostile
        page.goto(f"{url}#/0/1")
        page.locator("td", has_text=hostile).wait_for()
        assert page.locator("main script").count() == 0


@pytest.mark.parametrize("wh", [(1280, 800), (390, 844)])
def test_nothing_is_wider_than_the_window(page, view, export, wh):
    page.set_viewport_size({"width": wh[0], "height": wh[1]})
    with view(export) as url:
        open_first(page, url)
        for key in ("1", "2", "3", "Escape"):
            page.keyboard.press(key)
            page.wait_for_timeout(100)
            assert page.evaluate("document.documentElement.scrollWidth") <= wh[0]


@contextmanager
def served(*arguments):
    """The address that the program prints, while it runs; it is ended by Ctrl-C, and says nothing odd."""
    command = [sys.executable, "-m", "warpdata.view", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        yield re.search(r"http://\S+", process.stdout.readline()).group()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert "Traceback" not in said


def test_the_program_serves_the_page_and_ends_at_ctrl_c(page, export):
    with served(export) as url:
        page.goto(url)
        assert len(ids_shown(page)) == 60


def test_another_address_opens_to_those_with_the_token_alone(page, chromium, export):
    with served(export, "--host", "0.0.0.0") as url:
        there, token = url.replace("0.0.0.0", "127.0.0.1").split("?")
        stranger = chromium.new_context()
        assert stranger.request.get(there).status == 403
        assert stranger.request.get(f"{there}api/about").status == 403
        assert stranger.request.get(f"{there}?token=guessed").status == 403
        page.goto(f"{there}?{token}")
        assert len(ids_shown(page)) == 60
        page.goto(f"{there}#/0/3")  # the page keeps it in a cookie
        page.wait_for_selector('[data-name="target"] canvas.picture')
        assert stranger.request.get(there).status == 403
        stranger.close()


def test_keys_are_listed(page, view, export):
    with view(export) as url:
        page.goto(url)
        page.wait_for_selector(".card")
        page.keyboard.press("?")
        page.locator("dialog[open] dd", has_text="reject it").wait_for()


def test_folders_side_by_side_are_aligned_and_gaps_are_shown(page, view, tmp_path):
    heights = {name: tmp_path / name for name in ("DEM-a", "other")}
    for number, (name, folder) in enumerate(heights.items()):
        folder.mkdir()
        for tile in (1, 2, 12):
            if (name, tile) != ("other", 2):
                np.save(folder / f"tile_{tile}.npy", np.arange(12.0).reshape(3, 4) + 100 * tile + 1000 * number)
    with view(*heights.values()) as url:
        page.goto(url)
        page.locator("table.rows img").first.wait_for()
        assert page.locator("table.rows th[scope]").all_text_contents() == ["tile_1", "tile_2", "tile_12"]
        assert page.locator("table.rows tbody tr").nth(1).locator("td").all_text_contents() == ["", "missing"]
        page.keyboard.press("x")
        page.locator("tr.rejected", has_text="tile_1").wait_for()
        assert json.loads((tmp_path / "rejected-a.json").read_text())["rejected"] == [1]
        page.keyboard.press("n")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator("h1", has_text="tile_12").wait_for()
        page.keyboard.press("ArrowLeft")
        page.locator('[data-name="1"] output', has_text="(1, 1)").wait_for()
        assert wait_for_values(page, "0") == [1205.0]
        assert wait_for_values(page, "1") == [2205.0]
        page.keyboard.press(",")
        page.locator("h1", has_text="tile_2").wait_for()
        page.locator('[data-name="1"] .missing', has_text="missing").wait_for()


def test_points_are_drawn_and_the_live_picture_is_the_warp(page, view, tmp_path, monkeypatch):
    """At a view, seen from itself: the live picture is the view's own."""
    monkeypatch.setenv("WARPDATA_CACHE", str(tmp_path / "cache"))
    write_scene(tmp_path / "scene", 3, (48, 64))
    with view(tmp_path / "scene") as url:
        page.goto(url)
        page.locator(".cloud[data-points]").wait_for()
        assert int(page.locator(".cloud").get_attribute("data-points")) == 3 * 48 * 64
        page.locator(".live[data-shown]").wait_for()
        page.select_option("[aria-label=reference]", "1")
        page.locator(".strip button").nth(1).click()
        page.locator(".numbers", has_text="reference 1   holes 0.0 %").wait_for()
        shown = page.evaluate("[...document.querySelector('.live').getContext('2d').getImageData(0, 0, 64, 48).data]")
        live = np.array(shown, np.uint8).reshape(48, 64, 4)[..., :3]
        np.testing.assert_array_equal(live, np.asarray(Image.open(next((tmp_path / "scene").rglob("1.png")))))
        drawn = page.evaluate(COLOURS_DRAWN)
        assert drawn > 100
        page.locator(".repeat pre[data-name=command]").wait_for()
        page.keyboard.press("d")
        page.locator(".numbers", has_not_text="holes 0.0 %").wait_for()
        page.locator("select[aria-label=version]").select_option("1")
        page.locator(".repeat pre[data-name=command]", has_text="--warp-version 1").wait_for()
        page.keyboard.press("[")
        page.keyboard.press("Enter")
        page.locator('[data-name="depth"] canvas.picture').wait_for()
        page.keyboard.press("ArrowLeft")
        page.locator('[data-name="depth"] output', has_text="(31, 24)").wait_for()
        true_depth = plane_depth(plane_camera(2, (48, 64)))[24, 31].item()
        assert wait_for_values(page, "depth") == [pytest.approx(true_depth, abs=6e-4)]
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280


COLOURS_DRAWN = """() => {
    const canvas = document.querySelector('.cloud');
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0);
    const data = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return new Set(data).size;
}"""
