"""Image files made by code: honest ones, and headers that say whatever they are told to."""

import io
import struct
import zlib

from PIL import Image


def picture(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A small picture with structure in it."""
    ramp = Image.linear_gradient("L").resize(size)
    side = ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(90).resize(size)
    rgb = Image.merge("RGB", (ramp, side, Image.radial_gradient("L").resize(size)))
    if mode == "I;16":
        return rgb.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
    if mode in ("LA", "RGBA"):
        rgb.putalpha(ramp.point(lambda value: 128 + value // 2))
    return rgb.convert(mode)


def encoded(image: Image.Image, image_format: str, **settings: object) -> bytes:
    """``image`` as a file."""
    out = io.BytesIO()
    image.save(out, image_format, **settings)
    return out.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file, with its right CRC."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, extra: bytes = b"", data: bytes = b"") -> bytes:
    """A PNG whose header says whatever it is told to."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(data)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP container of ``chunks``."""
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for k, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_with_size(width: int, height: int) -> bytes:
    """A JPEG whose frame header declares another size than it has."""
    body = bytearray(encoded(picture(), "JPEG"))
    at = body.index(b"\xff\xc0")
    body[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(body)
