"""Encoded bytes to plain pixels and back. Runs in decoder processes only.

Plain pixels are 8 bits a channel in sRGB, upright, as L, RGB or RGBA: EXIF orientation is applied, an ICC profile is
converted, CMYK, palette, 1-bit and 16-bit pictures are turned into these. Alpha is kept. Of an animation only the
first frame is taken. No metadata survives.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from workers.errors import Refused
from workers.sniffing import is_cut_off, other_format, picture_format

Format = Literal["jpeg", "png", "webp"]

ENCODERS: Mapping[Format, Mapping[str, Any]] = MappingProxyType(
    {
        "jpeg": {"quality": 90, "subsampling": 0, "optimize": True},
        "png": {"compress_level": 6},
        "webp": {"quality": 90, "method": 4},
    }
)
# How Pillow words it when libwebp (VP8_ENC_ERROR_OUT_OF_MEMORY and ..._BITSTREAM_...) or a codec of its own has none.
_NO_MEMORY = ("encoding error 1", "encoding error 2", "encoder error -9 when writing image file")
_ACROSS = (5, 6, 7, 8)
"""EXIF orientations that exchange the sides of a picture."""
_PROFILE_SPACE = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


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
    """``image`` is plain; it may be smaller than the picture, which is ``width`` x ``height`` pixels, upright."""

    image: Image.Image
    width: int
    height: int
    format: Format


def decode(body: bytes, max_pixels: int) -> tuple[Image.Image, Format]:
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
    found = _format(body)
    image, (width, height) = _load(body, found, max_pixels, side)
    return Decoded(_plain(image), width, height, found)


def decode_grey(body: bytes, max_pixels: int, side: int | None) -> Decoded:
    """The same in grey, without regard to transparency or a colour profile; of a JPEG no colour is even decoded."""
    found = _format(body)
    image, (width, height) = _load(body, found, max_pixels, side, "L")
    return Decoded(image.convert("L"), width, height, found)


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


def _format(body: bytes) -> Format:
    found = picture_format(body)
    if found is None:
        if (other := other_format(body)) is None:
            raise Refused("not_an_image", "the bytes are no picture")
        raise Refused("unsupported_format", f"{other} is not supported; send JPEG, PNG or WebP")
    return found


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise Refused("too_many_pixels", f"{size[0]} x {size[1]} pixels; at most {max_pixels} are decoded")


def _load(
    body: bytes, image_format: Format, max_pixels: int, side: int | None, mode: str | None = None
) -> tuple[Image.Image, tuple[int, int]]:
    """The decoded, upright picture in its own mode, and its size in full. Only Pillow and the codecs run in here, on
    hostile bytes: they raise nearly every type of exception there is, so whatever comes out is the picture's fault."""
    try:
        image = Image.open(io.BytesIO(body), formats=(image_format,))
        size = image.size
        _check_size(size, max_pixels)
        if side is not None:
            image.draft(mode, (side, side))
        # Fed in parts, the decoder of JPEG begins the row that it broke off in anew each time.
        image.decodermaxblock = max(len(body), image.decodermaxblock)
        image.load()
    except (Refused, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("too_many_pixels", f"more pixels than the {max_pixels} that are decoded") from error
    except Exception as error:
        if is_cut_off(body, image_format):
            raise Refused("truncated", "the end of the file is missing") from error
        what = "cannot be read" if isinstance(error, UnidentifiedImageError) else f"cannot be decoded: {error}"
        raise Refused("corrupt", f"the {image_format} {what}"[:200]) from error
    return _upright(image, size)


def _upright(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, tuple[int, int]]:
    """The picture, and its size in full, turned as its EXIF data says. EXIF data that cannot be read says nothing."""
    try:
        across = image.getexif().get(ExifTags.Base.Orientation) in _ACROSS
        return ImageOps.exif_transpose(image), size[::-1] if across else size
    except MemoryError:
        raise
    except Exception:
        return image, size


def _plain(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = _in_srgb(image.convert("RGB"), profile)
        image.putalpha(alpha)
        return image
    if image.mode == "1":
        image = image.convert("L")
    if image.mode not in _PROFILE_SPACE:
        image = image.convert("RGB")
    image = _in_srgb(image, profile)
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits of grey as eight. A single transparent grey value of such a picture is dropped."""
    image.info.pop("transparency", None)
    return image.convert("I").point(lambda value: value / 257 + 0.5).convert("L")


def _in_srgb(image: Image.Image, profile: object) -> Image.Image:
    """``image`` (L, RGB, CMYK) converted from its ICC profile to sRGB.

    A profile that cannot be read, or is one for another kind of picture, says nothing: the picture is taken as sRGB,
    as browsers do.
    """
    if not isinstance(profile, bytes):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _PROFILE_SPACE[image.mode]:
            return image
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if converted is None:
        return image
    return converted.convert("L") if image.mode == "L" else converted
