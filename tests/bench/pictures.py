"""Photographs as large as a benchmark needs, as detailed as real ones: scikit-image's side by side, none enlarged."""

import io
import random
from functools import cache
from itertools import cycle

from PIL import Image, ImageOps

from tests.kit.worker import PHOTOS

_NAMES = ("astronaut.png", "coffee.png", "rocket.jpg", "chelsea.png")
_TILE = 300
"""Pixels. Every photograph has that many both ways."""


def photograph(width: int, height: int, seed: int = 0) -> Image.Image:
    """Another arrangement for every ``seed``."""
    made = random.Random(seed)
    whole = Image.new("RGB", (width, height))
    for name, (left, top) in zip(cycle(_NAMES), _corners(width, height), strict=False):
        source = _opened(name)
        x, y = made.randint(0, source.width - _TILE), made.randint(0, source.height - _TILE)
        part = source.crop((x, y, x + _TILE, y + _TILE))
        whole.paste(ImageOps.mirror(part) if made.random() < 0.5 else part, (left, top))
    return whole


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    """``image`` as cameras and web pages have it: colours at half the resolution."""
    out = io.BytesIO()
    image.save(out, "jpeg", quality=quality, subsampling=2)
    return out.getvalue()


def _corners(width: int, height: int) -> list[tuple[int, int]]:
    return [(left, top) for top in range(0, height, _TILE) for left in range(0, width, _TILE)]


@cache
def _opened(name: str) -> Image.Image:
    with Image.open(PHOTOS / name) as image:
        return image.convert("RGB")
