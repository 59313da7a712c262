"""A picture as a vision-language model sees it. ``read_picture`` runs in decoder processes."""

from PIL import Image, ImageOps

from workers.images.codecs import decode

MAX_SIDE = 672
"""Twice the side of LLaVA's vision tower; a tile of Llama 3.2's is 560. More detail than that is never looked at."""
MAX_ASPECT = 8
_WHITE = (255, 255, 255)


def read_picture(body: bytes, max_pixels: int) -> tuple[tuple[int, int], bytes]:
    """Width, height and RGB pixels of the picture in ``body``, fitted into MAX_SIDE x MAX_SIDE. Raises Refused."""
    image, _ = decode(body, max_pixels)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*_WHITE, 255)), image)
    plain = image.convert("RGB")
    return plain.size, plain.tobytes()


def rgb_image(data: bytes, width: int, height: int) -> Image.Image:
    """Pixels as a Pillow image, at most MAX_ASPECT times as long as wide: a thinner one gets white margins, because a
    processor that scales the short side up would make gigabytes of it."""
    image = Image.frombytes("RGB", (width, height), data)
    size = (max(width, -(-height // MAX_ASPECT)), max(height, -(-width // MAX_ASPECT)))
    return image if size == image.size else ImageOps.pad(image, size, color=_WHITE)
