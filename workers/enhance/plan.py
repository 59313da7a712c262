"""How much larger a picture has to become. Pure functions over pixel sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

LONG_SIDE = 1280
SHORT_SIDE = 720
MAX_SCALE = 4

AT_TARGET = "at_target"
ANIMATED = "animated"


@dataclass(frozen=True, slots=True)
class Skip:
    """No larger picture is needed; ``reason`` is a stable code."""

    reason: str


@dataclass(frozen=True, slots=True)
class Enlarge:
    """The picture becomes ``width`` x ``height`` pixels, ``scale`` times the original."""

    width: int
    height: int
    scale: float


def target_box(width: int, height: int) -> tuple[int, int]:
    """The box a picture is to fill: 1280 x 720 for landscape and square pictures, 720 x 1280 for portraits."""
    return (LONG_SIDE, SHORT_SIDE) if width >= height else (SHORT_SIDE, LONG_SIDE)


def plan_enhancement(width: int, height: int, *, force: bool = False) -> Skip | Enlarge:
    """What to do with a picture of ``width`` x ``height`` pixels, after EXIF orientation.

    The limiting dimension is the one that reaches its side of the box first. The picture grows until it does, so that
    neither side leaves the box, and at most MAX_SCALE times. One that is there already, or beyond, is skipped; with
    ``force`` it keeps its size and is only encoded anew. The other side is rounded to the nearest pixel.
    """
    box_width, box_height = target_box(width, height)
    needed = min(Fraction(box_width, width), Fraction(box_height, height))
    if needed <= 1:
        return Enlarge(width, height, 1.0) if force else Skip(AT_TARGET)
    scale = min(needed, Fraction(MAX_SCALE))
    return Enlarge(_nearest(width * scale), _nearest(height * scale), round(float(scale), 6))


def cheapest_factor(needed: float, available: Sequence[int]) -> int:
    """The smallest of a network's fixed factors that reaches ``needed``, else its largest.

    The result is resized to the exact size afterwards. Raises ValueError when ``available`` is empty.
    """
    if not available:
        raise ValueError("a network has at least one factor")
    return min((factor for factor in available if factor >= needed), default=max(available))


def _nearest(length: Fraction) -> int:
    """Half a pixel and more counts as one; the picture is never less than it was."""
    return int(length + Fraction(1, 2))
