"""Reduced precision, taken at its word only when the result is one that the picture can have."""

import numpy as np

from workers.enhance.network import Bytes, Network, NotFinite
from workers.enhance.tiling import upscale

BLACK_BELOW = 2.0
"""Grey levels. A mean below it is an all black picture; one whose source is darker still is left as it is."""
MORE_CLIPPED = 0.20
"""Share of the values. Enlarging sharpens, and clips a few per cent more of a photograph's values at 0 or 255; a sum
that overflowed float16 turns whole areas into one or the other."""


def upscale_checked(network: Network, picture: Bytes) -> Bytes:
    """``picture`` enlarged by ``network``; all of it once more in float32 when the result cannot be right.

    What is wrong in float32 too is for the gate to find. Raises NotFinite and MemoryError.
    """
    try:
        result = upscale(network, picture)
    except NotFinite:
        if network.precise is None:
            raise
    else:
        if network.precise is None or is_plausible(picture, result):
            return result
    return upscale(network.precise, picture)


def is_plausible(source: Bytes, result: Bytes) -> bool:
    """Whether ``result`` is neither black nor clipped where ``source`` is not."""
    if result.mean() < BLACK_BELOW <= source.mean():
        return False
    return bool(_clipped(result) - _clipped(source) <= MORE_CLIPPED)


def _clipped(values: Bytes) -> float:
    return float(np.mean((values == 0) | (values == 255)))
