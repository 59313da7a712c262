"""Encoded bytes to plain pixels and back. Runs in decoder processes only.

Plain pixels are 8 bits a channel in sRGB, upright, as L, RGB or RGBA: EXIF orientation is applied, an ICC profile is
converted, CMYK, palette, 1-bit and 16-bit pictures are turned into these. Alpha is kept. Of an animation one frame
is taken, and it is said that there are more. No metadata survives.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError

from workers.errors import Refused
from workers.images.colour import plain
from workers.images.opening import Opened
from workers.images.orientation import orientation_of, turned, turned_size
from workers.images.sniffing import PictureFormat, bytes_before, is_cut_off, other_format, picture_format

Format = Literal["jpeg", "png", "webp"]
"""What is written."""
SourceFormat = PictureFormat
"""What is read."""

ENCODERS: Mapping[Format, Mapping[str, Any]] = MappingProxyType(
    {
        "jpeg": {"quality": 90, "subsampling": 0, "optimize": True},
        "png": {"compress_level": 6},
        "webp": {"quality": 90, "method": 4},
    }
)
# How Pillow words it when libwebp (VP8_ENC_ERROR_OUT_OF_MEMORY and ..._BITSTREAM_...) or a codec of its own has none.
_NO_MEMORY = ("encoding error 1", "encoding error 2", "encoder error -9 when writing image file")

_PIXELS_MISSING = "image file is truncated"


@dataclass(frozen=True, slots=True)
class Pixels:
    """Plain pixels: ``data`` is row by row, ``mode`` L, RGB or RGBA."""

    mode: str
    width: int
    height: int
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, image: Image.Image) -> "Pixels":
        """The pixels of a Pillow image in one of the plain modes."""
        return cls(image.mode, image.width, image.height, image.tobytes())

    def image(self) -> Image.Image:
        """The same as a Pillow image."""
        return Image.frombytes(self.mode, (self.width, self.height), self.data)


@dataclass(frozen=True, slots=True)
class Decoded:
    """``image`` is plain; it may be smaller than the picture, which is ``width`` x ``height`` pixels, upright. Of an
    animation it is a frame that stands for the rest."""

    image: Image.Image
    width: int
    height: int
    format: SourceFormat
    animated: bool = False


def decode(body: bytes, max_pixels: int) -> tuple[Image.Image, SourceFormat]:
    """The plain picture in ``body`` and what format it really has.

    Raises Refused: unsupported_format, not_an_image, too_many_pixels, truncated, corrupt. MemoryError passes through.
    """
    decoded = decode_small(body, max_pixels, side=None)
    return decoded.image, decoded.format


def decode_small(body: bytes, max_pixels: int, side: int | None) -> Decoded:
    """The same, at the smallest scale that its decoder gives for next to nothing (of a JPEG an eighth, a quarter, a
    half) and that leaves both sides at least ``side`` pixels, if they are that long. None, other formats and smaller
    pictures: as they are. All of the file is read at every scale, so that what is refused is the same.
    """
    decoded = _load(body, max_pixels, side)
    return replace(decoded, image=plain(decoded.image))


def decode_grey(body: bytes, max_pixels: int, side: int | None) -> Decoded:
    """The same in grey, without regard to transparency or a colour profile; of a JPEG no colour is even decoded."""
    decoded = _load(body, max_pixels, side, "L")
    return replace(decoded, image=decoded.image.convert("L"))


def encode(pixels: Pixels, image_format: Format) -> bytes:
    """``pixels`` in ``image_format`` with the fixed settings of ENCODERS: the same pixels give the same bytes.

    Raises MemoryError.
    """
    return encode_image(pixels.image(), image_format)


def encode_image(image: Image.Image, image_format: Format) -> bytes:
    """Encode a plain image in the same way. Whatever it knows of the file that it was read from it forgets.

    Raises MemoryError.
    """
    image.info = {}  # encoders write comments and profiles that they find here
    out = io.BytesIO()
    try:
        image.save(out, image_format, **ENCODERS[image_format])
    except (ValueError, OSError) as error:
        if str(error) in _NO_MEMORY:
            raise MemoryError(str(error)) from error
        raise
    return out.getvalue()


def _format(body: bytes) -> SourceFormat:
    found = picture_format(body)
    if found is not None:
        return found
    if (other := other_format(body)) is not None:
        raise Refused("unsupported_format", f"{other} is not supported; send JPEG, PNG, WebP, HEIC or AVIF")
    if (before := bytes_before(body)) is not None:
        count, name = before
        raise Refused("not_an_image", f"bytes stand before the image: the {name} begins at offset {count} of the file")
    raise Refused("not_an_image", "the bytes are no picture")


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise Refused("too_many_pixels", f"{size[0]} x {size[1]} pixels; at most {max_pixels} are decoded")


def _load(body: bytes, max_pixels: int, side: int | None, mode: str | None = None) -> Decoded:
    """The decoded, upright picture in its own mode. Only Pillow and the codecs run in here, on hostile bytes: they
    raise nearly every type of exception there is, so whatever comes out is the picture's fault."""
    image_format = _format(body)
    try:
        opened = Opened(body, image_format)
        _check_size(opened.size, max_pixels)
        if side is not None:
            opened.image.draft(mode, (side, side))
        image = opened.load()
    except (Refused, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("too_many_pixels", f"more pixels than the {max_pixels} that are decoded") from error
    except Exception as error:
        if is_cut_off(body, image_format) or str(error).startswith(_PIXELS_MISSING):
            raise Refused("truncated", "the end of the file is missing") from error
        what = "cannot be read" if isinstance(error, UnidentifiedImageError) else f"cannot be decoded: {error}"
        raise Refused("corrupt", f"the {image_format} {what}"[:200]) from error
    orientation = orientation_of(image.info.get("exif"))
    width, height = turned_size(opened.size, orientation)
    return Decoded(turned(image, orientation), width, height, image_format, opened.animated)
