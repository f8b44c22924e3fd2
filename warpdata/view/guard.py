"""Who may ask the viewer's server: this machine's browser on the viewer's own page, and nobody else.

* The Host header must name the address that is served, so that a foreign name which is made to resolve here (DNS
  rebinding) reaches nothing.
* A request that another site's page causes is refused: by the Origin header, by Sec-Fetch-Site, and what changes
  something must say its Origin.
* Where another address than loopback is served, a token is asked for: in the address that is opened first, and from
  then on in a cookie that other sites' requests do not carry.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
TOKEN_COOKIE = "warpdata-token"
READING = ("GET", "HEAD")

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""Of every answer: the page loads nothing from elsewhere, runs no script inside of it, and is shown in no frame."""

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def is_loopback(address: str) -> bool:
    """Whether an address that is to be served reaches this machine alone."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Guard:
    """An ASGI application that refuses with 403 what does not come from the viewer's own page.

    Args:
        app: answers the others.
        address: that is served.
        port: that is served.
        token: that has to be shown; None asks for none.

    Raises:
        ValueError: another address than loopback is to be served without a token.
    """

    def __init__(self, app: App, *, address: str, port: int, token: str | None = None):
        if token is None and not is_loopback(address):
            raise ValueError(f"{address} can be reached from other machines; it is served with a token alone")
        self._app, self._address, self._port, self._token = app, address, port, token

    async def __call__(self, scope: Scope, receive: Callable, send: Callable) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        reason = self._refusal(scope) if scope["type"] == "http" else "only HTTP is answered"
        if reason is not None:
            await _refuse(send, reason, is_http=scope["type"] == "http")
            return
        await self._app(scope, receive, self._with_headers(scope, send))

    def _refusal(self, scope: Scope) -> str | None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if not self._is_ours(host):
            return "the Host header names another machine"
        origin = headers.get("origin")
        if origin is None and scope["method"] not in READING:
            return "a request that changes something has to say its Origin"
        if origin is not None and origin != f"http://{host}":
            return "the request comes from another site's page"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return "the request comes from another site's page"
        if self._token is not None and not any(
            hmac.compare_digest(self._token, one) for one in _tokens(scope, headers)
        ):
            return "the token is missing: open the address that the program printed"
        return None

    def _is_ours(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        if port != str(self._port):
            return False
        if is_loopback(self._address):
            return name in LOOPBACK_NAMES
        return name in (self._address, f"[{self._address}]") or (self._serves_all and _is_own_name(name))

    @property
    def _serves_all(self) -> bool:
        return self._address in ("0.0.0.0", "::")

    def _with_headers(self, scope: Scope, send: Callable) -> Callable:
        added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        if self._token is not None:
            added.append((b"set-cookie", f"{TOKEN_COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/".encode()))

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        return send_with_headers


def _tokens(scope: Scope, headers: MutableMapping[str, str]) -> list[str]:
    """What a request shows as its token, in ASCII alone."""
    shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(TOKEN_COOKIE)
    except CookieError:
        cookie = None
    return [one for one in (*shown, *([cookie.value] if cookie else [])) if one.isascii()]


def _is_own_name(name: str) -> bool:
    """An address in numbers, which no name server can be made to give, or this machine's name."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name in ("localhost", socket.gethostname(), socket.getfqdn())
    return True


async def _refuse(send: Callable, reason: str, *, is_http: bool) -> None:
    if not is_http:
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": f"Refused: {reason}.\n".encode()})
