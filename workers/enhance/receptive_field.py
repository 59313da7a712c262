"""How far a network sees: measured, for networks that do not say."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FURTHEST = 64
"""Source pixels. A network that sees further is taken to see this far."""
UNCUT = 1 << 20
"""The halo of a network that has to see the whole picture."""
_WINDOW_PIXELS = 1 << 16


def window_pixels(halo: int) -> int:
    """A window for the CPU: its layers stay in the caches and are not fetched anew from the system each time, which
    gains what the overlap costs as long as the halo is an eighth of the window's side or less."""
    return max(_WINDOW_PIXELS, (8 * halo) ** 2)


def measure_receptive_field(forward: Callable[[Floats], Floats]) -> tuple[int, int]:
    """Scale and halo (in source pixels) of ``forward``, which takes and gives NCHW from 0 to 1.

    The middle pixel of a picture of noise is inverted; the halo is the distance of the furthest pixel of the result
    that changes at all: behind a window's edge are many pixels, and their little adds up. Raises ValueError for a
    result that is not RGB enlarged by one whole number.
    """
    side = 2 * FURTHEST + 2  # even, as some networks want it
    noise = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    changed = noise.copy()
    changed[:, :, FURTHEST, FURTHEST] = 1 - changed[:, :, FURTHEST, FURTHEST]
    before, after = forward(noise), forward(changed)
    scale = before.shape[-1] // side
    if scale < 1 or before.shape != (1, 3, side * scale, side * scale):
        raise ValueError(f"the network turns {noise.shape} into {before.shape}, which is no RGB picture enlarged")
    _, _, rows, columns = np.nonzero(after != before)
    if not rows.size:
        return scale, 1
    distance = np.abs(np.concatenate([rows, columns]) // scale - FURTHEST)
    return scale, min(int(distance.max()), FURTHEST)
