"""A PNG reduced to what decides its pixels, so that damage beside them costs nothing. Pure functions.

As libpng does it for browsers: a chunk that a picture can be shown without is left out when its checksum or its content
is wrong; one that it needs stays as it is, and the decoder judges it. Texts and all else are left out in any case.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"IEND"
_PROFILE = b"iCCP"
_LENGTHS: Mapping[bytes, frozenset[int]] = MappingProxyType(
    {
        b"tRNS": frozenset(range(1, 257)),
        b"gAMA": frozenset({4}),
        b"cHRM": frozenset({32}),
        b"sRGB": frozenset({1}),
        b"acTL": frozenset({8}),
        b"fcTL": frozenset({26}),
    }
)
"""What is kept besides the critical chunks, and how long it may be."""
_ANY_LENGTH = frozenset({b"eXIf", b"fdAT", _PROFILE})
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
_MAX_PROFILE = 4 << 20
_SMALLEST_PROFILE = 128


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    data: memoryview
    sum: bytes

    @property
    def critical(self) -> bool:
        return not self.kind[0] & 0x20

    @property
    def sound(self) -> bool:
        return zlib.crc32(self.data, zlib.crc32(self.kind)).to_bytes(4, "big") == self.sum


def needed_chunks(body: bytes) -> bytes:
    """``body`` without what does not decide its pixels. What cannot be followed to its end gets one, and the last chunk
    of pixels a fitting checksum, so that the decoder sees whether all of them are there."""
    kept = [chunk for chunk in _chunks(body) if chunk.critical or _is_of_use(chunk)]
    if not _animates(kept):
        kept = [chunk for chunk in kept if chunk.kind not in _ANIMATION]
    return SIGNATURE + b"".join(_parts(kept))


def _chunks(body: bytes) -> Iterator[_Chunk]:
    """Up to the end mark. Of a chunk that is cut off what is there is taken."""
    view, at = memoryview(body), len(SIGNATURE)
    while at + 8 <= len(body):
        length, kind = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        end = at + 8 + length
        data, check = view[at + 8 : end], body[end : end + 4]
        if len(check) < 4:
            check = zlib.crc32(data, zlib.crc32(kind)).to_bytes(4, "big") if kind == b"IDAT" else b""
        yield _Chunk(kind, data, check)
        if kind == _END:
            return
        at = end + 4


def _is_of_use(chunk: _Chunk) -> bool:
    if chunk.kind not in _ANY_LENGTH and len(chunk.data) not in _LENGTHS.get(chunk.kind, frozenset()):
        return False
    return chunk.sound and (chunk.kind != _PROFILE or _can_be_unpacked(bytes(chunk.data)))


def _can_be_unpacked(data: bytes) -> bool:
    name, separator, rest = data.partition(b"\0")
    if not (separator and 1 <= len(name) <= 79 and rest[:1] == b"\0"):
        return False
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(rest[1:], _MAX_PROFILE)
    except zlib.error:
        return False
    return unpacking.eof and len(profile) >= _SMALLEST_PROFILE


def _animates(chunks: Iterable[_Chunk]) -> bool:
    """Whether the frames are as many as the file says. A picture whose animation is damaged is the still in it."""
    said = [int.from_bytes(chunk.data[:4], "big") for chunk in chunks if chunk.kind == b"acTL"]
    return len(said) == 1 and said[0] == sum(chunk.kind == b"fcTL" for chunk in chunks) > 0


def _parts(chunks: Iterable[_Chunk]) -> Iterator[bytes | memoryview]:
    ended = False
    for chunk in chunks:
        yield len(chunk.data).to_bytes(4, "big") + chunk.kind
        yield chunk.data
        yield chunk.sum
        ended = chunk.kind == _END
    if not ended:
        yield bytes(4) + _END + zlib.crc32(_END).to_bytes(4, "big")
