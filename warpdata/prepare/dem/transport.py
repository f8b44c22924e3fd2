"""HTTP for Earth Engine's client: a session a thread, a proxy for everything, answers bounded in time and size."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httplib2
    import requests

MAX_ANSWER_BYTES = 2**26
"""Longer answers are refused; pixels take at most 48 MiB."""

_CHUNK_BYTES = 2**16


class Transport:
    """What the client sends its requests with, in the manner of `httplib2.Http`; the client's own has one session for
    all threads, no limit of time unless told, and none that a server cannot stretch byte by byte.

    Args:
        timeout_s: of a whole answer.
        proxy: address; None takes those of the environment (HTTPS_PROXY, NO_PROXY).

    Raises:
        ValueError: `proxy` is no address.
    """

    def __init__(self, *, timeout_s: float, proxy: str | None = None):
        if proxy is not None:
            parts = urlsplit(proxy)
            if parts.scheme not in ("http", "https", "socks5", "socks5h") or not parts.hostname:
                raise ValueError(f"`proxy` is {proxy!r}; write an address such as http://proxy.example:3128")
        self._timeout_s = timeout_s
        self._proxies = {"http": proxy, "https": proxy} if proxy else None
        self._of_thread = threading.local()

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: dict[str, str] | None = None,
        redirections: int | None = None,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        """Status and headers, and the body, decoded.

        Raises:
            TimeoutError: it took longer than allowed.
            ConnectionError: no connection, or an answer that is cut short or too long.
        """
        import httplib2
        import requests
        import urllib3

        deadline = time.monotonic() + self._timeout_s
        too_long = f"no whole answer within {self._timeout_s:g} s"
        try:
            with self._session().request(
                method, uri, data=body, headers=headers, timeout=self._timeout_s, proxies=self._proxies, stream=True
            ) as response:
                content = self._read(response, deadline)
                fields = {**response.headers, "status": str(response.status_code)}
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise TimeoutError(too_long) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise ConnectionError(str(error)) from error
        if content is None:
            raise TimeoutError(too_long)
        return httplib2.Response(fields), content

    def _read(self, response: requests.Response, deadline: float) -> bytes | None:
        """The body, None where it came too late."""
        content = bytearray()
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise ConnectionError(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes")
            if time.monotonic() > deadline:
                return None
        return bytes(content)

    def _session(self) -> requests.Session:
        import requests

        if not hasattr(self._of_thread, "session"):
            self._of_thread.session = requests.Session()
        return self._of_thread.session

    def close(self) -> None:
        """Close the session of the calling thread."""
        if hasattr(self._of_thread, "session"):
            self._of_thread.session.close()
            del self._of_thread.session
