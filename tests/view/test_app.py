"""The viewer's server as a browser asks it."""

from __future__ import annotations

import asyncio
import io
import time

import httpx2
import numpy as np
import pytest
from PIL import Image

from tests.view.manifests import some_records, write_export
from warpdata.formats.marks import read_marks
from warpdata.view.opening import open_paths

app = pytest.importorskip("warpdata.view.app", reason="starlette is not installed (extra `view`)", exc_type=ImportError)

PORT = 8765
URL = f"http://127.0.0.1:{PORT}"


class Browser:
    """Asks an application as the viewer's own page does."""

    def __init__(self, app):
        self._app = app

    def __call__(self, method, path, **options):
        options["headers"] = {"origin": URL, **options.get("headers", {})}

        async def ask():
            transport = httpx2.ASGITransport(app=self._app)
            async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path, **options):
        return self("GET", path, **options)

    def post(self, path, body, **options):
        return self("POST", path, json=body, **options)


@pytest.fixture
def browser(tmp_path):
    write_export(tmp_path / "out", some_records(12))
    shown = open_paths([tmp_path / "out"])
    while not shown[0].index.complete:
        time.sleep(0.002)
    yield Browser(app.build_app(shown, address="127.0.0.1", port=PORT))
    shown[0].close()


def test_the_page_and_its_files(browser):
    assert "<title>warpdata view" in browser.get("/").text
    for name in app.page_files():
        answer = browser.get(f"/page/{name}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("nothing.js", "../app.py", "..%2fapp.py", "%2e%2e/app.py"):
        assert browser.get(f"/page/{name}").status_code == 404


def test_nothing_of_the_page_comes_from_elsewhere():
    for name, data in app.page_files().items():
        text = data.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, name
        assert "https://" not in text, name
        assert "innerHTML" not in text, name


def test_what_is_looked_at(browser):
    (about,) = browser.get("/api/about").json()["data"]
    assert (about["kind"], about["read"], about["complete"]) == ("triplets", 12, True)
    assert about["scores"] == ["baseline", "hole_fraction", "psnr"]


def test_triplets_by_number(browser, tmp_path):
    page = browser.get("/api/0/triplets", params={"keep": "psnr < 29.45", "sort": "psnr", "count": 2}).json()
    assert page["total"] == 6
    assert [sample["id"] for sample in page["samples"]] == ["s0001/1", "s0001/0"]
    details = browser.get("/api/0/triplets/3").json()
    assert (details["id"], details["size"], details["reference"]) == ("s0000/3", [40, 30], "a")
    assert browser.get("/api/0/triplets/3/beside", params={"where": "before"}).json() == {"number": 2}
    assert browser.get("/api/0/triplets/11/beside", params={"where": "after"}).json() == {"number": None}
    data = browser.get("/api/0/triplets/3/target/picture").content
    expected = np.asarray(Image.open(tmp_path / "out" / "s0000" / "3_target.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), expected)
    assert browser.get("/api/0/triplets/3/target/thumbnail").headers["content-type"] == "image/jpeg"
    probed = browser.get("/api/0/triplets/3/probe", params={"x": 5, "y": 7}).json()
    assert probed["pictures"]["target"]["values"] == expected[7, 5].tolist()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/1/triplets", 404), ("/api/x/triplets", 404), ("/api/0/triplets/12", 404), ("/api/0/triplets/-1", 404),
     ("/api/0/triplets/3/geometry/picture", 404), ("/api/0/triplets/3/points/thumbnail", 404),
     ("/api/0/triplets/3/confidence/picture", 422), ("/api/0/triplets/3/probe?x=40&y=0", 400),
     ("/api/0/triplets/3/probe?x=1", 400), ("/api/0/triplets?keep=nonsense", 400), ("/api/0/triplets?start=-1", 400),
     ("/api/0/triplets?which=best", 400), ("/api/0/triplets?count=99999999999999999999", 400)],
)  # fmt: skip
def test_wrong_questions_are_answered_with_why(browser, path, status):
    answer = browser.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/plain")


def test_marks_come_by_post_from_the_own_page_alone(browser, tmp_path):
    assert browser.post("/api/0/triplets/marks", {"reject": [3, 4]}).json() == {"rejected": 2}
    assert browser.post("/api/0/triplets/marks", {"accept": [4]}).json() == {"rejected": 1}
    assert read_marks(tmp_path / "out") == {"s0000/3"}
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"}):
        assert browser.post("/api/0/triplets/marks", {"reject": [5]}, headers=headers).status_code == 403
    assert browser.get("/api/0/triplets/marks").status_code in (404, 405)
    form = {"content": b'{"reject": [5]}', "headers": {"content-type": "text/plain"}}
    assert browser("POST", "/api/0/triplets/marks", **form).status_code == 400
    assert read_marks(tmp_path / "out") == {"s0000/3"}


@pytest.mark.parametrize("body", [[], 3, {"reject": 3}, {"reject": ["s0000/3"]}, {"reject": [True]}, {"reject": [99]}])
def test_wrong_marks_change_nothing(browser, tmp_path, body):
    assert browser.post("/api/0/triplets/marks", body).status_code in (400, 404)
    assert read_marks(tmp_path / "out") == frozenset()


def test_a_long_body_is_not_read(browser):
    answer = browser.post("/api/0/triplets/marks", {"reject": [0] * (2**19 + 1)})
    assert answer.status_code == 400
    assert "at most" in answer.text
