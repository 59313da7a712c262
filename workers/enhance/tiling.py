"""A picture through a network in windows, so that memory is bounded by the window and not by the picture.

All windows of a picture are of one size and overlap by twice the halo. Each window gives the middle of its result, the
part that its own inner edges cannot have influenced; at the picture's edges a window sees what the whole picture
would see there. Thus the parts fit as if there had been no windows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise, product

import numpy as np

from workers.enhance.network import Bytes, Network

FLOOR_SIDE = 64
"""When memory runs out, windows shrink until they would give less than this many pixels a side."""
_MOST_WINDOWS = 256
"""Along one side. More is never wanted: a side has at most a few thousand pixels."""


@dataclass(frozen=True, slots=True)
class Span:
    """Along one side: a window from ``start`` to ``stop``, of which ``first`` to ``last`` is kept."""

    start: int
    stop: int
    first: int
    last: int


def upscale(network: Network, picture: Bytes) -> Bytes:
    """``picture`` (height, width, 3) enlarged ``network.scale`` times.

    Out of memory, all of it is begun again, first window by window and then with windows of half the sides.
    Raises NotFinite; MemoryError when the smallest windows do not fit either.
    """
    height, width = picture.shape[:2]
    padded = _padded(picture, network.multiple, network.minimum)
    limit, batch = min(network.tile_pixels, padded.shape[0] * padded.shape[1]), network.batch
    floor = (FLOOR_SIDE + 2 * network.halo) ** 2
    while True:
        try:
            result = _in_windows(network, padded, limit, batch)
        except MemoryError:
            if batch == 1 and limit <= floor:
                raise
            limit, batch = (limit, 1) if batch > 1 else (max(limit // 4, floor), 1)
        else:
            return result[: height * network.scale, : width * network.scale]


def grid(width: int, height: int, halo: int, multiple: int, limit: int) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Columns and rows of windows of at most ``limit`` pixels: the arrangement with the fewest pixels in all.

    Sides are multiples of ``multiple``. When nothing fits into ``limit``, the smallest windows there are.
    """
    candidates = [
        (columns, rows)
        for columns in _splits(width, halo, multiple)
        if (rows := _fitting(_splits(height, halo, multiple), limit // _length(columns)))
    ]
    if not candidates:
        return min(_splits(width, halo, multiple), key=_length), min(_splits(height, halo, multiple), key=_length)
    return min(candidates, key=lambda pair: len(pair[0]) * _length(pair[0]) * len(pair[1]) * _length(pair[1]))


def spans(length: int, count: int, halo: int, multiple: int) -> tuple[Span, ...]:
    """``count`` windows of one size over ``length`` pixels, neighbours overlapping by at least two halos.

    Everything is counted in units of ``multiple`` pixels, so that every window begins and ends at one.
    """
    units, overlap = length // multiple, 2 * -(-halo // multiple)
    size = min(-(-(units + (count - 1) * overlap) // count), units)
    starts = [index * (units - size) // (count - 1) for index in range(count)] if count > 1 else [0]
    cuts = [0, *((left + size + right) // 2 for left, right in pairwise(starts)), units]
    return tuple(
        Span(start * multiple, (start + size) * multiple, first * multiple, last * multiple)
        for start, first, last in zip(starts, cuts[:-1], cuts[1:], strict=True)
    )


def _splits(length: int, halo: int, multiple: int) -> Iterator[tuple[Span, ...]]:
    """Ever smaller windows, as long as one more makes them smaller."""
    smallest = length + 1
    for count in range(1, _MOST_WINDOWS + 1):
        split = spans(length, count, halo, multiple)
        if _length(split) >= smallest:
            return
        smallest = _length(split)
        yield split


def _fitting(splits: Iterator[tuple[Span, ...]], longest: int) -> tuple[Span, ...] | None:
    return next((split for split in splits if _length(split) <= longest), None)


def _length(split: tuple[Span, ...]) -> int:
    return split[0].stop - split[0].start


def _padded(picture: Bytes, multiple: int, minimum: int) -> Bytes:
    """``picture`` with its last row and column repeated until both sides are what the network takes."""
    height, width = (-(-max(side, minimum) // multiple) * multiple for side in picture.shape[:2])
    wanted = ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0))
    return np.pad(picture, wanted, mode="edge") if (height, width) != picture.shape[:2] else picture


def _in_windows(network: Network, picture: Bytes, limit: int, batch: int) -> Bytes:
    height, width = picture.shape[:2]
    columns, rows = grid(width, height, network.halo, network.multiple, limit)
    scale = network.scale
    result = np.empty((height * scale, width * scale, 3), np.uint8)
    windows = product(rows, columns)
    while group := list(islice(windows, batch)):
        parts = network.run(
            np.stack([picture[row.start : row.stop, column.start : column.stop] for row, column in group])
        )
        for (row, column), part in zip(group, parts, strict=True):
            inner = part[
                (row.first - row.start) * scale : (row.last - row.start) * scale,
                (column.first - column.start) * scale : (column.last - column.start) * scale,
            ]
            result[row.first * scale : row.last * scale, column.first * scale : column.last * scale] = inner
    return result
