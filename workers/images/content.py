"""What a picture is, said the same way by every worker that reads one. Runs in decoder processes."""

from PIL import Image

from workers.images.codecs import decode_small
from workers.images.phash import phash
from workers.wire import ContentReply

GLANCE_SIDE = 224
"""Pixels. What the hash is computed from is at least this large, where the picture is: far more than its 32, and what
most models look at, so that a JPEG need not be decoded twice for both."""


def read_content(body: bytes, max_pixels: int) -> tuple[Image.Image, ContentReply]:
    """A plain picture of what is in ``body``, and what it is. Raises Refused.

    The size is that of the whole picture. The picture that is returned, and hashed, is a glance at it: a JPEG is read
    at the smallest scale of its decoder that suffices, at a third of the time. Its hash differs from that of the full
    picture in two bits of 64 at most (56 photographs; in 40 of them in none). It depends on the bytes alone: whatever
    else a worker needs of the picture, it says the same as any other.
    """
    glance = decode_small(body, max_pixels, GLANCE_SIDE)
    content = ContentReply(
        phash=phash(glance.image),
        width=glance.width,
        height=glance.height,
        format=glance.format,
        animated=glance.animated,
    )
    return glance.image, content


def in_detail(glance: Image.Image, content: ContentReply, body: bytes, side: int | None) -> Image.Image:
    """The picture that ``glance`` was read of, with at least ``side`` pixels along both sides as far as it has them;
    None: all of it. It is decoded anew only where the glance is less than that."""
    width, height = content.width, content.height
    wanted = (width, height) if side is None else (min(side, width), min(side, height))
    if glance.width >= wanted[0] and glance.height >= wanted[1]:
        return glance
    return decode_small(body, width * height, side).image
