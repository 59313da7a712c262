"""What a body that is no JSON object is instead, in words that tell its publisher how to mend it."""

import base64
import json
import re
from codecs import BOM_UTF8
from typing import Any

_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_WIDE = ("utf-16", "utf-32")


def why_unreadable(body: bytes, detail: str = "") -> str:
    """Say what ``body`` is and the remedy, as the end of a sentence that begins with "the body".

    ``detail`` is the parser's own word, for a body that looks like JSON all the same.
    """
    if not body.strip(b"\0 \t\r\n"):
        return "is empty; publish one JSON object"
    if packing := _packing(body):
        return f"is compressed ({packing}); publish the JSON uncompressed"
    encoding = json.detect_encoding(body)
    if encoding.startswith(_WIDE):
        return f"is {encoding[:6].upper()}; encode the JSON as UTF-8"
    try:
        text = body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        return f"{why_not_utf8(error)}; encode the JSON as UTF-8"
    if _is_base64(body):
        return "is base64; publish the JSON itself"
    return _why_no_json(text) or f"is not a JSON object in UTF-8: {detail}"


def why_not_utf8(error: UnicodeDecodeError) -> str:
    """Say which byte cannot be UTF-8, and what it would be in the code page of Western European Windows."""
    byte = error.object[error.start : error.start + 1]
    guess = byte.decode("cp1252", "ignore")
    meant = f" (in Windows-1252 that is '{guess}')" if guess.isprintable() and guess else ""
    return f"is not UTF-8: byte 0x{byte.hex().upper()} at position {error.start}{meant}"


def why_no_object(document: Any) -> str:
    """Say what a JSON ``document`` is that is no object, and the remedy."""
    match document:
        case str() if document.lstrip().startswith("{"):
            return "it is a text that holds JSON, so it was encoded twice; encode it once"
        case list():
            return "it is an array; publish one job per message"
        case _:
            return f"it is {'a text' if isinstance(document, str) else json.dumps(document)}"


def read_what_can_be_read(body: bytes) -> Any:
    """Parse ``body`` as JSON although it may be in another encoding or end in NUL bytes. None for what is no JSON.

    What is no character in its encoding becomes U+FFFD: the result is for showing, never for work.
    """
    try:
        text = body.decode(json.detect_encoding(body), "replace")
        return json.loads(text.rstrip("\0"))
    except (ValueError, RecursionError):
        return None


def _packing(body: bytes) -> str | None:
    for magic, name in _COMPRESSED.items():
        if body.startswith(magic):
            return name
    header = int.from_bytes(body[:2], "big")
    is_zlib = header >> 8 & 0x0F == 8 and header >> 12 <= 7 and header % 31 == 0  # RFC 1950, section 2.2
    return "zlib" if is_zlib else None


def _is_base64(body: bytes) -> bool:
    packed = b"".join(body.split())
    if not _BASE64.fullmatch(packed):
        return False
    start = packed[:64].translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(start[: len(start) // 4 * 4]).lstrip().startswith((b"{", b"\x1f\x8b"))


def _why_no_json(text: str) -> str | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :]
        if error.msg != "Extra data":
            return f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        if not rest.strip("\0\r\n\t "):
            return "has a NUL byte behind the JSON object; publish it without that"
        if rest.startswith("{"):
            return "holds more than one JSON object; publish one job per message"
        return f"has something behind the JSON object, at line {error.lineno} column {error.colno}; leave that out"
    except ValueError:
        return "holds a number of more than 4,300 digits; write an id as text"
    except RecursionError:
        return "is nested too deeply; publish one flat JSON object"
    return None
