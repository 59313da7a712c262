"""What a picture is, said the same way by every worker that reads one. Runs in decoder processes."""

from PIL import Image

from workers.imaging import decode
from workers.phash import phash
from workers.wire import ContentReply


def read_content(body: bytes, max_pixels: int) -> tuple[Image.Image, ContentReply]:
    """The plain picture in ``body`` and what it is. Raises Refused.

    Every original is decoded in full: a JPEG that is scaled down by its decoder is faster to read, but its hash
    differs from that of the full picture in a few bits, and two workers must say the same of one picture.
    """
    image, image_format = decode(body, max_pixels)
    content = ContentReply(phash=phash(image), width=image.width, height=image.height, format=image_format)
    return image, content
