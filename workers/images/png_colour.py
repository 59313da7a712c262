"""What gAMA and cHRM of a PNG say of its colours, as an ICC profile. Pure functions.

Browsers heed them where a PNG has neither a profile nor the chunk sRGB (PNG specification, third edition, section 4.3).
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_D65 = (0.3127, 0.3290)
_D50 = (0.9642, 1.0, 0.8249)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_USUAL_GAMMA = 1 / 2.2
_SAME_WITHIN = 0.05
"""The share by which libpng lets a gamma differ before it calls it another. Most files say 0.45455 and mean sRGB."""
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
"""Source: ICC specification, annex E."""

_Row = Sequence[float]
_Matrix = Sequence[_Row]


def profile_of_chunks(info: Mapping[Any, Any]) -> bytes | None:
    """The profile that Pillow's ``info`` of a PNG amounts to; None when that is sRGB or nothing is said."""
    gamma, points = info.get("gamma"), info.get("chromaticity")
    if "srgb" in info:
        return None
    own = isinstance(gamma, float) and _is_unusual(gamma)
    columns = _columns(points) if isinstance(points, tuple) else None
    if not own and columns is None:
        return None
    curve = _parametric(0, (1 / float(gamma or 1),)) if own else _parametric(3, _SRGB_CURVE)
    return _profile(columns or _adapted(_D65, _SRGB_PRIMARIES), curve)


def _is_unusual(gamma: float) -> bool:
    """Whether it is a gamma that can be meant, and another one than sRGB's."""
    return 0.01 < gamma < 10 and not math.isclose(gamma, _USUAL_GAMMA, rel_tol=_SAME_WITHIN)


def _columns(points: Sequence[float]) -> _Matrix | None:
    """The colorants of cHRM; None for sRGB's own and for ones that span no space."""
    white, primaries = (points[0], points[1]), tuple(points[2:8])
    if all(abs(a - b) < 0.002 for a, b in zip((*white, *primaries), (*_D65, *_SRGB_PRIMARIES), strict=True)):
        return None
    try:
        return _adapted(white, primaries)
    except ZeroDivisionError:
        return None


def _adapted(white: tuple[float, float], primaries: Sequence[float]) -> _Matrix:
    """The XYZ of red, green and blue as seen under D50, one row each."""
    xyz = [_xyz(primaries[at], primaries[at + 1]) for at in (0, 2, 4)]
    seen = _xyz(*white)
    shares = _solved(xyz, seen)
    scaled = [[share * value for value in row] for share, row in zip(shares, xyz, strict=True)]
    gains = [to / of for to, of in zip(_times(_BRADFORD, _D50), _times(_BRADFORD, seen), strict=True)]
    cones = [[gain * value for gain, value in zip(gains, _times(_BRADFORD, row), strict=True)] for row in scaled]
    transposed = list(zip(*_BRADFORD, strict=True))
    return [_solved(transposed, row) for row in cones]


def _xyz(x: float, y: float) -> tuple[float, float, float]:
    return x / y, 1.0, (1 - x - y) / y


def _times(matrix: _Matrix, vector: _Row) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _solved(rows: _Matrix, wanted: _Row) -> tuple[float, ...]:
    """The shares of three ``rows`` whose sum is ``wanted``, by Cramer's rule. Raises ZeroDivisionError."""
    whole = _determinant(rows)
    return tuple(_determinant([wanted if at == i else row for at, row in enumerate(rows)]) / whole for i in range(3))


def _determinant(rows: _Matrix) -> float:
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _profile(columns: _Matrix, curve: bytes) -> bytes:
    """A display profile of three colorants and one curve (ICC.1:2022, section 8.4.3)."""
    tags = {b"wtpt": _xyz_number(_D50)}
    for name, column in zip((b"r", b"g", b"b"), columns, strict=True):
        tags[name + b"XYZ"] = _xyz_number(column)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    body = struct.pack(">I", len(tags)) + table + data
    head = struct.pack(">I4xI4s4s4s12x4s28x", 128 + len(body), 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return head + _fixed(_D50) + bytes(128 - len(head) - 12) + body


def _xyz_number(values: _Row) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _parametric(kind: int, values: _Row) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + _fixed(values)


def _fixed(values: _Row) -> bytes:
    """Numbers as s15Fixed16."""
    return b"".join(struct.pack(">i", max(-(2**31), min(2**31 - 1, round(value * 65_536)))) for value in values)
