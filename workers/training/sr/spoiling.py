"""Ways in which an enlarged picture may come out wrong, done on purpose. Chance comes from the given generator."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from workers.training.sr.degradations import Picture

Spoil = Callable[[Picture, Generator], Picture]
_LEVELS = 10


def smeared(picture: Picture, generator: Generator, share: float = 0.25, sigma: float = 8.0) -> Picture:
    """A part, ``share`` of each side, is blurred beyond recognition."""
    spoilt = picture.copy()
    part = _part(spoilt, generator, share)
    part[:] = np.asarray(Image.fromarray(part).filter(ImageFilter.GaussianBlur(sigma)))
    return spoilt


def mirrored(picture: Picture, generator: Generator) -> Picture:
    """A part is the wrong way round: every mean stays what it was."""
    spoilt = picture.copy()
    part = _part(spoilt, generator, 0.3)
    part[:] = part[:, ::-1].copy()
    return spoilt


def exchanged(picture: Picture, generator: Generator) -> Picture:
    """Two parts have each other's place, as stale tiles have."""
    spoilt, half = picture.copy(), picture.shape[1] // 2
    state = generator.bit_generator.state
    left = _part(spoilt[:, :half], generator, 0.4)
    generator.bit_generator.state = state
    right = _part(spoilt[:, half : 2 * half], generator, 0.4)
    left[:], right[:] = right.copy(), left.copy()
    return spoilt


def wavy(picture: Picture, _generator: Generator) -> Picture:
    """Every line runs in waves."""
    rows, columns = np.indices(picture.shape[:2])
    moved = np.clip(columns + 6 * np.sin(rows / 9), 0, picture.shape[1] - 1).astype(int)
    return np.ascontiguousarray(picture[rows, moved])


def checkered(picture: Picture, _generator: Generator) -> Picture:
    """Every second pixel is lighter."""
    rows, columns = np.indices(picture.shape[:2])
    signs = np.where((rows + columns) % 2, _LEVELS, -_LEVELS)
    return _bytes(picture.astype(int) + signs[..., np.newaxis])


def grainy(picture: Picture, generator: Generator) -> Picture:
    """Fine texture is made up everywhere."""
    return _bytes(picture + generator.normal(0, 22, (*picture.shape[:2], 1)))


SPOILT: Mapping[str, Spoil] = MappingProxyType(
    {
        "a quarter smeared": smeared,
        "half smeared": lambda picture, generator: smeared(picture, generator, 0.5, 10.0),
        "a part mirrored": mirrored,
        "parts exchanged": exchanged,
        "wavy": wavy,
        "checkered": checkered,
        "grain made up": grainy,
    }
)


def _part(picture: Picture, generator: Generator, share: float) -> Picture:
    """A view of some part of ``picture``."""
    height, width = (int(side * share) for side in picture.shape[:2])
    top, left = (
        int(generator.integers(most - side)) for most, side in zip(picture.shape, (height, width), strict=False)
    )
    return picture[top : top + height, left : left + width]


def _bytes(values: NDArray[Any]) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
