"""What the pixels of a picture say by themselves. Pixels are height x width x RGB, 0 to 255."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

_COLOURS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "black": (0, 0, 0),
        "white": (255, 255, 255),
        "grey": (128, 128, 128),
        "red": (200, 30, 30),
        "green": (40, 140, 50),
        "blue": (40, 80, 190),
        "yellow": (240, 220, 60),
        "orange": (240, 140, 40),
        "brown": (120, 75, 40),
        "pink": (240, 160, 190),
        "purple": (120, 50, 150),
    }
)
_SLIGHTLY_COLOURFUL, _MODERATELY_COLOURFUL, _EXTREMELY_COLOURFUL = 15.0, 33.0, 109.0
_USUAL_SHARPNESS = 100.0


def pixel_tags(pixels: Pixels, width: int, height: int) -> tuple[tuple[str, float], ...]:
    """Tags by falling score, equal ones by name: lightness, colourfulness, the colour most pixels are nearest to (its
    score is their share), and the orientation of the ``width`` x ``height`` original."""
    light = float(_luma(pixels).mean()) / 255
    colourful = colourfulness(pixels)
    colour, share = _dominant(pixels)
    orientation = "square" if width == height else "landscape" if width > height else "portrait"
    tags = {
        "dark": 1 - light if light < 1 / 3 else 0.0,
        "bright": light if light > 2 / 3 else 0.0,
        "colourful": min(1.0, colourful / _EXTREMELY_COLOURFUL) if colourful > _MODERATELY_COLOURFUL else 0.0,
        "grey": max(0.0, 1 - colourful / _SLIGHTLY_COLOURFUL),
        orientation: 1.0,
    }
    tags[colour] = max(share, tags.get(colour, 0.0))
    scored = ((name, round(score, 4)) for name, score in tags.items())
    return tuple(sorted(((n, s) for n, s in scored if s > 0), key=lambda tag: (-tag[1], tag[0])))


def colourfulness(pixels: Pixels) -> float:
    """0 for grey, about 109 for "extremely colourful".

    Source: D. Hasler and S. Süsstrunk, "Measuring colourfulness in natural images" (2003), equations 3 and table 2.
    """
    red, green, blue = np.moveaxis(pixels.astype(np.float64), 2, 0)
    one, other = red - green, (red + green) / 2 - blue
    return float(np.hypot(one.std(), other.std()) + 0.3 * np.hypot(one.mean(), other.mean()))


def sharpness(pixels: Pixels) -> float:
    """0 to 1, one half where a picture is usually called blurred.

    Source: J. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study" (2000): the
    variance of the Laplacian of the grey picture, here brought to 0..1 by v / (v + 100).
    """
    grey = _luma(pixels)
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    variance = float(laplacian.var())
    return variance / (variance + _USUAL_SHARPNESS)


def exposure(pixels: Pixels) -> float:
    """1 for a mean lightness in the middle, falling to 0 for black and for white."""
    light = float(_luma(pixels).mean()) / 255
    return 4 * light * (1 - light)


def _luma(pixels: Pixels) -> NDArray[np.float64]:
    """Grey values by ITU-R BT.601."""
    return np.asarray(pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def _dominant(pixels: Pixels) -> tuple[str, float]:
    """The colour that most pixels are nearest to, and their share. Every fourth pixel is enough to know."""
    some = pixels[::2, ::2].reshape(-1, 1, 3)
    nearest = ((some - np.array(list(_COLOURS.values()), np.float32)) ** 2).sum(axis=2).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(_COLOURS))
    return list(_COLOURS)[int(counts.argmax())], float(counts.max()) / len(some)
