"""What the page asks about folders side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warpdata.view.answers import MAX_PAGE, answers, number, numbers, picture_response
from warpdata.view.columns import Columns

BASE = "/api/{data:int}/columns"


def column_routes(data_of: Callable[[Request], Columns]) -> list[Route]:
    """Routes below `/api/N/columns`.

    Args:
        data_of: the columns that a request is about; raises LookupError.
    """

    def page(request: Request, _: Any) -> dict[str, Any]:
        count = min(number(request, "count", 30), MAX_PAGE)
        only_gaps = request.query_params.get("gaps") == "1"
        return data_of(request).page(number(request, "start", 0), count, only_gaps=only_gaps)

    def details(request: Request, _: Any) -> dict[str, Any]:
        return data_of(request).details(number(request, "row"))

    def probe(request: Request, _: Any) -> dict[str, Any]:
        return data_of(request).probe(number(request, "row"), number(request, "x"), number(request, "y"))

    def mark(request: Request, body: Any) -> dict[str, Any]:
        rows = data_of(request)
        return {"rejected": rows.mark(reject=numbers(body, "reject"), accept=numbers(body, "accept"))}

    def unmarked(request: Request, _: Any) -> dict[str, Any]:
        return {"number": data_of(request).next_unmarked(number(request, "row"))}

    def thumbnail(request: Request, _: Any) -> Response:
        return picture_response(data_of(request).thumbnail(number(request, "row"), number(request, "column")), "jpeg")

    def picture(request: Request, _: Any) -> Response:
        return picture_response(data_of(request).picture(number(request, "row"), number(request, "column")), "png")

    return [
        Route(BASE, answers(page)),
        Route(f"{BASE}/marks", answers(mark), methods=["POST"]),
        Route(f"{BASE}/{{row:int}}", answers(details)),
        Route(f"{BASE}/{{row:int}}/unmarked", answers(unmarked)),
        Route(f"{BASE}/{{row:int}}/probe", answers(probe)),
        Route(f"{BASE}/{{row:int}}/{{column:int}}/thumbnail", answers(thumbnail)),
        Route(f"{BASE}/{{row:int}}/{{column:int}}/picture", answers(picture)),
    ]
