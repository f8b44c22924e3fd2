"""Who may ask the viewer: its own page on this machine, and nobody else."""

from __future__ import annotations

import asyncio
import socket

import pytest

from warpdata.view.guard import HEADERS, TOKEN_COOKIE, Guard, is_loopback

PORT = 4321
HOST = f"127.0.0.1:{PORT}"
OWN = {"host": HOST, "origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}


async def everything(scope, receive, send):
    """An application that answers every request."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"secret"})


def ask(headers, method="GET", query=b"", kind="http", address="127.0.0.1", token=None):
    """Status, headers and body of the answer to a request with these headers."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "method": method, "query_string": query}
    scope["headers"] = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    asyncio.run(Guard(everything, address=address, port=PORT, token=token)(scope, None, send))
    if kind != "http":
        return sent
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"]


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}", f"[::1]:{PORT}"])
@pytest.mark.parametrize("more", [{}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}])
def test_the_own_page_is_answered_with_headers_that_close_it(host, more):
    status, headers, body = ask({"host": host, **more})
    assert (status, body) == (200, b"secret")
    assert headers.items() >= HEADERS.items()


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", f"127.0.0.1.evil.example:{PORT}",
     f"127.0.0.1:{PORT}@evil.example:{PORT}", f"127.0.0.2:{PORT}", "", f":{PORT}"],
)  # fmt: skip
def test_a_foreign_host_is_refused(host):
    status, _, body = ask({"host": host} if host else {})
    assert status == 403
    assert b"secret" not in body


@pytest.mark.parametrize(
    "more",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": f"https://{HOST}"}, {"origin": "http://127.0.0.1:1"},
     {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
def test_what_another_sites_page_asks_is_refused(method, more):
    assert ask(OWN | more, method)[0] == 403


def test_a_change_has_to_say_where_it_comes_from():
    assert ask(OWN, "POST")[0] == 200
    assert ask({"host": HOST}, "POST")[0] == 403


def test_nothing_but_http_is_answered():
    assert ask(OWN, kind="websocket") == [{"type": "websocket.close", "code": 1008}]


def test_another_address_needs_a_token():
    with pytest.raises(ValueError, match="token"):
        Guard(everything, address="192.0.2.7", port=PORT)
    there = {"host": f"192.0.2.7:{PORT}"}
    asked = {"address": "192.0.2.7", "token": "s3cret"}
    assert ask(there, **asked)[0] == 403
    assert ask(there, query=b"token=wrong", **asked)[0] == 403
    assert ask(there, query="token=ä".encode("latin-1"), **asked)[0] == 403
    status, headers, _ = ask(there, query=b"token=s3cret", **asked)
    assert status == 200
    assert headers["set-cookie"].startswith(f"{TOKEN_COOKIE}=s3cret; HttpOnly; SameSite=Strict")
    assert ask(there | {"cookie": f"other=1; {TOKEN_COOKIE}=s3cret"}, **asked)[0] == 200
    assert ask(there | {"cookie": f"{TOKEN_COOKIE}=wrong"}, **asked)[0] == 403
    assert ask({"host": f"evil.example:{PORT}"}, query=b"token=s3cret", **asked)[0] == 403


def test_where_every_address_is_served_hosts_are_numbers_or_the_own_name():
    asked = {"query": b"token=s3cret", "address": "0.0.0.0", "token": "s3cret"}
    for host in ("192.0.2.7", "[2001:db8::1]", socket.gethostname(), "localhost"):
        assert ask({"host": f"{host}:{PORT}"}, **asked)[0] == 200
    assert ask({"host": f"evil.example:{PORT}"}, **asked)[0] == 403


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("192.168.1.4", False), ("::", False), ("my-machine", False)],
)  # fmt: skip
def test_loopback_is_what_reaches_this_machine_alone(address, loopback):
    assert is_loopback(address) == loopback
