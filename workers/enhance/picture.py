"""What every enhance model does around its network: read the picture, plan, encode. Runs in decoder processes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from PIL import __version__ as pillow_version
from PIL import features

from workers.enhance.plan import ANIMATED, LONG_SIDE, MAX_SCALE, SHORT_SIDE, Enlarge, Skip, plan_enhancement
from workers.images.codecs import ENCODERS, Format, Pixels, SourceFormat, decode, encode, encode_image
from workers.images.content import in_detail, read_content
from workers.images.heif import heif_version
from workers.wire import ContentReply, EnhanceRequest, ImageType

_CODECS = ("libjpeg_turbo", "zlib", "webp", "avif", "littlecms2")


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """What a picture is, what is to be done with it, and the mode of its plain pixels."""

    content: ContentReply
    plan: Skip | Enlarge
    mode: str


@dataclass(frozen=True, slots=True)
class Enlargement:
    """One item of a batch: pixels, the size they are to have, and what kind of picture the caller says it is."""

    pixels: Pixels
    width: int
    height: int
    image_type: ImageType = "general"


@dataclass(frozen=True, slots=True)
class Enlarged:
    """The larger pixels, the name of what made them, and the digest of everything that decides the bytes."""

    pixels: Pixels
    model: str
    recipe: str


@dataclass(frozen=True, slots=True)
class Harmful:
    """A result that would have been worse than its source; ``reason`` is a stable code. The original stays."""

    reason: str


def read_picture(body: bytes, request: EnhanceRequest, max_pixels: int) -> tuple[ReadPicture, bytes]:
    """What ``body`` is and its plain pixels; no pixels when nothing will be done with them. Raises Refused."""
    glance, content = read_content(body, max_pixels)
    plan = planned(content, force=request.force)
    if isinstance(plan, Skip):
        return ReadPicture(content, plan, glance.mode), b""
    image = in_detail(glance, content, body, side=None)
    return ReadPicture(content, plan, image.mode), image.tobytes()


def planned(content: ContentReply, *, force: bool) -> Skip | Enlarge:
    """What to do with the picture. A still of an animation would be less than the animation, so it is left alone, also
    with ``force``."""
    return Skip(ANIMATED) if content.animated else plan_enhancement(content.width, content.height, force=force)


def written_as(source: SourceFormat, mode: str, modern: Format) -> Format:
    """The format of a result: that of its source, or ``modern`` where nothing is written as the source is. What is
    transparent is then no JPEG."""
    if source == "heif" or source == "avif":
        return "webp" if mode == "RGBA" else modern
    return source


def encode_picture(data: bytes, mode: str, width: int, height: int, image_format: Format) -> tuple[None, bytes]:
    """Plain pixels as a file of ``image_format``."""
    return None, encode(Pixels(mode, width, height, data), image_format)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a display rendition is."""

    width: int
    height: int
    format: Format


def render_picture(body: bytes, max_pixels: int, modern: Format) -> tuple[Rendered, bytes]:
    """Make the display rendition of ``body``: all of its pixels, upright and in sRGB, and nothing else of the file.

    Raises Refused.
    """
    image, source = decode(body, max_pixels)
    image_format = written_as(source, image.mode, modern)
    return Rendered(image.width, image.height, image_format), encode_image(image, image_format)


@cache
def rendition_recipe() -> str:
    """Return the recipe of all display renditions."""
    return recipe_digest("rendition", "none", {})


def recipe_digest(name: str, weights: str, parameters: Mapping[str, object]) -> str:
    """Sixteen hexadecimal digits for everything that decides the bytes of a result, other than the source.

    The codecs' versions belong to it: another release of one may write other bytes for the same pixels.
    """
    recipe = {
        "model": name,
        "weights": weights,
        "parameters": dict(parameters),
        "box": [LONG_SIDE, SHORT_SIDE, MAX_SCALE],
        "encoders": {image_format: dict(settings) for image_format, settings in ENCODERS.items()},
        "pillow": pillow_version,
        "codecs": {library: features.version(library) for library in _CODECS},
        "heif": heif_version(),
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
