"""Tiny real pictures, each unlike every other, and what a stub worker makes of them. No imaging library is needed."""

import hashlib
import re
import struct
import zlib

RECIPE = "5742000000000001"
MODEL = "stub"

_MARKER = re.compile(rb"justlens-test\x00([a-z_]+):(\d+);")
_SIDE = 8


def png(red: int, green: int, blue: int, text: str) -> bytes:
    """An 8 x 8 picture of one colour with ``text`` in a tEXt chunk (PNG specification, third edition, section 11)."""
    rows = (b"\x00" + bytes((red, green, blue)) * _SIDE) * _SIDE
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)),
            _chunk(b"tEXt", b"justlens-test\x00" + text.encode("latin-1")),
            _chunk(b"IDAT", zlib.compress(rows, 1)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(number: int, verb: str = "serve", argument: int = 0) -> bytes:
    """Picture ``number``, with what a stub worker is to do about it.

    ``serve``: answer; ``fail``: answer 500 the first ``argument`` times; ``sleep``: answer after that many ms.
    """
    return png(number >> 16 & 255, number >> 8 & 255, number & 255, f"{verb}:{argument};{number}")


def order_in(body: bytes) -> tuple[str, int]:
    """The verb and the argument a picture carries; a real photograph carries none and is served."""
    found = _MARKER.search(body)
    return (found[1].decode(), int(found[2])) if found else ("serve", 0)


def enhanced_picture(body: bytes) -> bytes:
    """What a stub worker answers for ``body``: a real picture, the same bytes every time, others for other bytes."""
    digest = hashlib.sha256(body).digest()
    return png(digest[0], digest[1], digest[2], f"serve:0;enhanced {digest.hex()}")
