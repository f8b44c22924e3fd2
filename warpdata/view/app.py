"""The viewer's server: the page, and what it asks for. Everything is named by its number, nothing by a path."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import PurePath
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from warpdata import __version__
from warpdata.view.answers import answers
from warpdata.view.column_routes import column_routes
from warpdata.view.columns import Columns
from warpdata.view.guard import Guard
from warpdata.view.item_routes import item_routes
from warpdata.view.items import Items
from warpdata.view.opening import Shown
from warpdata.view.scene_routes import scene_routes
from warpdata.view.scenes import Scenes
from warpdata.view.triplet_routes import triplet_routes
from warpdata.view.triplets import Triplets

MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def build_app(shown: Sequence[Shown], *, address: str, port: int, token: str | None = None) -> Guard:
    """The server as an ASGI application.

    Args:
        shown: what is looked at, in the order of the page's tabs.
        address, port, token: see `Guard`.
    """
    files = page_files()

    def about(request: Request, _: Any) -> dict[str, Any]:
        return {"version": __version__, "data": [one.about() for one in shown]}

    def data_of(kind: type) -> Any:
        def find(request: Request) -> Any:
            index = request.path_params["data"]
            if not 0 <= index < len(shown) or not isinstance(shown[index], kind):
                raise LookupError("there is nothing of this number")
            return shown[index]

        return find

    async def page_file(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in files:
            return PlainTextResponse("there is no such file", status_code=404)
        kind = MEDIA_TYPES[PurePath(name).suffix]
        return Response(files[name], media_type=kind, headers={"cache-control": "no-cache"})

    routes = [
        Route("/", page_file),
        Route("/page/{name:str}", page_file),
        Route("/api/about", answers(about)),
        *triplet_routes(data_of(Triplets)),
        *column_routes(data_of(Columns)),
        *scene_routes(data_of(Scenes)),
        *item_routes(data_of(Items)),
    ]
    return Guard(Starlette(routes=routes), address=address, port=port, token=token)


def page_files() -> dict[str, bytes]:
    """The files of the page, by name."""
    folder = resources.files("warpdata.view").joinpath("page")
    named = {file.name: file for file in folder.iterdir()}
    return {name: file.read_bytes() for name, file in named.items() if PurePath(name).suffix in MEDIA_TYPES}
