"""An object store over real HTTP that does less than all of S3, or refuses single objects. Signatures are not checked.

``kind`` says what it lacks:
    plain            nothing: If-None-Match: * works (412)
    no_conditions    501 NotImplemented for If-None-Match on PUT
    ignores          takes no notice of If-None-Match and overwrites
    no_checksums     400 InvalidArgument for checksum headers
    no_trailers      400 for Content-Encoding: aws-chunked
    read_only        403 AccessDenied for every PUT

Whatever the kind, reading keys that begin with one of FAULTS answers that error, in any bucket.
"""

import threading
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.kit.threaded_server import ThreadedServer

FAULTS = {
    "denied/": (403, "AccessDenied"),
    "glacier/": (403, "InvalidObjectState"),
    "kms/": (400, "KMS.DisabledException"),
    "moved/": (301, "PermanentRedirect"),
    "slow/": (503, "SlowDown"),
}
KINDS = ("plain", "no_conditions", "ignores", "no_checksums", "no_trailers")


class OddS3(ThreadedServer):
    """One store on a free port, in threads of this process: ``with OddS3("ignores") as store``."""

    def __init__(self, kind: str = "plain") -> None:
        self.kind = kind
        self.objects: dict[tuple[str, str], tuple[bytes, dict[str, str]]] = {}
        self.lock = threading.Lock()
        store = self

        class Handler(_Handler):
            store_ = store

        super().__init__(Handler)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Have an object there."""
        self.objects[bucket, key] = (body, {"Content-Type": "image/png"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store_: OddS3

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        bucket, key = self._names()
        for prefix, (status, code) in FAULTS.items():
            if key.startswith(prefix):
                return self._fault(status, code)
        with self.store_.lock:
            found = self.store_.objects.get((bucket, key))
        if not key:
            return self._answer(200, b"<ListBucketResult></ListBucketResult>")
        if found is None:
            return self._fault(404, "NoSuchKey")
        body, headers = found
        if key.startswith("short/"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return None
        return self._answer(200, body, headers)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        names = [name.lower() for name in self.headers]
        chunked = "aws-chunked" in (self.headers["Content-Encoding"] or "") or "x-amz-trailer" in names
        checked = any(name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum")) for name in names)
        condition, kind = self.headers["If-None-Match"], self.store_.kind
        if kind == "read_only":
            return self._fault(403, "AccessDenied")
        if (kind == "no_checksums" and checked) or (kind == "no_trailers" and chunked):
            return self._fault(400, "InvalidArgument")
        if kind == "no_conditions" and condition:
            return self._fault(501, "NotImplemented")
        with self.store_.lock:
            if condition and kind != "ignores" and self._names() in self.store_.objects:
                return self._fault(412, "PreconditionFailed")
            kept = {n: v for n, v in self.headers.items() if n.lower().startswith("x-amz-meta-") or n == "Content-Type"}
            self.store_.objects[self._names()] = (body, kept)
        return self._answer(200)

    def do_DELETE(self) -> None:
        with self.store_.lock:
            self.store_.objects.pop(self._names(), None)
        self._answer(204)

    def _names(self) -> tuple[str, str]:
        bucket, _, key = urlsplit(self.path).path.removeprefix("/").partition("/")
        return bucket, unquote(key)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "ETag": '"0"', **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fault(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{code} on purpose</Message></Error>"
        self._answer(status, text.encode(), {"Content-Type": "application/xml"})
