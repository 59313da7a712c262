"""Files that nobody should send, made by code: name, bytes, and the answers that are true of them."""

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.kit.hostile_heif import hostile_heif
from tests.kit.hostile_kinds import ANY, BROKEN, DONE, Hostile
from tests.kit.image_files import encoded, jpeg_with_size, picture, png, png_chunk, riff


def bombs() -> Iterator[Hostile]:
    """Small files that claim to be, or become, very large."""
    too_many = frozenset({"too_many_pixels"})
    yield Hostile("png_50000_squared", png(50_000, 50_000), too_many)
    yield Hostile("png_2_to_31", png(2**31 - 1, 2**31 - 1), too_many | BROKEN)
    yield Hostile("png_over_2_to_31", png(2**32 - 1, 2**32 - 1), too_many | BROKEN)
    yield Hostile("png_just_above_the_limit", png(6326, 6326), too_many)
    yield Hostile("png_just_below_the_limit_without_data", png(6320, 6320), BROKEN)
    yield Hostile("png_1_bit_100_megapixels", encoded(Image.new("1", (10_000, 10_000)), "PNG"), too_many)
    yield Hostile("jpeg_65500_squared", jpeg_with_size(65_500, 65_500), too_many)
    yield Hostile("jpeg_6000_squared_with_little_data", jpeg_with_size(6000, 6000), ANY)
    frame = struct.pack("<I", 0x10) + b"\xff\xff\xff" * 2
    yield Hostile("webp_canvas_2_to_24", riff((b"VP8X", frame)), too_many)
    lossless = b"\x2f" + struct.pack("<I", 0x3FFF | 0x3FFF << 14)
    yield Hostile("webp_lossless_16384_squared", riff((b"VP8L", lossless + b"\0" * 16)), too_many)
    yield Hostile(
        "gif_65535_squared", b"GIF89a" + struct.pack("<HH", 65_535, 65_535), frozenset({"unsupported_format"})
    )
    text = png_chunk(b"zTXt", b"bomb\0\0" + zlib.compress(b"\0" * 50_000_000, 9))
    yield Hostile("png_text_bomb", png(1, 1, extra=text, data=b"\0\1\2\3"), ANY)
    many = png_chunk(b"zTXt", b"bomb\0\0" + zlib.compress(b"\0" * 1_000_000, 9)) * 200
    yield Hostile("png_200_text_bombs", png(1, 1, extra=many, data=b"\0\1\2\3"), ANY)
    itxt = png_chunk(b"iTXt", b"bomb\0\1\0\0\0" + zlib.compress(b"\0" * 50_000_000, 9))
    yield Hostile("png_itxt_bomb", png(1, 1, extra=itxt, data=b"\0\1\2\3"), ANY)
    profile = png_chunk(b"iCCP", b"bomb\0\0" + zlib.compress(b"\0" * 50_000_000, 9))
    yield Hostile("png_profile_bomb", png(1, 1, extra=profile, data=b"\0\1\2\3"), ANY)
    yield Hostile("png_idat_bomb", png(1, 1, data=b"\0" * 50_000_000), ANY)
    yield Hostile("png_50000_chunks", png(1, 1, extra=png_chunk(b"tEXt", b"k\0v") * 50_000, data=b"\0\1\2\3"), ANY)


def odd_sizes() -> Iterator[Hostile]:
    """Sizes at the edge of what a picture can be."""
    for image_format in ("PNG", "JPEG", "WEBP"):
        yield Hostile(f"one_pixel_{image_format}", encoded(Image.new("RGB", (1, 1)), image_format), DONE)
    yield Hostile("png_50000_x_1", encoded(Image.new("RGB", (50_000, 1)), "PNG"), DONE)
    yield Hostile("png_1_x_50000", encoded(Image.new("L", (1, 50_000)), "PNG"), DONE)
    yield Hostile("jpeg_65500_x_1", encoded(Image.new("RGB", (65_500, 1)), "JPEG"), DONE)
    yield Hostile("webp_1_x_16383", encoded(Image.new("RGB", (1, 16_383)), "WEBP"), DONE)
    for width, height in ((0, 0), (0, 10), (10, 0)):
        yield Hostile(f"png_{width}_x_{height}", png(width, height), BROKEN)
    yield Hostile("jpeg_0_x_0", jpeg_with_size(0, 0), BROKEN)
    yield Hostile("jpeg_0_lines", jpeg_with_size(64, 0), ANY)


def cut_off() -> Iterator[Hostile]:
    """Files whose end is missing."""
    for image_format in ("JPEG", "PNG", "WEBP"):
        whole = encoded(picture(size=(200, 150)), image_format)
        for part in (0.1, 0.5, 0.9):
            yield Hostile(f"cut_{image_format}_{part}", whole[: int(len(whole) * part)], frozenset({"truncated"}))
        yield Hostile(f"cut_{image_format}_16_bytes", whole[:16], frozenset({"truncated"}))
    yield Hostile("cut_progressive_jpeg", encoded(picture(), "JPEG", progressive=True)[:-200], frozenset({"truncated"}))


def wrong_kinds() -> Iterator[Hostile]:
    """What is of no kind that is decoded, and what only looks like one."""
    unsupported = frozenset({"unsupported_format"})
    for image_format in ("GIF", "TIFF", "BMP", "ICO", "JPEG2000"):
        yield Hostile(image_format, encoded(picture(), image_format), unsupported)
    yield Hostile(
        "animated_gif", encoded(picture("P"), "GIF", save_all=True, append_images=[picture("L")]), unsupported
    )
    yield Hostile("svg", b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='1e9' height='1e9'/></svg>", unsupported)
    yield Hostile(
        "svg_with_entities", b"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'b'>]><svg>&a;</svg>", unsupported
    )
    yield Hostile("html", b"<!DOCTYPE html><html><body>404</body></html>", unsupported)
    yield Hostile("pdf", b"%PDF-1.7\n%%EOF", unsupported)
    no_image = frozenset({"not_an_image"})
    for name, body in {
        "text": b"hello",
        "json": b'{"error": "not found"}',
        "zeros": bytes(10_000),
        "one_byte": b"\xff",
        "zip": b"PK\x03\x04" + bytes(100),
        "elf": b"\x7fELF" + bytes(100),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n",
    }.items():
        yield Hostile(name, body, no_image)
    yield Hostile("ppm", b"P6 100000 100000 255\n", unsupported)
    yield Hostile("empty", b"", frozenset({"empty"}))
    yield Hostile("jpeg_signature_alone", b"\xff\xd8\xff", BROKEN)
    yield Hostile("png_signature_alone", b"\x89PNG\r\n\x1a\n", BROKEN)
    yield Hostile("webp_signature_alone", b"RIFF\x04\0\0\0WEBP", BROKEN)
    yield Hostile("wav", b"RIFF\x24\0\0\0WAVEfmt " + bytes(32), no_image)
    yield Hostile("png_signature_on_jpeg", b"\x89PNG\r\n\x1a\n" + encoded(picture(), "JPEG"), BROKEN)
    yield Hostile("jpeg_signature_on_png", b"\xff\xd8\xff" + encoded(picture(), "PNG"), BROKEN)
    yield Hostile("jpeg_then_zip", encoded(picture(), "JPEG") + b"PK\x03\x04" + bytes(200), DONE)
    yield Hostile("png_then_html", encoded(picture(), "PNG") + b"<script>alert(1)</script>", DONE)
    yield Hostile("gif_then_jpeg", b"GIF89a/*" + encoded(picture(), "JPEG"), unsupported)


def broken_inside() -> Iterator[Hostile]:
    """Complete files with something wrong in the middle."""
    whole = bytearray(encoded(picture(), "PNG"))
    whole[29] ^= 0xFF
    yield Hostile("png_header_crc", bytes(whole), BROKEN)
    at = whole.index(b"IDAT")
    whole[29] ^= 0xFF
    whole[at + 20] ^= 0xFF
    yield Hostile("png_data_crc", bytes(whole), BROKEN)
    yield Hostile("png_too_little_data", png(64, 64, data=b"\0" * 100), BROKEN)
    yield Hostile("png_unknown_colour_type", png(8, 8, colour=5, data=b"\0" * 300), BROKEN)
    yield Hostile("png_depth_of_7", png(8, 8, depth=7, data=b"\0" * 300), BROKEN)
    yield Hostile("png_palette_missing", png(8, 8, colour=3, data=b"\0" * 72), ANY)
    palette = png_chunk(b"PLTE", b"\1\2\3")
    yield Hostile("png_index_beyond_palette", png(8, 8, colour=3, extra=palette, data=b"\0" + b"\xc8" * 71), ANY)
    jpeg = encoded(picture(), "JPEG")
    yield Hostile("jpeg_no_tables", jpeg.replace(b"\xff\xdb", b"\xff\xe9"), BROKEN)
    yield Hostile("jpeg_scan_of_zeros", jpeg[: jpeg.index(b"\xff\xda") + 14] + bytes(500) + b"\xff\xd9", ANY)
    yield Hostile("jpeg_5_components", jpeg.replace(b"\x00\x40\x03\x01", b"\x00\x40\x05\x01", 1), BROKEN)
    junk = bytes(range(256)) * 4
    for name, settings in {"profile": {"icc_profile": junk}, "exif": {"exif": b"Exif\0\0" + junk}}.items():
        for image_format in ("JPEG", "PNG", "WEBP"):
            yield Hostile(f"{image_format}_junk_{name}", encoded(picture(), image_format, **settings), DONE)
    exif = Image.Exif()
    exif[0x0112] = 77
    yield Hostile("jpeg_orientation_77", encoded(picture(), "JPEG", exif=exif), DONE)
    yield Hostile("webp_empty_chunks", riff((b"VP8X", bytes(10)), (b"VP8 ", b"")), BROKEN)
    yield Hostile("webp_riff_size_of_zero", b"RIFF\0\0\0\0WEBP" + encoded(picture(), "WEBP")[12:], ANY)
    yield Hostile("webp_riff_size_of_2_to_32", b"RIFF\xff\xff\xff\xffWEBP" + encoded(picture(), "WEBP")[12:], ANY)


def unusual() -> Iterator[Hostile]:
    """Valid pictures that a careless decoder gets wrong."""
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        yield Hostile(f"png_{mode}", encoded(picture(mode), "PNG"), DONE)
    for mode in ("L", "CMYK"):
        yield Hostile(f"jpeg_{mode}", encoded(picture(mode), "JPEG"), DONE)
    yield Hostile("png_16_bit_rgb", png(4, 4, depth=16, data=(b"\0" + b"\x80" * 24) * 4), DONE)
    yield Hostile("png_16_bit_rgba", png(4, 4, depth=16, colour=6, data=(b"\0" + b"\x80" * 32) * 4), DONE)
    frames = [picture("RGBA"), picture("RGBA").rotate(90)]
    for image_format in ("PNG", "WEBP"):
        body = encoded(frames[0], image_format, save_all=True, append_images=frames[1:] * 20)
        yield Hostile(f"animated_{image_format}", body, DONE | {"animated"})
    yield Hostile("mpo", encoded(picture(), "MPO", save_all=True, append_images=[picture()]), DONE)
    yield Hostile("progressive_jpeg", encoded(picture(), "JPEG", progressive=True), DONE)
    yield Hostile("lossless_webp", encoded(picture("RGBA"), "WEBP", lossless=True), DONE)


def hostile_images() -> list[Hostile]:
    """All of them."""
    return [*bombs(), *odd_sizes(), *cut_off(), *wrong_kinds(), *broken_inside(), *unusual(), *hostile_heif()]
