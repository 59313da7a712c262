"""HEIC and HEIF through libheif, AVIF through libavif: what has to be minded around them. Runs in decoder processes."""

import io

import pi_heif
from PIL import AvifImagePlugin, Image, ImageFile

from workers.errors import Refused
from workers.images.sniffing import HOLE_BYTES, has_track, is_cut_off


def open_heif(body: bytes) -> ImageFile.ImageFile:
    """An opened HEIF, its primary picture and no other; upright already. Raises Refused (truncated, corrupt,
    unsupported_format), and what libheif raises."""
    if body.endswith(bytes(HOLE_BYTES)):  # libde265 would show grey in their place
        raise Refused("truncated", "the end of the file is missing")
    pi_heif.options.DECODE_THREADS = 0  # libheif ends the process when the limit of memory lets no thread start
    try:
        image: ImageFile.ImageFile = pi_heif.HeifImageFile(io.BytesIO(body))
    except SyntaxError as error:
        if b"hvc1" not in body and not is_cut_off(body, "heif"):
            raise Refused("unsupported_format", "HEIF without a picture coded in HEVC is not supported") from error
        raise
    if not image.info.get("primary"):  # libheif leaves out what it cannot read and offers what is left, say a tile
        raise Refused("corrupt", "the primary picture of the heif cannot be read")
    image.info.pop("exif", None)  # its orientation does not count: what turns the picture was applied
    return image


def heif_version() -> str:
    """The version of libheif, which decides the pixels of a HEIF."""
    return str(pi_heif.libheif_version())


def open_avif(body: bytes) -> ImageFile.ImageFile:
    """An opened AVIF. Raises what Pillow and libavif raise."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # every thread would reserve address space
    return Image.open(io.BytesIO(_named_as_still(body)), formats=("avif",))


def _named_as_still(body: bytes) -> bytes:
    """An AVIF that calls itself a sequence and is none, as what it is: libavif would look for the sequence only."""
    return body if has_track(body) else body[:8] + b"avif" + body[12:]
