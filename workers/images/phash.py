"""A perceptual hash: pictures that look alike have hashes that differ in few bits."""

import math
from collections.abc import Sequence
from operator import mul
from statistics import median

from PIL import Image

_SIDE = 32
_LOW = range(1, 9)
_COSINES = tuple(tuple(math.cos(math.pi * (2 * x + 1) * k / (2 * _SIDE)) for x in range(_SIDE)) for k in _LOW)


def phash(image: Image.Image) -> str:
    """The 64-bit DCT hash of an L, RGB or RGBA picture, as 16 hexadecimal digits.

    Source: C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1: the
    picture is reduced to 32 x 32 grey values and transformed by a two-dimensional DCT-II; of its coefficients the
    8 x 8 lowest without the first row and column are compared with their median, one bit each, row by row. A
    transparent picture is hashed as seen on white. Coefficients are rounded, so that a flat picture, whose
    coefficients are nothing but rounding noise, has the hash zero.
    """
    small = image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    grey = small.convert("L").tobytes()
    rows = [grey[start : start + _SIDE] for start in range(0, _SIDE * _SIDE, _SIDE)]
    across = [[_dot(row, cosine) for cosine in _COSINES] for row in rows]
    coefficients = [round(_dot(column, cosine), 3) for cosine in _COSINES for column in zip(*across, strict=True)]
    middle = median(coefficients)
    bits = "".join("1" if value > middle else "0" for value in coefficients)
    return f"{int(bits, 2):016x}"


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    total: float = sum(map(mul, left, right))
    return total
