"""Image files that say where they were taken, in every place of a file where that can stand; and what a file holds."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageCms

from tests.kit.image_files import encoded, picture, png_chunk

SECRET = b"51.5014N 0.1419W"
"""Stands in every one of these files."""
QUARTER_TURN = 6

NEEDED = {
    "jpeg": {"SOI", "APP0 JFIF", "DQT", "SOF", "DHT", "SOS", "EOI"},
    "png": {"IHDR", "IDAT", "IEND"},
    "webp": {"VP8 ", "VP8L", "VP8X", "ALPH"},
}
"""The parts of a file that pixels need, by the formats that are written."""


@dataclass(frozen=True, slots=True)
class Described:
    """A file in ``format``; ``turned`` when its EXIF data say that it lies on its side."""

    name: str
    format: str
    body: bytes
    turned: bool = False


def described_files(size: tuple[int, int]) -> Iterator[Described]:
    """Every kind of metadata in every format, alone and together."""
    image = picture(size=size)
    for image_format, kinds in (("jpeg", _jpegs), ("png", _pngs), ("webp", _webps), ("avif", _avifs)):
        for name, body, turned in kinds(image):
            yield Described(f"{image_format} {name} {size[0]}", image_format, body, turned)


def parts_of(body: bytes) -> list[str]:
    """The parts of a JPEG, PNG or WebP, in order. "trailing" stands for bytes behind its end."""
    if body.startswith(b"\xff\xd8"):
        return list(_jpeg_parts(body))
    return list(_png_parts(body) if body.startswith(b"\x89PNG") else _webp_parts(body))


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()  # ImageDescription
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 5.0)  # GPSLatitude
    return exif.tobytes()


def _profile() -> bytes:
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made + SECRET


def _segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def _jpegs(image: Image.Image) -> Iterator[tuple[str, bytes, bool]]:
    plain = encoded(image, "JPEG", quality=85)
    kinds = {
        "EXIF": _segment(0xE1, _exif(1)),
        "XMP": _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>" + SECRET + b"</x>"),
        "ICC": _segment(0xE2, b"ICC_PROFILE\0\1\1" + _profile()),
        "MPF": _segment(0xE2, b"MPF\0" + SECRET),
        "IPTC": _segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x15\x1c\x02\x5a\0\x10" + SECRET),
        "C2PA": _segment(0xEB, b"JP\0\1\0\0\0\1" + SECRET),
        "comment": _segment(0xFE, SECRET),
    }
    for name, segment in kinds.items():
        yield name, plain[:2] + segment + plain[2:], False
    turned = plain[:2] + _segment(0xE1, _exif(QUARTER_TURN)) + plain[2:]
    yield "EXIF turned", turned, True
    yield "second picture behind", plain + kinds["comment"] + plain, False
    yield "trailing", plain + SECRET, False
    yield "everything", turned[:2] + b"".join(kinds.values()) + turned[2:] + SECRET, False


def _pngs(image: Image.Image) -> Iterator[tuple[str, bytes, bool]]:
    plain = encoded(image, "PNG", compress_level=1)
    kinds = {
        "eXIf": png_chunk(b"eXIf", _exif(1).removeprefix(b"Exif\0\0")),
        "tEXt": png_chunk(b"tEXt", b"Comment\0" + SECRET),
        "iTXt": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x>" + SECRET + b"</x>"),
        "tIME": png_chunk(b"tIME", b"\x07\xe9\x0b\x01\x0c\0\0") + png_chunk(b"tEXt", b"Place\0" + SECRET),
        "pHYs": png_chunk(b"pHYs", struct.pack(">IIB", 1, 1, 1)) + png_chunk(b"tEXt", b"Place\0" + SECRET),
        "unknown": png_chunk(b"caBX", SECRET),
    }
    start, end = plain.index(b"IDAT") - 4, plain.index(b"IEND") - 4
    for name, chunk in kinds.items():
        yield name, plain[:start] + chunk + plain[start:], False
        yield f"{name} behind the pixels", plain[:end] + chunk + plain[end:], False
    turned = png_chunk(b"eXIf", _exif(QUARTER_TURN).removeprefix(b"Exif\0\0"))
    yield "eXIf turned", plain[:start] + turned + plain[start:], True
    yield "iCCP", encoded(image, "PNG", icc_profile=_profile(), compress_level=1) + SECRET, False
    yield "trailing", plain + SECRET, False


def _webps(image: Image.Image) -> Iterator[tuple[str, bytes, bool]]:
    for name, settings in (
        ("EXIF", {"exif": _exif(1)}),
        ("EXIF turned", {"exif": _exif(QUARTER_TURN)}),
        ("XMP", {"xmp": b"<x>" + SECRET + b"</x>"}),
        ("ICCP", {"icc_profile": _profile()}),
        ("everything", {"exif": _exif(1), "xmp": SECRET, "icc_profile": _profile()}),
    ):
        yield name, encoded(image, "WEBP", method=0, **settings), name == "EXIF turned"
    holder = encoded(image, "WEBP", method=0, exif=_exif(1))
    unknown = b"SECR" + struct.pack("<I", len(SECRET)) + SECRET
    yield "unknown", holder[:4] + struct.pack("<I", len(holder) + len(unknown) - 8) + holder[8:] + unknown, False
    yield "trailing", encoded(image, "WEBP", method=0) + SECRET, False


def _avifs(image: Image.Image) -> Iterator[tuple[str, bytes, bool]]:
    everything = {"exif": _exif(1), "xmp": b"<x>" + SECRET + b"</x>", "icc_profile": _profile()}
    yield "everything", encoded(image, "AVIF", speed=10, **everything), False
    yield "trailing", encoded(image, "AVIF", speed=10) + SECRET, False


_BARE_MARKERS = {0xD8: "SOI", 0xD9: "EOI"}
_NAMED = {0xDB: "DQT", 0xC0: "SOF", 0xC4: "DHT", 0xDA: "SOS", 0xFE: "COM"}
_JFIF_WITHOUT_THUMBNAIL = 16


def _jpeg_parts(body: bytes) -> Iterator[str]:
    file = io.BytesIO(body)
    while marker := file.read(2):
        assert marker[0] == 0xFF
        yield (name := _BARE_MARKERS.get(marker[1]) or _jpeg_name(marker[1], body[file.tell() :]))
        if name == "EOI":
            break
        if marker[1] not in _BARE_MARKERS:
            file.seek(struct.unpack(">H", file.read(2))[0] - 2, io.SEEK_CUR)
        if name == "SOS":
            _skip_pixels(file, body)
    if file.read(1):
        yield "trailing"


def _jpeg_name(marker: int, rest: bytes) -> str:
    if 0xE0 <= marker <= 0xEF:
        small = rest[2:7] == b"JFIF\0" and struct.unpack(">H", rest[:2])[0] == _JFIF_WITHOUT_THUMBNAIL
        return "APP0 JFIF" if marker == 0xE0 and small else f"APP{marker - 0xE0}"
    return _NAMED.get(marker, f"{marker:02X}")


def _skip_pixels(file: io.BytesIO, body: bytes) -> None:
    at = file.tell()
    while body[at] != 0xFF or body[at + 1] in (0, *range(0xD0, 0xD8)):
        at += 1
    file.seek(at)


def _png_parts(body: bytes) -> Iterator[str]:
    at = 8
    while at < len(body):
        length, name = struct.unpack(">I", body[at : at + 4])[0], body[at + 4 : at + 8].decode("latin-1")
        yield name
        at += length + 12
        if name == "IEND":
            break
    if at < len(body):
        yield "trailing"


def _webp_parts(body: bytes) -> Iterator[str]:
    at, end = 12, struct.unpack("<I", body[4:8])[0] + 8
    while at < end:
        yield body[at : at + 4].decode("latin-1")
        length = struct.unpack("<I", body[at + 4 : at + 8])[0]
        at += 8 + length + length % 2
    if end < len(body):
        yield "trailing"
