"""The viewer as a running server."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import uvicorn

from warpdata.errors import OutputError
from warpdata.view.app import build_app
from warpdata.view.guard import is_loopback


def serve(
    shown: Sequence[Any], *, address: str = "127.0.0.1", port: int = 0, open_browser: bool = False,
    say: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Serve what is looked at until the process is interrupted.

    Args:
        shown: what is looked at, see `build_app`.
        address: to listen at; another one than loopback is served with a token, which `say` tells.
        port: 0 takes a free one.
        open_browser: open the page in the user's browser.
        say: is told the address of the page.

    Raises:
        OutputError: the address or port cannot be had.
    """
    token = None if is_loopback(address) else secrets.token_urlsafe(24)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((address, port))
            listening.listen()  # whoever is told the address can connect, and is answered in a moment
        except OSError as error:
            raise OutputError(f"{address} port {port} cannot be had ({error}); choose another `port`") from error
        port = listening.getsockname()[1]
        app = build_app(shown, address=address, port=port, token=token)
        name = f"[{address}]" if ":" in address else address
        url = f"http://{name}:{port}/" + (f"?token={token}" if token else "")
        say(f"looking at {', '.join(one.title for one in shown)} at {url} (Ctrl-C ends it)")
        if open_browser:
            webbrowser.open(url)
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none")
        uvicorn.Server(config).run(sockets=[listening])
