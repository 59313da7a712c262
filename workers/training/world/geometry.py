"""Plane geometry of perspective."""

from collections.abc import Sequence

import numpy as np

Point = tuple[float, float]


def perspective(target: Sequence[Point], source: Sequence[Point]) -> tuple[float, ...]:
    """The eight coefficients that Pillow's PERSPECTIVE transform takes to map ``source`` corners onto ``target``."""
    rows, values = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(np.linalg.solve(np.array(rows, np.float64), np.array(values, np.float64)).tolist())
