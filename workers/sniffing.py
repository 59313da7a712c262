"""What the first and last bytes of a file say, before any codec sees them. Pure functions."""

from typing import Literal

_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "GIF"),
    (0, b"II*\x00", "TIFF"),
    (0, b"II+\x00", "BigTIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"MM\x00+", "BigTIFF"),
    (0, b"BM", "BMP"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"8BPS", "PSD"),
    (0, b"%PDF", "PDF"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftyp", "video"),
)


def picture_format(body: bytes) -> Literal["jpeg", "png", "webp"] | None:
    """The supported format whose signature ``body`` begins with, if any."""
    if body.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "webp"
    return None


def other_format(body: bytes) -> str | None:
    """The name of a picture or document format that is known but not supported, if ``body`` looks like one."""
    for offset, signature, name in _OTHERS:
        if body[offset : offset + len(signature)] == signature:
            return name
    head = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "SVG"
    return "HTML or XML" if head.startswith((b"<!doctype", b"<html", b"<?xml")) else None


def is_cut_off(body: bytes, image_format: str) -> bool:
    """Whether the mark that ends a file of ``image_format`` is missing."""
    if image_format == "jpeg":
        return not body.rstrip(b"\x00").endswith(b"\xff\xd9")
    if image_format == "png":
        return b"IEND" not in body
    return int.from_bytes(body[4:8], "little") + 8 > len(body)
