"""What a canary asks about: a picture that was never seen before, and the question for a vision-language model."""

import secrets
import struct
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SIDE = 64
"""Pixels. Small enough to cost next to nothing, and enhanced all the same."""
PROMPT = "Write a short alt text for this picture."
SCHEMA: Mapping[str, Any] = MappingProxyType(
    {
        "type": "object",
        "properties": {"alt_text": {"type": "string", "maxLength": 60}},
        "required": ["alt_text"],
        "additionalProperties": False,
    }
)
MAX_TOKENS = 32


def canary_png() -> bytes:
    """A soft gradient with a little noise that was never seen before, as a PNG."""
    noise = secrets.token_bytes(SIDE * SIDE)
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)
        for x in range(SIDE):
            grain = noise[y * SIDE + x] & 7
            rows += bytes((64 + 2 * x + grain, 64 + 2 * y + grain, 96 + x + y // 2 + grain))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
