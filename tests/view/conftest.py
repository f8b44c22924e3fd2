"""A real browser, and the viewer that it looks at."""

from __future__ import annotations

import shutil
import socket
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from warpdata.programs.flags import CommandLine
from warpdata.run.splat_options import SplatOptions
from warpdata.view.opening import open_paths

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")  # until it is closed, no other event loop can run in this thread
def chromium():
    """A browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `dev`)")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page at 1280x800 that raises at the end when a script of it failed."""
    failures = []
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("dialog", lambda dialog: failures.append(f"dialog: {dialog.message}"))
    page.on("requestfailed", lambda request: failures.append(request.url) if "127.0.0.1" not in request.url else None)
    yield page
    page.close()
    assert failures == []


@contextmanager
def viewing(*paths: Path):
    """The viewer's address while it is served, by a thread of this process."""
    uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra `view`)")
    app = pytest.importorskip(
        "warpdata.view.app", reason="starlette is not installed (extra `view`)", exc_type=ImportError
    )
    shown = open_paths(paths, arguments=CommandLine(SplatOptions).arguments)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
        served = app.build_app(shown, address="127.0.0.1", port=port)
        server = uvicorn.Server(uvicorn.Config(served, log_level="warning", lifespan="off", ws="none"))
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        serving.start()
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.should_exit = server.force_exit = True
            serving.join(30)
            for one in shown:
                one.close()


@pytest.fixture
def view():
    """`with view(path, ...) as url`."""
    return viewing
