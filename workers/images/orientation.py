"""How a picture is to be turned, as browsers decide it: by the orientation in its EXIF data and by nothing else.

Pillow also obeys XMP and what ImageMagick writes as text, and gives up where a neighbouring tag cannot be read.
"""

import struct
from collections.abc import Mapping
from types import MappingProxyType

from PIL import Image

_TAG = 0x0112
_SHORT = 3
_ENTRY = 12
_ACROSS = (5, 6, 7, 8)
"""Orientations that exchange the sides of a picture."""
_TURN: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)


def orientation_of(exif: object) -> int:
    """The orientation, 1 to 8, in a block of EXIF data; 1 where it says nothing that can be understood."""
    if not isinstance(exif, bytes):
        return 1
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    last = min(start + 2 + count * _ENTRY, len(tiff) - _ENTRY + 1)
    for at in range(start + 2, last, _ENTRY):
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if (tag, kind, values) == (_TAG, _SHORT, 1):
            return value if value in _TURN else 1
    return 1


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The picture upright."""
    return image if orientation == 1 else image.transpose(_TURN[orientation])


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """The size of a picture of ``size`` once it is upright."""
    return size[::-1] if orientation in _ACROSS else size
