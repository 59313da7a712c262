"""The same pictures a little different each time, so that a model does not learn them by heart."""

import random

import numpy as np
from numpy.typing import NDArray

SHIFT_PX = 4
"""Less than would put a thing into another patch than its grid says."""
GAIN = 0.12
_MIRRORED_SHARE = 0.5


def varied(
    pictures: NDArray[np.uint8], grids: NDArray[np.int64], rng: random.Random
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Half of them mirrored, each moved by up to SHIFT_PX, its three colours up to GAIN stronger or weaker."""
    patches = round(grids.shape[1] ** 0.5)
    squares = grids.reshape(-1, patches, patches)
    mirrored = [rng.random() < _MIRRORED_SHARE for _ in pictures]
    gains = [np.array([rng.uniform(1 - GAIN, 1 + GAIN) for _ in range(3)], np.float32) for _ in pictures]
    turned = (one[:, ::-1] if yes else one for one, yes in zip(pictures, mirrored, strict=True))
    seen = [np.clip(moved(one, rng) * gain, 0, 255).astype(np.uint8) for one, gain in zip(turned, gains, strict=True)]
    named = [one[:, ::-1].ravel() if yes else one.ravel() for one, yes in zip(squares, mirrored, strict=True)]
    return np.stack(seen), np.stack(named)


def moved(picture: NDArray[np.uint8], rng: random.Random) -> NDArray[np.uint8]:
    """Up to SHIFT_PX in either direction; what comes in at an edge is what was there."""
    height, width = picture.shape[:2]
    down, across = rng.randint(0, 2 * SHIFT_PX), rng.randint(0, 2 * SHIFT_PX)
    framed = np.pad(picture, ((SHIFT_PX, SHIFT_PX), (SHIFT_PX, SHIFT_PX), (0, 0)), mode="edge")
    return framed[down : down + height, across : across + width]
