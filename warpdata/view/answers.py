"""From requests to plain values and back: numbers with their limits, JSON bodies of bounded length, errors as text."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from warpdata.errors import WarpdataError

MAX_BODY_BYTES = 2**20
"""Longest body of a request that is read."""

MAX_PAGE = 500
"""Most items of one page."""

Endpoint = Callable[[Request], Awaitable[Response]]


def answers(work: Callable[[Request, Any], Response | Any]) -> Endpoint:
    """An endpoint from a function of a request and its JSON body (None without one) that may take its time.

    What it returns is sent as JSON unless it is a response. Errors that it raises for wrong requests and for data that
    cannot be used become their text, with status 400, 404 or 422.
    """

    @functools.wraps(work)
    async def endpoint(request: Request) -> Response:
        try:
            body = await _json_body(request) if request.method == "POST" else None
            made = await run_in_threadpool(work, request, body)
        except LookupError as error:
            return PlainTextResponse(_text(error), status_code=404)
        except (ValueError, TypeError) as error:
            return PlainTextResponse(_text(error), status_code=400)
        except WarpdataError as error:
            return PlainTextResponse(_text(error), status_code=422)
        return made if isinstance(made, Response) else JSONResponse(made)

    return endpoint


def number(request: Request, name: str, default: int | None = None, *, most: int = 2**31) -> int:
    """A whole number of a request's path or query, 0 or more.

    Raises:
        ValueError: it is missing, no such number, or too large.
    """
    text = request.path_params.get(name, request.query_params.get(name))
    if text is None and default is not None:
        return default
    text = str(text)
    if not (text.isascii() and text.isdigit()) or len(text) > 12 or int(text) > most:
        raise ValueError(f"{name} is {text[:40]!r}; give a whole number, 0 to {most}")
    return int(text)


def numbers(body: Any, name: str) -> list[int]:
    """A list of whole numbers of a JSON body; empty where it is missing.

    Raises:
        ValueError: it is none.
    """
    found = body.get(name, []) if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, int) and not isinstance(one, bool) for one in found):
        raise ValueError(f"{name} has to be a list of whole numbers")
    return found


def picture_response(data: bytes, kind: str) -> Response:
    """A picture, which the browser may keep for as long as the page is open."""
    return Response(data, media_type=f"image/{kind}", headers={"cache-control": "private, max-age=600"})


async def _json_body(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ValueError("a body has to be application/json")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MAX_BODY_BYTES:
            raise ValueError(f"a body has at most {MAX_BODY_BYTES} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("the body is not JSON") from error


def _text(error: Exception) -> str:
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
