"""Any mode and profile to plain pixels: L, RGB or RGBA with 8 bits a channel in sRGB. Runs in decoder processes."""

import io
from collections.abc import Mapping
from types import MappingProxyType

from PIL import Image, ImageCms

from workers.images.png_colour import profile_of_chunks

_PROFILE_SPACE: Mapping[str, str] = MappingProxyType({"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"})
_GREY = ("1", "L", "LA", "La")


def plain(image: Image.Image) -> Image.Image:
    """The picture as plain pixels. Alpha is kept as it is: only colours have a profile."""
    profile = image.info.get("icc_profile")
    chunks = None if profile else profile_of_chunks(image.info)  # only a PNG has any
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    alpha = None
    if image.has_transparency_data:
        grey = image.mode in _GREY
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.getchannel("R") if grey else image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode not in _PROFILE_SPACE:
        image = image.convert("RGB")
    image = _through_chunks(image, chunks) if chunks else _in_srgb(image, profile)
    if alpha is None:
        return image if image.mode in ("L", "RGB") else image.convert("RGB")
    image = image.convert("RGB")
    image.putalpha(alpha)
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits of grey as eight. A single transparent grey value of such a picture is dropped."""
    image.info.pop("transparency", None)
    return image.convert("I").point(lambda value: value / 257 + 0.5).convert("L")


def _through_chunks(image: Image.Image, profile: bytes) -> Image.Image:
    """The same for what gAMA and cHRM say, which holds for grey as well."""
    converted = _in_srgb(image.convert("RGB"), profile)
    return converted.convert("L") if image.mode == "L" else converted


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
