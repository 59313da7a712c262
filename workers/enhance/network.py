"""What a super-resolution network is to everything around it, whichever library runs it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
"""sRGB from 0 to 255: one picture as (height, width, 3), or equal-sized ones as (count, height, width, 3)."""


class NotFinite(Exception):
    """The network gave numbers that are not numbers, or infinite ones."""


class Network(Protocol):
    """One set of weights in one precision; always enlarges ``scale`` times.

    Pixels further apart than ``halo`` (of the source) do not influence each other by a grey level, and both sides of
    what ``run`` takes are multiples of ``multiple`` and at least ``minimum``. One run takes at most ``batch`` windows
    of ``tile_pixels`` source pixels. ``precise`` is the same network in float32, None for one that is in it already.
    """

    name: str
    weights: str
    runtime: str
    scale: int
    halo: int
    multiple: int
    minimum: int
    tile_pixels: int
    batch: int

    @property
    def precise(self) -> "Network | None":
        """The same weights in float32; None when this is that."""

    def run(self, windows: Bytes) -> Bytes:
        """(count, height, width, 3) to (count, height * scale, width * scale, 3).

        Raises NotFinite; MemoryError when the device has none left.
        """
