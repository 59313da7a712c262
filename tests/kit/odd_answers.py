"""What image hosts answer, one path each: every path ends in the image or in a known fault.

Each ``say_`` method is one path, with ``_`` for ``-``.
"""

import gzip
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from tests.kit.odd_host import OddHost

SIGNED = {
    "/signed/a%20b.jpg?X-Amz-Credential=AK%2F20261121%2Fus-east-1%2Fs3&sig=ab%2Bcd%3D%27x%27",
    "/signed/caf%C3%A9.jpg?u=http%3A%2F%2Fh%2Fi.jpg%3Fw%3D1%26h%3D2&sig=a%2Fb%2Cc",
}
"""The targets that are "signed": every byte of them counts."""


class OddAnswers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host_: "OddHost"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def whole(self, body: bytes | None = None, status: int = 200, kind: str = "image/png", **headers: str) -> None:
        body = self.host_.image if body is None else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def times(self) -> int:
        """How often this target was asked for, this time included."""
        with self.host_.lock:
            self.host_.seen[self.path] += 1
            return self.host_.seen[self.path]

    def raw(self, data: bytes, *more: bytes) -> None:
        """Bytes as they are, then the connection ends."""
        self.wfile.write(data)
        for part in more:
            self.wfile.write(part)
        self.wfile.flush()
        self.close_connection = True

    def do_GET(self) -> None:
        target, _, query = self.path.partition("?")
        with self.host_.lock:
            self.host_.asked.append((self.path, self.headers.get("Cookie")))
        name = target.strip("/").split("/")[0]
        getattr(self, "say_" + name.replace("-", "_"), self.plain)(query)

    do_HEAD = do_GET

    def plain(self, query: str) -> None:
        self.whole()

    def say_signed(self, query: str) -> None:
        self.whole() if self.path in SIGNED else self.whole(
            b"SignatureDoesNotMatch: " + self.path.encode(), 403, "application/xml"
        )

    def say_gzip_anyway(self, query: str) -> None:
        self.whole(gzip.compress(self.host_.image), Content_Encoding="gzip")

    def say_identity_header(self, query: str) -> None:
        self.whole(Content_Encoding="identity")

    def say_utf8_encoding(self, query: str) -> None:
        """A misused header, common with S3 uploads: Content-Encoding: utf-8 or base64 on plain bytes."""
        self.whole(Content_Encoding=unquote(query) or "utf-8")

    def say_type_lies(self, query: str) -> None:
        self.whole(kind=unquote(query) or "text/html; charset=utf-8")

    def say_no_type(self, query: str) -> None:
        self.raw(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(self.host_.image),
            self.host_.image,
        )

    def say_html200(self, query: str) -> None:
        self.whole(b"<!doctype html><title>Just a moment...</title>", kind="text/html")

    def say_empty200(self, query: str) -> None:
        self.whole(b"")

    def say_status(self, query: str) -> None:
        status = int(query or 418)
        self.whole(b"" if status in (204, 304) else b"said on purpose", status, "text/plain")

    def say_redirect_cookie(self, query: str) -> None:
        """To itself, until the cookie it set comes back."""
        if "seen=1" in (self.headers.get("Cookie") or ""):
            return self.whole()
        self.whole(b"", 302, Location=self.path, Set_Cookie="seen=1; Path=/")
        return None

    def say_redirect_raw(self, query: str) -> None:
        """A Location with raw UTF-8 and a raw space beside an encoded signature."""
        target = "/signed/a b.jpg?X-Amz-Credential=AK%2F20261121%2Fus-east-1%2Fs3&sig=ab%2Bcd%3D%27x%27"
        self.raw(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    def say_redirect_latin1(self, query: str) -> None:
        self.raw(b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9.jpg\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def say_redirect_fragment(self, query: str) -> None:
        self.whole(b"", 302, Location="/plain.jpg#top")

    def say_limited(self, query: str) -> None:
        """429 with Retry-After, for so many requests (``?n,seconds``); then the picture."""
        n, _, after = (query or "10,600").partition(",")
        if self.times() <= int(n):
            return self.whole(b"slow down", 429, "text/plain", Retry_After=after or "600")
        self.whole()
        return None

    def say_busy(self, query: str) -> None:
        """503 with Retry-After as a date, for so many requests."""
        if self.times() <= int(query or 3):
            return self.whole(b"", 503, Retry_After=self.date_time_string(time.time() + 40))
        self.whole()
        return None

    def say_growing(self, query: str) -> None:
        """Still being uploaded: the first so many requests get half of the picture, with a Content-Length that fits."""
        self.whole(
            self.host_.image[: len(self.host_.image) // 2] if self.times() <= int(query or 1) else self.host_.image
        )

    def say_growing_empty(self, query: str) -> None:
        self.whole(b"" if self.times() <= int(query or 1) else self.host_.image)

    def say_short(self, query: str) -> None:
        """Content-Length says all, half comes."""
        self.raw(
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(self.host_.image),
            self.host_.image[: len(self.host_.image) // 2],
        )

    def say_http10_cut(self, query: str) -> None:
        """No length at all, and the connection ends half way: nothing in HTTP tells."""
        self.raw(b"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n", self.host_.image[: len(self.host_.image) // 2])

    def say_http10_whole(self, query: str) -> None:
        self.raw(b"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n", self.host_.image)

    def say_chunked_cut(self, query: str) -> None:
        half = self.host_.image[: len(self.host_.image) // 2]
        self.raw(
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(half),
            half,
            b"\r\n",
        )

    def say_chunked_short_end(self, query: str) -> None:
        """A proper last chunk, too early."""
        half = self.host_.image[: len(self.host_.image) // 2]
        self.raw(
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(half),
            half,
            b"\r\n0\r\n\r\n",
        )

    def say_two_lengths(self, query: str) -> None:
        self.raw(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: 10\r\n\r\n" % len(self.host_.image),
            self.host_.image,
        )

    def say_chunked_and_length(self, query: str) -> None:
        self.raw(
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n"
            % len(self.host_.image),
            self.host_.image,
            b"\r\n0\r\n\r\n",
        )

    def say_long_header(self, query: str) -> None:
        self.whole(X_Long="x" * int(query or 20000))

    def say_latin1_header(self, query: str) -> None:
        self.raw(
            b'HTTP/1.1 200 OK\r\nContent-Disposition: inline; filename="caf\xe9.jpg"\r\nContent-Length: %d\r\n\r\n'
            % len(self.host_.image),
            self.host_.image,
        )

    def say_bad_header(self, query: str) -> None:
        self.raw(
            b"HTTP/1.1 200 OK\r\nX Bad Header : yes\r\nContent-Length: %d\r\n\r\n" % len(self.host_.image),
            self.host_.image,
        )

    def say_200_no_reason(self, query: str) -> None:
        self.raw(
            b"HTTP/1.1 200\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(self.host_.image), self.host_.image
        )

    def say_only_browsers(self, query: str) -> None:
        ok = "Mozilla" in (self.headers.get("User-Agent") or "")
        self.whole() if ok else self.whole(b"forbidden", 403, "text/html")

    def say_noai(self, query: str) -> None:
        """The owner says that pictures may not be used by machines; it is the picture all the same."""
        self.whole(X_Robots_Tag=unquote(query) or "noai, noimageai")
