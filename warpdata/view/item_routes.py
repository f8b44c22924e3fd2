"""What the page asks about items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warpdata.view.answers import MAX_PAGE, answers, number, picture_response
from warpdata.view.items import Items

BASE = "/api/{data:int}/items"


def item_routes(data_of: Callable[[Request], Items]) -> list[Route]:
    """Routes below `/api/N/items`.

    Args:
        data_of: the items that a request is about; raises LookupError.
    """

    def page(request: Request, _: Any) -> dict[str, Any]:
        count = min(number(request, "count", 30), MAX_PAGE)
        return data_of(request).page(number(request, "start", 0), count, request.query_params.get("task"))

    def details(request: Request, _: Any) -> dict[str, Any]:
        return data_of(request).details(number(request, "item"))

    def picture(request: Request, _: Any) -> Response:
        chosen = {name: request.query_params.get(name) == "1" for name in ("drawn", "large")}
        return picture_response(
            data_of(request).picture(number(request, "item"), number(request, "frame"), **chosen), "jpeg"
        )

    return [
        Route(BASE, answers(page)),
        Route(f"{BASE}/{{item:int}}", answers(details)),
        Route(f"{BASE}/{{item:int}}/{{frame:int}}/picture", answers(picture)),
    ]
