"""The sheet a scene is drawn on. It remembers what was put where, and what later drawing left visible of it."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw

from workers.training.world.catalogue import Thing
from workers.training.world.colours import Colour, ground_for, ink_on
from workers.training.world.glyphs import aspect, sprite
from workers.training.world.splits import Variant, variants
from workers.training.world.text import FACES, fitting_size_px, font
from workers.training.world.truth import Split

Box = tuple[float, float, float, float]
Point = tuple[float, float]
LEAST_SHARE = 0.1
"""How high a row of things should be at least, of the shorter side."""
VISIBLE_SHARE = 0.6
"""The least share of a thing's pixels that stays visible; of what is hidden more, the truth says nothing."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A thing as it was drawn: its box and its pixels, in pixels of the canvas, and where it is said to be."""

    thing: Thing
    variant: Variant
    where: str
    box: tuple[int, int, int, int]
    pixels: int


@dataclass(frozen=True, slots=True)
class Written:
    """A line of text: its size in pixels of the canvas, what kind of sign it is on, and its colours."""

    line: str
    size_px: int
    where: str
    ink: Colour
    ground: Colour


class Canvas:
    """``text_floor_px`` is the smallest letter size, in pixels of the canvas, that will be readable in the end, and
    ``contrast`` the least contrast of letters and ground."""

    def __init__(
        self, size: tuple[int, int], split: Split, rng: random.Random, text_floor_px: int, contrast: float
    ) -> None:
        self.width, self.height = size
        self.side = min(size)
        self.split = split
        self.rng = rng
        self.text_floor_px = text_floor_px
        self.contrast = contrast
        self.face = rng.choice(FACES)
        self.picture = Image.new("RGB", size)
        self.draw = ImageDraw.Draw(self.picture)
        self.placed: list[Placed] = []
        self.written: list[Written] = []
        self.details: dict[str, str] = {}
        self._owner = Image.new("L", size)
        self._owner_draw = ImageDraw.Draw(self._owner)
        self._chosen: dict[str, Variant] = {}

    def variant(self, thing: Thing) -> Variant:
        """The one way in which this picture draws ``thing``."""
        if thing.name not in self._chosen:
            self._chosen[thing.name] = self.rng.choice(variants(thing, self.split))
        return self._chosen[thing.name]

    def width_of(self, thing: Thing, height: float) -> float:
        variant = self.variant(thing)
        return height * aspect(variant.glyph, variant.look)

    def put(self, thing: Thing, middle: float, base: float, height: float, where: str, *, tilt: int = 0) -> None:
        """Stand ``thing`` on the line ``base``, with a shadow where it touches it."""
        variant = self.variant(thing)
        picture = sprite(variant.glyph, variant.look, max(8, round(height)), tilt)
        left, top = round(middle - picture.width / 2), round(base - picture.height)
        self._shadow(middle, base, picture.width)
        self.picture.paste(picture, (left, top), picture)
        mask = picture.getchannel("A").point(lambda alpha: 255 if alpha > 127 else 0)
        self._owner.paste(len(self.placed) + 1, (left, top), mask)
        box = (left, top, left + picture.width, top + picture.height)
        self.placed.append(Placed(thing, variant, where, box, mask.histogram()[255]))

    def row(self, things: Sequence[Thing], span: tuple[float, float], base: float, height: float, where: str) -> None:
        """Stand ``things`` beside each other, at most ``height`` high and none overlapping, between two x."""
        things = self._large_enough(things, span[1] - span[0], height)
        if not things:
            return
        scale = self.row_height(things, span[1] - span[0], height) / max(1.0, *(thing.size for thing in things))
        heights = [thing.size * scale * self.rng.uniform(0.93, 1.0) for thing in things]
        widths = [self.width_of(thing, high) for thing, high in zip(things, heights, strict=True)]
        gap = (span[1] - span[0] - sum(widths)) / (len(things) + 1)
        x = span[0] + gap
        for thing, high, width in zip(things, heights, widths, strict=True):
            self.put(thing, x + width / 2 + self.rng.uniform(-0.3, 0.3) * gap, base, high, where)
            x += width + gap

    def row_height(self, things: Sequence[Thing], room: float, height: float) -> float:
        """How high the highest of ``things`` can be when they stand in a row: ``height``, or less for want of room."""
        highest = max(1.0, *(thing.size for thing in things)) if things else 1.0
        wide = sum(self.width_of(thing, thing.size / highest) for thing in things)
        return min(height, room * 0.92 / wide) if wide else height

    def rows(
        self, things: Sequence[Thing], span: tuple[float, float], top: float, base: float, where: str, most: int
    ) -> list[float]:
        """Stand ``things`` in as many rows, up to ``most``, as show them largest; returns where the boards are."""
        room, high = span[1] - span[0], base - top
        plans = [_cut(things, count) for count in range(1, min(most, len(things)) + 1)]
        plan = max(
            plans,
            key=lambda plan: min(self.row_height(part, room, high / len(plan) * 0.8) for part in plan),
            default=[],
        )
        boards = [top + high * (number + 1) / len(plan) for number in range(len(plan))]
        for board, part in zip(boards, plan, strict=True):
            self.row(part, span, board, high / len(plan) * (0.8 if len(plan) > 1 else 0.7), where)
        return boards

    def cover(self, corners: Iterable[Point], colour: Colour) -> None:
        """Fill a polygon, which hides what was drawn there before."""
        points = list(corners)
        self.draw.polygon(points, colour)
        self._owner_draw.polygon(points, 0)

    def cover_box(self, box: Box, colour: Colour) -> None:
        left, top, right, bottom = box
        self.cover([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def legible(self, lines: Sequence[str], box: Box) -> str | None:
        """The first of ``lines`` that can be read when it fills the box; None when none can."""
        wide, high = box[2] - box[0], box[3] - box[1]
        fitting = (line for line in lines if fitting_size_px(line, self.face, wide, high) >= self.text_floor_px)
        return next(fitting, None)

    def ground(self, wanted: Colour) -> Colour:
        """The colour nearest to ``wanted`` on which letters can be read through this picture's camera."""
        return ground_for(wanted, self.contrast)

    def write(self, lines: Sequence[str], box: Box, ground: Colour, where: str, ink: Colour = (30, 30, 34)) -> None:
        """Write ``lines`` below each other, all of one size, as large as the box allows. Each must be legible there."""
        left, top, right, bottom = box
        high = (bottom - top) / len(lines)
        size_px = min(fitting_size_px(line, self.face, right - left, high) for line in lines)
        ink = ink_on(ground, ink, self.contrast)
        for number, line in enumerate(lines):
            middle = ((left + right) / 2, top + high * (number + 0.5))
            self.draw.text(middle, line, ink, font(self.face, size_px), anchor="mm")
            self._owner_draw.rectangle(self.draw.textbbox(middle, line, font(self.face, size_px), anchor="mm"), 0)
            self.written.append(Written(line, size_px, where, ink, ground))

    def visible(self) -> list[Placed]:
        """What can be seen: things of which enough was left uncovered, the largest first."""
        left = self._owner.histogram()
        seen = [(left[number], thing) for number, thing in enumerate(self.placed, 1)]
        kept = [(pixels, thing) for pixels, thing in seen if pixels >= VISIBLE_SHARE * thing.pixels]
        return [thing for _, thing in sorted(kept, key=lambda pair: -pair[0])]

    def _large_enough(self, things: Sequence[Thing], room: float, height: float) -> list[Thing]:
        """``things`` without the repetitions, then without the last names, that would make all of them too small."""
        kept = list(things)
        while len(kept) > 1 and self.row_height(kept, room, height) < LEAST_SHARE * self.side:
            names = [thing.name for thing in kept]
            again = [place for place, name in enumerate(names) if name in names[:place]]
            if not again and len(kept) <= 2:
                break
            del kept[again[-1] if again else -1]
        return kept

    def _shadow(self, middle: float, base: float, width: float) -> None:
        half, thick = width * 0.48, max(2.0, width * 0.07)
        shade = _shadow_sprite(max(4, round(2 * half)), max(3, round(2 * thick)))
        self.picture.paste((20, 16, 14), (round(middle - half), round(base - thick)), shade)


def _cut(things: Sequence[Thing], count: int) -> list[Sequence[Thing]]:
    """Into ``count`` parts of about the same length, in order."""
    edges = [round(len(things) * number / count) for number in range(count + 1)]
    return [things[start:end] for start, end in pairwise(edges)]


@lru_cache(maxsize=256)
def _shadow_sprite(width: int, height: int) -> Image.Image:
    soft = Image.radial_gradient("L").point(lambda far: max(0, 150 - far))
    return soft.resize((width, height), Image.Resampling.BILINEAR)
