"""Batch size against latency as small multiples: a column per worker, a batch's time above, that of one item below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_WIDE, _HIGH, _GAP, _LEFT, _TOP = 230, 150, 78, 116, 96
_INK, _SOFT, _GRID, _LINE = "#1f2933", "#52606d", "#e4e7eb", "#1864ab"
_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_SHARP = 2
"""Drawn at this many pixels for one, for screens that show more."""


@dataclass(frozen=True, slots=True)
class Curve:
    """``ms`` is the time of a batch by its size; ``item`` is what one of it is."""

    worker: str
    item: str
    ms: Mapping[int, float]


def draw(curves: Sequence[Curve], said: str, path: Path) -> None:
    """The picture, as ``path``'s suffix says."""
    width, height = _LEFT + len(curves) * (_WIDE + _GAP), _TOP + 2 * (_HIGH + _GAP)
    canvas = _Canvas(width, height)
    canvas.text(24, 18, "Batch size and latency", 20)
    canvas.text(24, 48, said, 13, _SOFT)
    for column, curve in enumerate(curves):
        left = _LEFT + column * (_WIDE + _GAP)
        canvas.text(left, _TOP - 20, f"{curve.worker}: {curve.item}", 13)
        canvas.panel(left, _TOP, curve.ms)
        canvas.panel(left, _TOP + _HIGH + _GAP, {batch: ms / batch for batch, ms in curve.ms.items()})
        canvas.text(left + _WIDE / 2, height - 42, "items in a batch", 12, _SOFT, "mt")
    canvas.text(24, _TOP - 20, "ms a", 12, _SOFT)
    canvas.text(24, _TOP - 4, "batch", 12, _SOFT)
    canvas.text(24, _TOP + _HIGH + _GAP - 20, "ms an", 12, _SOFT)
    canvas.text(24, _TOP + _HIGH + _GAP - 4, "item", 12, _SOFT)
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.image.save(path)


class _Canvas:
    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width * _SHARP, height * _SHARP), "white")
        self._draw = ImageDraw.Draw(self.image)

    def panel(self, left: float, top: float, values: Mapping[int, float]) -> None:
        """One line over batch sizes that are spaced evenly, from zero up."""
        most = _above(max(values.values()))
        across = {batch: left + _WIDE * (index + 0.5) / len(values) for index, batch in enumerate(values)}
        for share in (0, 0.5, 1):
            height = top + _HIGH * (1 - share)
            self._line([(left, height), (left + _WIDE, height)], _SOFT if share == 0 else _GRID, 1)
            self.text(left - 6, height, f"{most * share:g}", 11, _SOFT, "rm")
        points = [(across[batch], top + _HIGH * (1 - value / most)) for batch, value in values.items()]
        self._line(points, _LINE, 2)
        for (x, y), (batch, value) in zip(points, values.items(), strict=True):
            self._draw.ellipse([(n * _SHARP) for n in (x - 3.5, y - 3.5, x + 3.5, y + 3.5)], _LINE)
            self.text(x - 5, y - 6, _short(value), 11, _INK, "mb")
            self.text(x, top + _HIGH + 6, str(batch), 11, _SOFT, "mt")

    def text(self, x: float, y: float, text: str, size: int, colour: str = _INK, anchor: str = "la") -> None:
        """``anchor`` as Pillow has it."""
        font = ImageFont.load_default(size * _SHARP)
        self._draw.text((x * _SHARP, y * _SHARP), text, colour, font, anchor)

    def _line(self, points: Sequence[tuple[float, float]], colour: str, width: int) -> None:
        self._draw.line([(x * _SHARP, y * _SHARP) for x, y in points], colour, width * _SHARP, "curve")


def _above(value: float) -> float:
    """The next round number with room for a label."""
    magnitude = 10.0 ** (len(str(int(value * 1.15))) - 1) if value >= 1 else 0.1
    return next(step * magnitude for step in (*_STEPS, 100.0) if step * magnitude >= value * 1.15)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
