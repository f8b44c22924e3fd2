"""What the page asks about scenes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warpdata.view.answers import MAX_PAGE, answers, number, picture_response
from warpdata.view.live_warp import Asked
from warpdata.view.scenes import MAX_POINTS, Scenes
from warpdata.view.view_arrays import ROLES

BASE = "/api/{data:int}/scenes"
COLOURS = ("picture", "confidence", "view")


def scene_routes(data_of: Callable[[Request], Scenes]) -> list[Route]:
    """Routes below `/api/N/scenes`.

    Args:
        data_of: the scenes that a request is about; raises LookupError.
    """

    def page(request: Request, _: Any) -> dict[str, Any]:
        return data_of(request).page(number(request, "start", 0), min(number(request, "count", 60), MAX_PAGE))

    def details(request: Request, _: Any) -> dict[str, Any]:
        return data_of(request).details(number(request, "scene"))

    def thumbnail(request: Request, _: Any) -> Response:
        return picture_response(data_of(request).first_picture(number(request, "scene")), "jpeg")

    def picture(request: Request, _: Any) -> Response:
        return picture_response(
            data_of(request).view_picture(number(request, "scene"), number(request, "view")), "jpeg"
        )

    def depth(request: Request, _: Any) -> Response:
        data, near, far = data_of(request).depth(number(request, "scene"), number(request, "view"))
        response = picture_response(data, "png")
        response.headers["x-scale"] = json.dumps([near, far])
        return response

    def array(request: Request, _: Any) -> Response:
        role = request.path_params["role"]
        if role not in ROLES:
            raise LookupError("there is no such picture")
        scene, view = number(request, "scene"), number(request, "view")
        return picture_response(data_of(request).view_array(scene, view, role), "png")

    def probe(request: Request, _: Any) -> dict[str, Any]:
        scene, view = number(request, "scene"), number(request, "view")
        return data_of(request).probe(scene, view, number(request, "x"), number(request, "y"))

    def points(request: Request, _: Any) -> Response:
        colour_by = request.query_params.get("colour", "picture")
        if colour_by not in COLOURS:
            raise ValueError(f"colour is {colour_by[:40]!r}; choose from {', '.join(COLOURS)}")
        view = number(request, "view", MAX_POINTS)
        data = data_of(request).points(
            number(request, "scene"),
            budget=number(request, "budget", 400_000, most=MAX_POINTS),
            colour_by=colour_by,
            view=None if view == MAX_POINTS else view,
        )
        return Response(data, media_type="application/octet-stream")

    def warp(request: Request, body: Any) -> Response:
        began = time.monotonic()
        seen = data_of(request).see(number(request, "scene"), Asked.from_json(body))
        numbers = {**seen.numbers(), "ms": round(1000 * (time.monotonic() - began))}
        headers = {"x-numbers": json.dumps(numbers), "cache-control": "no-store"}
        return Response(seen.rgba(), media_type="application/octet-stream", headers=headers)

    def repeat(request: Request, body: Any) -> dict[str, str]:
        return data_of(request).repeat(number(request, "scene"), Asked.from_json(body))

    one = f"{BASE}/{{scene:int}}"
    return [
        Route(BASE, answers(page)),
        Route(one, answers(details)),
        Route(f"{one}/thumbnail", answers(thumbnail)),
        Route(f"{one}/points", answers(points)),
        Route(f"{one}/warp", answers(warp), methods=["POST"]),
        Route(f"{one}/repeat", answers(repeat), methods=["POST"]),
        Route(f"{one}/{{view:int}}/picture", answers(picture)),
        Route(f"{one}/{{view:int}}/depth", answers(depth)),
        Route(f"{one}/{{view:int}}/probe", answers(probe)),
        Route(f"{one}/{{view:int}}/arrays/{{role:str}}", answers(array)),
    ]
