"""What walls, skies and floors are made of. Each paints a part of a picture and covers nothing that is named."""

import random
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from workers.training.world.canvas import Box, Canvas, Point
from workers.training.world.colours import Colour, darker, lighter
from workers.training.world.geometry import perspective

GRAIN_SIDE = 1024


@lru_cache(maxsize=1)
def grain() -> NDArray[np.float32]:
    """Normal noise of mean 0 and deviation 1, always the same; crop it at random places."""
    return np.random.default_rng(20).standard_normal((GRAIN_SIDE, GRAIN_SIDE)).astype(np.float32)


def whole(box: Box) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(value) for value in box)
    return left, top, max(left + 1, right), max(top + 1, bottom)


def gradient(canvas: Canvas, box: Box, top: Colour, bottom: Colour) -> None:
    """From one colour down to another."""
    left, upper, right, lower = whole(box)
    ramp = Image.linear_gradient("L").resize((right - left, lower - upper))
    canvas.picture.paste(Image.new("RGB", ramp.size, top), (left, upper))
    canvas.picture.paste(bottom, (left, upper), ramp)


def glow(canvas: Canvas, middle: Point, radius: float, colour: Colour, strength: int) -> None:
    """A soft spot of light; ``strength`` up to 255."""
    side = max(4, round(radius * 2))
    spot = Image.radial_gradient("L").point(lambda far: max(0, strength - far * strength // 180)).resize((side, side))
    canvas.picture.paste(colour, (round(middle[0]) - side // 2, round(middle[1]) - side // 2), spot)


def brick(canvas: Canvas, box: Box, colour: Colour) -> None:
    left, top, right, bottom = whole(box)
    canvas.draw.rectangle((left, top, right, bottom), lighter(colour, 0.3))
    high = max(5, canvas.side // 34)
    for row, y in enumerate(range(top, bottom, high)):
        shift = high if row % 2 else 0
        for x in range(left - shift, right, high * 2):
            shade = darker(colour, canvas.rng.uniform(0, 0.16))
            low, wide = min(bottom, y + high - 2), min(right, x + high * 2 - 2)
            if max(x, left) <= wide and y <= low:
                canvas.draw.rectangle((max(x, left), y, wide, low), shade)


def planks(canvas: Canvas, box: Box, colour: Colour) -> None:
    left, top, right, bottom = whole(box)
    wide = max(8, canvas.side // 14)
    for x in range(left, right, wide):
        canvas.draw.rectangle((x, top, min(right, x + wide), bottom), darker(colour, canvas.rng.uniform(0, 0.14)))
        canvas.draw.line((x, top, x, bottom), darker(colour, 0.35), 1)


def stone(canvas: Canvas, box: Box, colour: Colour) -> None:
    left, top, right, bottom = whole(box)
    canvas.draw.rectangle((left, top, right, bottom), darker(colour, 0.25))
    high = max(10, canvas.side // 13)
    for row, y in enumerate(range(top, bottom, high)):
        for x in range(left - (high if row % 2 else 0), right, high * 2):
            shade = lighter(colour, canvas.rng.uniform(0, 0.15))
            low, wide = min(bottom, y + high - 2), min(right, x + high * 2 - 2)
            if max(x, left) <= wide and y <= low:
                canvas.draw.rectangle((max(x, left), y, wide, low), shade)


def tiles(canvas: Canvas, box: Box, colour: Colour) -> None:
    left, top, right, bottom = whole(box)
    canvas.draw.rectangle((left, top, right, bottom), colour)
    step = max(8, canvas.side // 15)
    for x in range(left, right, step):
        canvas.draw.line((x, top, x, bottom), darker(colour, 0.18), 1)
    for y in range(top, bottom, step):
        canvas.draw.line((left, y, right, y), darker(colour, 0.18), 1)


def plaster(canvas: Canvas, box: Box, colour: Colour) -> None:
    left, top, right, bottom = whole(box)
    gradient(canvas, box, lighter(colour, 0.08), darker(colour, 0.06))
    spread = grain()[: (bottom - top) // 4 + 1, : (right - left) // 4 + 1] * 10 + 22
    mask = Image.fromarray(np.clip(spread, 0, 255).astype(np.uint8)).resize((right - left, bottom - top))
    canvas.picture.paste(darker(colour, 0.5), (left, top), mask)


def stripes(canvas: Canvas, box: Box, colour: Colour) -> None:
    left, top, right, bottom = whole(box)
    canvas.draw.rectangle((left, top, right, bottom), colour)
    step = max(8, canvas.side // 12)
    for x in range(left, right, step * 2):
        canvas.draw.rectangle((x, top, min(right, x + step), bottom), lighter(colour, 0.22))


MATERIALS: Mapping[str, Callable[[Canvas, Box, Colour], None]] = {
    "brick": brick,
    "wood": planks,
    "stone": stone,
    "tiled": tiles,
    "plaster": plaster,
    "striped": stripes,
}
"""Walls by the word a caption uses."""


def floor(canvas: Canvas, kind: str, corners: list[Point], colour: Colour) -> None:
    """A floor of boards, tiles or carpet in perspective: its corners from the upper left, clockwise."""
    side = 256
    texture = Image.new("RGB", (side, side), colour)
    draw = ImageDraw.Draw(texture)
    if kind == "carpet":
        for inset in (10, 18):
            draw.rectangle((inset, inset, side - inset, side - inset), outline=lighter(colour, 0.35), width=4)
    for number in range(8):
        for across in range(8 if kind == "tiled" else 0):
            if (number + across) % 2:
                draw.rectangle((number * 32, across * 32, number * 32 + 31, across * 32 + 31), lighter(colour, 0.45))
        if kind == "wooden":
            draw.rectangle((number * 32, 0, number * 32 + 30, side), darker(colour, canvas.rng.uniform(0, 0.15)))
            draw.line((number * 32, 0, number * 32, side), darker(colour, 0.4), 2)
            joint = canvas.rng.randrange(side)
            draw.line((number * 32, joint, number * 32 + 31, joint), darker(colour, 0.4), 2)
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    shifted = [(x - left, y - top) for x, y in corners]
    size = (round(max(x for x, _ in shifted)), round(max(y for _, y in shifted)))
    source = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)]
    laid = texture.transform(size, Image.Transform.PERSPECTIVE, perspective(shifted, source), Image.Resampling.BILINEAR)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon(shifted, 255)
    canvas.picture.paste(laid, (round(left), round(top)), mask)


def sky(canvas: Canvas, kind: str, box: Box, rng: random.Random) -> None:
    """clear, cloudy, or dusk."""
    tops = {"clear": ((74, 144, 226), (196, 226, 250)), "cloudy": ((150, 172, 196), (222, 230, 236))}
    top, bottom = tops.get(kind, ((92, 84, 150), (250, 178, 128)))
    gradient(canvas, box, top, bottom)
    left, upper, right, lower = whole(box)
    for _ in range({"clear": 2, "cloudy": 6}.get(kind, 1)):
        middle = rng.uniform(left, right), rng.uniform(upper, (upper + lower) / 2)
        for _ in range(4):
            puff = middle[0] + rng.uniform(-0.1, 0.1) * canvas.side, middle[1] + rng.uniform(-0.02, 0.02) * canvas.side
            glow(canvas, puff, rng.uniform(0.05, 0.1) * canvas.side, lighter(bottom, 0.6), 150)
