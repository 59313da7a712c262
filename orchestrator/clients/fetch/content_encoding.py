"""Bodies that a server compressed although nobody asked: unpacked within the byte limit."""

import zlib

from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.retrying import UPLOAD_ATTEMPTS

_GZIP_MAGIC = b"\x1f\x8b"
_MOST_CODINGS = 3
"""One after the other is never seen; without a bound, a body of thousands would keep a thread busy for minutes."""
_NOT_SUPPORTED = frozenset({"br", "compress", "dcb", "dcz", "x-compress", "zstd"})


class TooMuch(Exception):
    """The body unpacks to more than the limit."""


def unpack_body(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """``body`` without its codings. Words that name none (``utf-8``, ``base64``) are ignored, as browsers do.

    Raises TooMuch, JobRefused (``encoded_body``) for a coding that is not supported or not kept to, JobFailed
    (``truncated``) for a body that ends too early. Takes some 100 ms for 20 MB: call it in a thread.
    """
    codings = [word.strip().lower() for word in content_encoding.split(",")]
    if len(codings) > _MOST_CODINGS:
        raise JobRefused("encoded_body", f"{len(codings)} Content-Encodings on one body")
    for coding in reversed(codings):
        if coding in _NOT_SUPPORTED:
            raise JobRefused("encoded_body", f"a Content-Encoding that was not asked for: {coding}")
        if coding in ("gzip", "x-gzip") and body.startswith(_GZIP_MAGIC):
            body = _inflate(body, zlib.MAX_WBITS | 16, max_bytes)
        elif coding == "deflate":
            # zlib's header says deflate and has a checksum of its own; without one the stream is raw.
            wrapped = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
            body = _inflate(body, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS, max_bytes)
    return body


def _inflate(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    stream = zlib.decompressobj(window_bits)
    try:
        unpacked = stream.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise JobRefused("encoded_body", f"the body is not what its Content-Encoding says: {error}") from None
    if len(unpacked) > max_bytes:
        raise TooMuch
    if not stream.eof:
        raise JobFailed("truncated", "the compressed body ends too early", max_attempts=UPLOAD_ATTEMPTS)
    return unpacked
