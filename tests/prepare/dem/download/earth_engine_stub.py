"""A server on loopback that speaks enough of Earth Engine's REST interface for its official client, and misbehaves as
told.

The client's own package ships the description of the interface and the list of functions, which are served as they are.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from warpdata.formats.geotiff import encode_geotiff

Answer = Callable[["Handler", dict[str, Any]], None]


def image_of(grid: dict[str, Any]) -> tuple[np.ndarray, Affine, CRS]:
    """Reflectance that is a function of the place alone, so that blocks fit together only where they belong."""
    t = grid["affineTransform"]
    a, b, c, d, e, f = (t[k] for k in ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY"))
    width, height = grid["dimensions"]["width"], grid["dimensions"]["height"]
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = (a * column + b * row + c), (d * column + e * row + f)
    values = np.stack([0.15 + 0.1 * np.sin(k * x + 2 * y) for k in (900.0, 1700.0, 2900.0)]).astype(np.float32)
    crs = CRS.from_string(grid["crsCode"]) if "crsCode" in grid else CRS.from_wkt(grid["crsWkt"])
    return values, Affine(a, b, c, d, e, f), crs


def geotiff_of(grid: dict[str, Any], change: Callable[[np.ndarray], np.ndarray] = lambda values: values) -> bytes:
    """The right answer, its values changed."""
    values, transform, crs = image_of(grid)
    return encode_geotiff(change(values), transform=transform, crs=crs)


def good(handler: Handler, body: dict[str, Any]) -> None:
    """Pixels as asked for."""
    handler.send(200, geotiff_of(body["grid"]), "image/tiff")


def changed(change: Callable[[np.ndarray], np.ndarray]) -> Answer:
    """Pixels with changed values."""
    return lambda handler, body: handler.send(200, geotiff_of(body["grid"], change), "image/tiff")


def regridded(**fields: Any) -> Answer:
    """A good image on a grid of which parts are replaced, numbers of the transform added to."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        grid = json.loads(json.dumps(body["grid"]))
        for key, value in fields.items():
            if key in ("width", "height"):
                grid["dimensions"][key] += value
            elif key == "crsCode":
                grid[key] = value
            else:
                grid["affineTransform"][key] += value * abs(grid["affineTransform"]["scaleX"])
        handler.send(200, geotiff_of(grid), "image/tiff")

    return answer


def status(code: int, message: str = "No.", **headers: str) -> Answer:
    """An error as the service words it."""
    text = json.dumps({"error": {"code": code, "message": message, "status": "X"}})
    return lambda handler, body: handler.send(code, text.encode(), "application/json", headers)


def too_large_above(side: int) -> Answer:
    """Runs out of memory above a side of a block."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        if max(body["grid"]["dimensions"].values()) > side:
            status(400, "User memory limit exceeded.")(handler, body)
        else:
            good(handler, body)

    return answer


def page(handler: Handler, body: dict[str, Any]) -> None:
    """A web page, as of a proxy, with status 200."""
    handler.send(200, b"<html><title>Login</title><body>Please log in</body></html>", "text/html")


def cut_short(*, honest_length: bool) -> Answer:
    """Half of the bytes, with the length of the half or of the whole."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        data = geotiff_of(body["grid"])
        length = len(data) // 2 if honest_length else len(data)
        handler.send(200, data[: len(data) // 2], "image/tiff", {"Content-Length": str(length)})
        handler.close_connection = True

    return answer


def silent(handler: Handler, body: dict[str, Any]) -> None:
    """Says nothing for a while."""
    handler.server.hold.wait(20)
    handler.close_connection = True


def dripping(handler: Handler, body: dict[str, Any]) -> None:
    """A byte now and then, so that no wait for a byte is long."""
    handler.send(200, b"I", "image/tiff", {"Content-Length": "1000"})
    while not handler.server.hold.wait(0.05):
        try:
            handler.wfile.write(b"I")
        except OSError:
            break
    handler.close_connection = True


def hanging_up(handler: Handler, body: dict[str, Any]) -> None:
    """Closes the connection without a word."""
    handler.close_connection = True
    handler.connection.shutdown(2)


class Stub(ThreadingHTTPServer):
    """The server.

    Attributes:
        answers: given to requests for pixels, in turn; when they are used up, `then`.
        then: given to all further ones.
        asked: bodies of requests for pixels, in the order in which they came.
        headers: of these requests.
        busiest: most requests for pixels at one time.
        starts: given to requests for the description of the interface, in turn, before the right one.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.starts: list[Answer] = []
        self.then: Answer = good
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.busiest = self.busy = 0
        self.delay_s = 0.0
        self.lock = threading.Lock()
        self.hold = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def log_message(self, *args: Any) -> None:
        pass

    def send(self, code: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        shipped = files("ee") / "tests"
        if "$discovery" in self.path:
            with self.server.lock:
                answer = self.server.starts.pop(0) if self.server.starts else None
            if answer is not None:
                return answer(self, {})
            document = json.loads((shipped / "cloud_api_discovery_document.json").read_text(encoding="utf-8"))
            document |= {"rootUrl": self.server.url + "/", "baseUrl": self.server.url + "/"}
            return self.send(200, json.dumps(document).encode(), "application/json")
        if "/algorithms" in self.path:
            return self.send(200, (shipped / "algorithms.json").read_bytes(), "application/json")
        return self.send(404, b"{}", "application/json")

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if ":computePixels" not in self.path:
            return self.send(404, b"{}", "application/json")
        with server.lock:
            server.asked.append(body)
            server.headers.append(dict(self.headers))
            answer = server.answers.pop(0) if server.answers else server.then
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
        try:
            time.sleep(server.delay_s)
            answer(self, body)
        finally:
            with server.lock:
                server.busy -= 1


@contextmanager
def running_stub() -> Iterator[Stub]:
    """A server that ends with the block."""
    stub = Stub()
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.hold.set()
        stub.shutdown()
        stub.server_close()
        thread.join()
