"""The parts of a street front."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from workers.training.world.canvas import Box, Canvas
from workers.training.world.catalogue import Thing
from workers.training.world.colours import STRONG, Colour, darker, lighter, mixed, near
from workers.training.world.grammar import article
from workers.training.world.surfaces import glow, gradient

WALNUT: Colour = (96, 62, 40)
FRONT_WORDS = {"brick": "brick", "plaster": "plastered", "wood": "wooden", "stone": "stone"}
"""What a caption calls a wall of this material."""


def pavement(canvas: Canvas, ground: float) -> None:
    """Slabs that run towards the onlooker, a kerb and a strip of road."""
    width, height = canvas.width, canvas.height
    kerb = ground + 0.62 * (height - ground)
    canvas.draw.rectangle((0, ground, width, height), (178, 174, 168))
    for step in range(-6, 14):
        top, bottom = width * step / 8, width / 2 + (width * step / 8 - width / 2) * 1.35
        canvas.draw.line((top, ground, bottom, kerb), (150, 146, 140), 1)
    canvas.draw.line((0, (ground + kerb) / 2, width, (ground + kerb) / 2), (150, 146, 140), 1)
    canvas.draw.rectangle((0, kerb, width, kerb + 0.012 * height), (206, 204, 200))
    canvas.draw.rectangle((0, kerb + 0.012 * height, width, height), (84, 86, 90))


def upper_floor(canvas: Canvas, box: Box) -> None:
    """A row of windows with curtains, where there is room for them."""
    left, top, right, bottom = box
    high = (bottom - top) * 0.6
    if high < 0.1 * canvas.side:
        return
    count = max(2, min(4, int((right - left) / (high * 1.2))))
    wide = min(high * 0.7, (right - left) / count * 0.6)
    curtain = near(canvas.rng.choice(("white", "beige", "pink", "light blue")), canvas.rng)
    for number in range(count):
        middle = left + (right - left) * (number + 0.5) / count
        pane = (middle - wide / 2, top + (bottom - top) * 0.2, middle + wide / 2, top + (bottom - top) * 0.2 + high)
        gradient(canvas, pane, (96, 122, 146), (150, 176, 196))
        canvas.draw.polygon([pane[:2], (middle, pane[1]), (pane[0], pane[3])], curtain)
        canvas.draw.polygon([(pane[2], pane[1]), (middle, pane[1]), (pane[2], pane[3])], curtain)
        canvas.draw.rectangle(pane, outline=(244, 244, 240), width=max(2, canvas.side // 130))


def pediment(canvas: Canvas, box: Box, colour: Colour) -> None:
    """The gable of a public building, with a round window in it."""
    left, top, right, bottom = box
    over = 0.02 * (right - left)
    middle, round_px = (left + right) / 2, (bottom - top) * 0.2
    canvas.draw.polygon([(left - over, bottom), (middle, top), (right + over, bottom)], lighter(colour, 0.2))
    canvas.draw.line([(left - over, bottom), (middle, top), (right + over, bottom)], darker(colour, 0.45), 4)
    height = bottom - (bottom - top) * 0.36
    canvas.draw.ellipse((middle - round_px, height - round_px, middle + round_px, height + round_px), (96, 122, 146))


def door(canvas: Canvas, box: Box) -> None:
    """A door with a pane of glass and a handle; its colour becomes a detail."""
    left, top, right, bottom = box
    name = canvas.rng.choice(STRONG)
    colour = near(name, canvas.rng)
    wide, high = right - left, bottom - top
    canvas.draw.rectangle((left - wide * 0.05, top - wide * 0.05, right + wide * 0.05, bottom), darker(colour, 0.4))
    canvas.draw.rectangle(box, colour)
    pane = (left + wide * 0.18, top + high * 0.1, right - wide * 0.18, top + high * 0.58)
    gradient(canvas, pane, (120, 150, 170), (196, 214, 222))
    canvas.draw.rectangle(pane, outline=darker(colour, 0.4), width=2)
    canvas.draw.rectangle(
        (left + wide * 0.18, top + high * 0.66, right - wide * 0.18, bottom - high * 0.08), darker(colour, 0.15)
    )
    knob = wide * 0.06
    canvas.draw.ellipse(
        (right - wide * 0.14, top + high * 0.6, right - wide * 0.14 + 2 * knob, top + high * 0.6 + 2 * knob),
        (232, 200, 96),
    )
    canvas.details["door"] = f"{article(name)} door"


def shop_window(canvas: Canvas, box: Box, wares: Sequence[Thing], frame: Colour) -> None:
    """A display: a lit room behind glass, ``wares`` standing on its floor."""
    left, top, right, bottom = box
    wall = near(canvas.rng.choice(("beige", "yellow", "white", "light blue")), canvas.rng)
    gradient(canvas, box, mixed(wall, WALNUT, 0.45), lighter(wall, 0.2))
    glow(canvas, ((left + right) / 2, (top + bottom) / 2), min(right - left, bottom - top) * 0.45, (255, 246, 214), 140)
    ledge = bottom - (bottom - top) * 0.14
    canvas.draw.rectangle((left, ledge, right, bottom), mixed(wall, WALNUT, 0.55))
    thick = max(3, canvas.side // 80)
    base, ceiling = ledge + (bottom - ledge) * 0.55, top + (bottom - top) * 0.05
    shelf = canvas.rows(wares, (left + thick, right - thick), ceiling, base, "window", 2)
    for board in shelf[:-1]:
        canvas.draw.rectangle((left, board, right, board + max(2, canvas.side // 120)), WALNUT)
    _reflection(canvas, box)
    canvas.draw.rectangle(box, outline=frame, width=thick)
    canvas.draw.rectangle((left - thick, bottom, right + thick, bottom + thick * 1.6), darker(frame, 0.2))


def _reflection(canvas: Canvas, box: Box) -> None:
    """Two pale diagonals on the glass, faint enough to leave what is behind it plain."""
    left, top, right, bottom = (round(value) for value in box)
    mask = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    draw = ImageDraw.Draw(mask)
    start = canvas.rng.uniform(0.1, 0.6) * mask.width
    for shift, wide in ((0.0, 0.16), (0.22, 0.06)):
        x = start + shift * mask.width
        far = x - mask.height * 0.5
        draw.polygon(
            [(x, 0), (x + wide * mask.width, 0), (far + wide * mask.width, mask.height), (far, mask.height)], 34
        )
    canvas.picture.paste((255, 255, 255), (left, top), mask)


def awning(canvas: Canvas, kind: str, box: Box) -> None:
    """A striped or plain awning with a scalloped edge, wider below than above."""
    if kind == "none":
        return
    left, top, right, bottom = box
    name = canvas.rng.choice(("red", "green", "blue", "orange", "dark green", "purple", "pink", "yellow"))
    colours = (near(name, canvas.rng), (244, 242, 236) if kind == "striped" else None)
    count = max(6, round((right - left) / (0.06 * canvas.side)))
    slope = 0.04 * (right - left)
    edge = bottom - (bottom - top) * 0.25
    for number in range(count):
        colour = colours[0] if kind == "plain" or number % 2 == 0 else (244, 242, 236)
        x0, x1 = (left + slope + (right - left - 2 * slope) * n / count for n in (number, number + 1))
        u0, u1 = (left + (right - left) * n / count for n in (number, number + 1))
        canvas.cover([(x0, top), (x1, top), (u1, edge), (u0, edge)], colour)
        canvas.draw.pieslice((u0, edge - (bottom - edge), u1, bottom), 0, 180, darker(colour, 0.12))
    canvas.details["awning"] = f"a striped {name} and white awning" if kind == "striped" else f"{article(name)} awning"


def sign(canvas: Canvas, box: Box, lines: Sequence[str]) -> None:
    """A board with the first of ``lines`` that can be read on it; no board when none can."""
    left, top, right, bottom = box
    pad = 0.08 * (bottom - top)
    inner = (left + 0.04 * (right - left), top + pad, right - 0.04 * (right - left), bottom - pad)
    line = canvas.legible(lines, inner)
    if line is None:
        return
    ground = canvas.ground(near(canvas.rng.choice((*STRONG, "white", "beige")), canvas.rng))
    canvas.cover_box(box, ground)
    canvas.draw.rectangle(box, outline=darker(ground, 0.4), width=max(2, canvas.side // 140))
    ink = near(canvas.rng.choice(("white", "yellow", "black", "dark blue", "red")), canvas.rng)
    canvas.write([line], inner, ground, "sign", ink)
