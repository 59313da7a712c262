"""Furniture and fittings of a room."""

from collections.abc import Sequence

from workers.training.world.canvas import Box, Canvas
from workers.training.world.catalogue import Thing
from workers.training.world.colours import STRONG, Colour, darker, lighter, near
from workers.training.world.surfaces import glow


def pendant(canvas: Canvas, x: float, ceiling: float, drop: float) -> None:
    """A lamp that hangs from the ceiling, with its light."""
    shade = near(canvas.rng.choice(STRONG), canvas.rng)
    wide = 0.05 * canvas.side
    canvas.draw.line((x, ceiling * 0.6, x, ceiling + drop * 0.5), (60, 60, 64), max(1, canvas.side // 200))
    glow(canvas, (x, ceiling + drop), wide * 2.4, (255, 244, 206), 170)
    top = ceiling + drop * 0.45
    canvas.draw.polygon(
        [(x - wide * 0.35, top), (x + wide * 0.35, top), (x + wide, top + wide), (x - wide, top + wide)], shade
    )
    canvas.draw.ellipse((x - wide * 0.3, top + wide * 0.8, x + wide * 0.3, top + wide * 1.3), (255, 246, 200))


def wall_sign(canvas: Canvas, back: Box, lines: Sequence[str]) -> None:
    """A board high on the back wall, on three walls of four."""
    left, top, right, bottom = back
    wide, high = right - left, min(bottom - top, 1.1 * (right - left))
    box = (left + 0.14 * wide, top + 0.05 * high, right - 0.14 * wide, top + 0.24 * high)
    inner = (box[0] + 0.02 * wide, box[1], box[2] - 0.02 * wide, box[3])
    line = canvas.legible(lines, inner)
    if line is None or canvas.rng.random() > 0.75:
        return
    ground = canvas.ground(near(canvas.rng.choice((*STRONG, "white")), canvas.rng))
    canvas.cover_box(box, ground)
    canvas.draw.rectangle(box, outline=darker(ground, 0.35), width=max(2, canvas.side // 150))
    canvas.write([line], inner, ground, "sign", near(canvas.rng.choice(("white", "yellow", "black")), canvas.rng))


def poster(canvas: Canvas, box: Box) -> None:
    """A framed sheet of two coloured shapes, as decoration."""
    left, top, right, bottom = box
    ground, shape = (near(name, canvas.rng) for name in canvas.rng.sample(STRONG, 2))
    canvas.draw.rectangle(box, lighter(ground, 0.7), (70, 56, 44), max(2, canvas.side // 120))
    middle, radius = (left + right) / 2, min(right - left, bottom - top) * 0.26
    canvas.draw.ellipse((middle - radius, top + radius * 0.7, middle + radius, top + radius * 2.7), shape)
    canvas.draw.rectangle(
        (left + radius * 0.5, bottom - radius * 0.9, right - radius * 0.5, bottom - radius * 0.5), ground
    )


def rug(canvas: Canvas, back: Box) -> None:
    """A round rug on the floor."""
    left, _, right, bottom = back
    low = bottom + 0.75 * (canvas.height - bottom)
    colour = near(canvas.rng.choice(STRONG), canvas.rng)
    canvas.draw.ellipse((left, bottom + 0.25 * (low - bottom), right, low), colour)
    inset = 0.08 * (right - left)
    canvas.draw.ellipse(
        (left + inset, bottom + 0.36 * (low - bottom), right - inset, low - 0.11 * (low - bottom)), lighter(colour, 0.2)
    )


def shelf(canvas: Canvas, box: Box, things: Sequence[Thing], wood: Colour) -> None:
    """A case of one to three boards."""
    left, top, right, bottom = box
    thick = max(3, canvas.side // 60)
    canvas.cover_box((left - thick, top - thick, right + thick, bottom), darker(wood, 0.3))
    canvas.draw.rectangle((left, top, right, bottom - thick), lighter(wood, 0.35))
    for board in canvas.rows(things, (left, right), top, bottom - thick, "shelf", 3):
        canvas.draw.rectangle((left - thick, board, right + thick, board + thick), darker(wood, 0.15))


def table(canvas: Canvas, span: tuple[float, float], top: float, things: Sequence[Thing], wood: Colour) -> None:
    """A table seen from a little above, its legs on the floor."""
    left, right = span
    wide, deep = right - left, 0.07 * canvas.height
    leg, low = wide * 0.035, min(canvas.height * 0.97, top + 0.3 * canvas.height)
    for x in (left + wide * 0.02, right - wide * 0.02 - leg):
        canvas.cover_box((x, top + deep, x + leg, low), darker(wood, 0.35))
    corners = [(left + wide * 0.06, top), (right - wide * 0.06, top), (right, top + deep), (left, top + deep)]
    canvas.cover(corners, lighter(wood, 0.12))
    canvas.cover_box((left, top + deep, right, top + deep * 1.4), darker(wood, 0.25))
    canvas.row(things, (left + wide * 0.06, right - wide * 0.06), top + deep * 0.6, 0.27 * canvas.height, "table")


def desk(
    canvas: Canvas, span: tuple[float, float], top: float, things: Sequence[Thing], wood: Colour, staff: Thing
) -> None:
    """A reception desk with somebody behind it; ``things`` lie on it beside them."""
    left, right = span
    wide, deep = right - left, 0.05 * canvas.height
    high = min(0.28 * canvas.height, wide * 0.28 / max(0.3, canvas.width_of(staff, 1.0)))
    half = canvas.width_of(staff, high) / 2
    canvas.put(staff, left + half, top + deep * 0.4, high, "desk_behind")
    slope = deep * 0.4
    canvas.cover(
        [(left, top), (right, top), (right + slope, top + deep), (left - slope, top + deep)], lighter(wood, 0.15)
    )
    low = min(canvas.height * 0.95, top + 0.27 * canvas.height)
    canvas.cover_box((left - slope, top + deep, right + slope, low), darker(wood, 0.12))
    panel = wide / 4
    for number in range(4):
        x = left + panel * number
        canvas.draw.rectangle(
            (x + panel * 0.1, top + deep * 1.6, x + panel * 0.9, low - deep * 0.5), darker(wood, 0.25)
        )
    canvas.row(things, (left + 2 * half, right), top + deep * 0.6, 0.24 * canvas.height, "desk")
