"""A local server that speaks the paths and headers of the Hugging Face hub, for files kept as large files (LFS)."""

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLDER_COMMIT = "fedcba9876543210fedcba9876543210fedcba98"


class HubServer:
    """What it serves and how it treats visitors; `requests` is what it was asked, `METHOD path`."""

    def __init__(self):
        self.files: dict[str, bytes] = {}  # "owner/name/file" -> content
        self.revisions = {"main": COMMIT, COMMIT: COMMIT, OLDER_COMMIT: OLDER_COMMIT}
        self.gated: set[str] = set()
        self.private: set[str] = set()
        self.granted_tokens = {"granted"}
        self.known_tokens = {"granted", "stranger"}
        self.stated_digest: str | None = None
        self.status: int | None = None  # answer everything with this
        self.requests: list[str] = []
        self.storage_tokens: list[str | None] = []  # what visitors of the storage host showed: no token belongs there
        self.endpoint = ""

    def put(self, repo: str, name: str, content: bytes) -> None:
        self.files[f"{repo}/{name}"] = content

    def answer(self, path: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a path, as the hub answers."""
        if self.status is not None:
            return self.status, {}, b""
        if path.startswith("/cdn/"):
            self.storage_tokens.append(token)
            content = next(c for c in self.files.values() if hashlib.sha256(c).hexdigest() == path[len("/cdn/") :])
            return 200, {"ETag": '"cdn"'}, content
        owner, name, _, revision, file = path.lstrip("/").split("/", 4)
        repo = f"{owner}/{name}"
        if token is not None and token not in self.known_tokens:
            return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b""
        if repo in self.private and token not in self.granted_tokens:
            return 401, {"X-Error-Code": "RepoNotFound"}, b""
        if not any(key.startswith(f"{repo}/") for key in self.files):
            return (404 if token else 401), {"X-Error-Code": "RepoNotFound"}, b""
        if repo in self.gated and token not in self.granted_tokens:
            return (403 if token else 401), {"X-Error-Code": "GatedRepo"}, b""
        if revision not in self.revisions:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        commit = {"X-Repo-Commit": self.revisions[revision]}
        if f"{repo}/{file}" not in self.files:
            return 404, {"X-Error-Code": "EntryNotFound", **commit}, b""
        content = self.files[f"{repo}/{file}"]
        sha256 = hashlib.sha256(content).hexdigest()
        port = self.endpoint.rpartition(":")[2]
        headers = {
            **commit,
            "X-Linked-Etag": f'"{self.stated_digest or sha256}"',
            "X-Linked-Size": str(len(content)),
            "Location": f"http://localhost:{port}/cdn/{sha256}",  # another host, as the hub's storage is
        }
        return 302, headers, b""


@contextmanager
def running_hub():
    """A `HubServer` that listens while the block runs."""
    hub = HubServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hub.requests.append(f"{self.command} {self.path}")
            authorization = self.headers.get("Authorization")
            status, headers, body = hub.answer(self.path, authorization.split()[-1] if authorization else None)
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
