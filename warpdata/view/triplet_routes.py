"""What the page asks about triplets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from warpdata.formats.manifest import IMAGE_ROLES, MASK_ROLES
from warpdata.view.answers import MAX_PAGE, answers, number, numbers, picture_response
from warpdata.view.triplets import Choice, Triplets

NOT_YET = 503
"""Status while the manifest is not read far enough."""

BASE = "/api/{data:int}/triplets"


def triplet_routes(data_of: Callable[[Request], Triplets]) -> list[Route]:
    """Routes below `/api/N/triplets`.

    Args:
        data_of: the triplets that a request is about; raises LookupError.
    """

    def page(request: Request, _: Any) -> Response | dict[str, Any]:
        count = min(number(request, "count", 60), MAX_PAGE)
        found = data_of(request).page(choice_of(request), number(request, "start", 0), count)
        return _not_yet(data_of(request)) if found is None else found

    def details(request: Request, _: Any) -> dict[str, Any]:
        return data_of(request).details(number(request, "number"))

    def thumbnail(request: Request, _: Any) -> Response:
        return picture_response(data_of(request).thumbnail(number(request, "number"), role_of(request)), "jpeg")

    def picture(request: Request, _: Any) -> Response:
        return picture_response(data_of(request).picture(number(request, "number"), role_of(request)), "png")

    def probe(request: Request, _: Any) -> dict[str, Any]:
        return data_of(request).probe(number(request, "number"), number(request, "x"), number(request, "y"))

    def beside(request: Request, _: Any) -> dict[str, Any]:
        triplets, choice, start = data_of(request), choice_of(request), number(request, "number")
        where = request.query_params.get("where")
        if where == "unmarked":
            return {"number": triplets.next_unmarked(choice, start)}
        return {"number": triplets.position(choice, start, -1 if where == "before" else 1)}

    def mark(request: Request, body: Any) -> dict[str, Any]:
        triplets = data_of(request)
        return {"rejected": triplets.mark(reject=numbers(body, "reject"), accept=numbers(body, "accept"))}

    return [
        Route(BASE, answers(page)),
        Route(f"{BASE}/marks", answers(mark), methods=["POST"]),
        Route(f"{BASE}/{{number:int}}", answers(details)),
        Route(f"{BASE}/{{number:int}}/beside", answers(beside)),
        Route(f"{BASE}/{{number:int}}/probe", answers(probe)),
        Route(f"{BASE}/{{number:int}}/{{role:str}}/thumbnail", answers(thumbnail)),
        Route(f"{BASE}/{{number:int}}/{{role:str}}/picture", answers(picture)),
    ]


def choice_of(request: Request) -> Choice:
    """The triplets that a request's query asks for.

    Raises:
        ValueError: `which` is none of its values.
    """
    query = request.query_params
    which = query.get("which", "all")
    if which not in ("all", "rejected", "unmarked"):
        raise ValueError(f"which is {which[:40]!r}; choose from all, rejected, unmarked")
    return Choice(
        keep=" ".join(query.get("keep", "").split()),
        sort=query.get("sort", ""),
        descending=query.get("descending") == "1",
        which=which,
    )


def role_of(request: Request) -> str:
    """The role in a request's path.

    Raises:
        LookupError: there is no such role.
    """
    role = request.path_params["role"]
    if role not in (*IMAGE_ROLES, *MASK_ROLES):
        raise LookupError("there is no such picture")
    return role


def _not_yet(triplets: Triplets) -> JSONResponse:
    return JSONResponse(triplets.about(), status_code=NOT_YET)
