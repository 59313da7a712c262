"""What the first and last bytes of a file say, before any codec sees them. Pure functions."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

PictureFormat = Literal["jpeg", "png", "webp", "heif", "avif"]

HOLE_BYTES = 512
"""The least that a disk leaves out: so many zeros at the end of a file are what a download that broke off never filled.
A flat picture may well end with a few."""

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "GIF"),
    (8, b"CR\x02", "Canon CR2 raw"),
    (0, b"II*\x00", "TIFF, or a raw format that is built like it,"),
    (0, b"MM\x00*", "TIFF, or a raw format that is built like it,"),
    (0, b"II+\x00", "BigTIFF"),
    (0, b"MM\x00+", "BigTIFF"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"IIRO", "Olympus ORF raw"),
    (0, b"IIRS", "Olympus ORF raw"),
    (0, b"MMOR", "Olympus ORF raw"),
    (0, b"IIU\x00", "Panasonic RW2 raw"),
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF raw"),
    (0, b"FOVb", "Sigma X3F raw"),
    (0, b"\x00MRM", "Minolta MRW raw"),
    (0, b"BM", "BMP"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"icns", "ICNS"),
    (0, b"8BPS", "PSD"),
    (0, b"gimp xcf", "XCF"),
    (0, b"%PDF", "PDF"),
    (0, b"qoif", "QOI"),
    (0, b"farbfeld", "farbfeld"),
    (0, b"DDS ", "DDS"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\xd8\xff\xf7", "JPEG-LS"),
    (8, b"AVI ", "video"),
    (0, b"\x1a\x45\xdf\xa3", "video"),
    (0, b"FLV\x01", "video"),
    (0, b"\x00\x00\x01\xba", "video"),
    (0, b"\x1f\x8b", "gzip"),
)
_HEVC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AV1 = frozenset({b"avif", b"avis"})
_EITHER = frozenset({b"mif1", b"msf1"})
_BRANDS: Mapping[bytes, str] = MappingProxyType(
    {b"crx ": "Canon CR3 raw", b"jp2 ": "JPEG 2000", b"jpx ": "JPEG 2000", b"jxl ": "JPEG XL", b"M4A ": "audio"}
)
_SEARCHED = 4096
"""Bytes at the start of a file in which a picture is looked for that something stands before."""


def picture_format(body: bytes) -> PictureFormat | None:
    """The supported format whose signature ``body`` begins with, if any."""
    if body.startswith(b"\xff\xd8\xff") and body[3:4] != b"\xf7":
        return "jpeg"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "webp"
    brand, others = _brands(body)
    if brand in _HEVC | _AV1 | _EITHER:
        return "avif" if brand in _AV1 or (brand in _EITHER and others & _AV1) else "heif"
    return None


def other_format(body: bytes) -> str | None:
    """The name of a picture or document format that is known but not supported, if ``body`` looks like one."""
    for offset, signature, name in _SIGNATURES:
        if body[offset : offset + len(signature)] == signature:
            return name
    if len(body) > 2 and body[:1] == b"P" and body[1:2] in b"1234567" and body[2:3].isspace():
        return "PNM"
    brand, others = _brands(body)
    if brand:
        return "HEIF" if others & _HEVC else "AVIF" if others & _AV1 else _BRANDS.get(brand, "video")
    head = _text(body[:2048]).lstrip("\ufeff \t\r\n").lower()
    if "<svg" in head:
        return "SVG"
    return "HTML or XML" if head.startswith(("<!doctype", "<html", "<?xml")) else None


def bytes_before(body: bytes) -> tuple[int, PictureFormat] | None:
    """How many bytes stand before what looks like a picture, and its format; None when nothing does."""
    found = (
        (body.find(b"\xff\xd8\xff", 1, _SEARCHED), 0, "jpeg"),
        (body.find(b"\x89PNG\r\n\x1a\n", 1, _SEARCHED), 0, "png"),
        (body.find(b"WEBPVP8", 9, _SEARCHED), 8, "webp"),
        (body.find(b"ftyphei", 5, _SEARCHED), 4, "heif"),
        (body.find(b"ftypavi", 5, _SEARCHED), 4, "avif"),
    )
    starts = [(at - back, name) for at, back, name in found if at - back > 0]
    if not starts:
        return None
    start, _ = min(starts)
    known = picture_format(body[start:])
    return (start, known) if known else None


def is_cut_off(body: bytes, image_format: PictureFormat) -> bool:
    """Whether the mark that ends a file of ``image_format`` is missing, or less is there than the file says."""
    if image_format == "jpeg":
        return not body.rstrip(b"\x00").endswith(b"\xff\xd9")
    if image_format == "png":
        return b"IEND" not in body
    if image_format == "webp":
        return int.from_bytes(body[4:8], "little") + 8 > len(body)
    return any(end > len(body) for _, end in _boxes(body))


def has_track(body: bytes) -> bool:
    """Whether an ISO base media file has a track, as image sequences do beside or instead of a single picture."""
    return any(kind == b"moov" for kind, _ in _boxes(body))


def _brands(body: bytes) -> tuple[bytes, frozenset[bytes]]:
    """The major brand of an ISO base media file, and the others it is compatible with."""
    if body[4:8] != b"ftyp":
        return b"", frozenset()
    end = min(int.from_bytes(body[:4], "big"), 256, len(body))
    return body[8:12], frozenset(body[at : at + 4] for at in range(16, end - 3, 4))


def _boxes(body: bytes) -> Iterator[tuple[bytes, int]]:
    """Kind and end of every box at the top of an ISO base media file."""
    at = 0
    while at + 8 <= len(body):
        size, kind, head = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(body[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = len(body) - at
        if size < head:
            return
        yield kind, at + size
        at += size


def _text(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    wide = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(head[:2], "utf-8")
    return head.decode(wide, "replace")
