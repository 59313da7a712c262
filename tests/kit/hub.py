"""A hub of models on this machine, which answers as the Hugging Face hub does to those who download."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

COMMIT = "c0ffee" + 34 * "0"


@dataclass(slots=True)
class Hub:
    """``files`` by repository and path; ``asked`` are the requests so far. Every revision but "missing" is there."""

    files: Mapping[str, Mapping[str, bytes]]
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a GET for ``path``."""
        parts = urlsplit(path).path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            return self._described("/".join(parts[2:4]), parts[4:])
        repository, rest = "/".join(parts[:2]), parts[2:]
        body = self.files.get(repository, {}).get("/".join(rest[2:]))
        if rest[:1] != ["resolve"] or rest[1] == "missing" or body is None:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        return 200, {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X-Repo-Commit": COMMIT}, body

    def _described(self, repository: str, rest: list[str]) -> tuple[int, dict[str, str], bytes]:
        files = self.files.get(repository)
        if files is None or "missing" in rest:
            return 404, {"X-Error-Code": "RepoNotFound" if files is None else "RevisionNotFound"}, b"{}"
        if rest[:1] == ["tree"]:
            tree = [{"type": "file", "path": name, "size": len(body), "oid": 40 * "a"} for name, body in files.items()]
            return 200, {"Content-Type": "application/json"}, json.dumps(tree).encode()
        about = {"id": repository, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
        return 200, {"Content-Type": "application/json"}, json.dumps(about).encode()


@contextmanager
def serving(files: Mapping[str, Mapping[str, bytes]]) -> Iterator[Hub]:
    """A hub with ``files``, on a free port."""
    hub = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            status, headers, body = hub.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
