"""One or a few things on a backdrop, as a catalogue shows them."""

from workers.training.world.brief import Brief
from workers.training.world.canvas import Box, Canvas
from workers.training.world.catalogue import Thing
from workers.training.world.colours import SOFT, Colour, darker, lighter, near
from workers.training.world.grammar import article
from workers.training.world.layouts.labels import round_price
from workers.training.world.splits import Axes, Layout
from workers.training.world.surfaces import MATERIALS, glow, gradient

AXES: Axes = {
    "backdrop": ("plain", "spotlight", "horizon", "striped", "tiled"),
    "base": ("bare", "pedestal", "board", "cloth"),
    "arrangement": ("row", "hero", "steps"),
    "label": ("none", "price", "name", "strip"),
}
MOST_KINDS, MOST_THINGS = 3, 5
_NAME: Colour = (250, 249, 245)


def draw(canvas: Canvas, layout: Layout, brief: Brief) -> None:
    """Draw a product picture."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    name = rng.choice((*SOFT, "orange", "light blue", "green"))
    base = height * rng.uniform(0.72, 0.77)
    _backdrop(canvas, layout["backdrop"], base, near(name, rng))
    canvas.details["background"] = f"{article(name)} background"
    span = (0.08 * width, 0.92 * width)
    things = list(brief.things)
    if layout["arrangement"] == "hero":
        things = _one_of_each_group(brief)
    elif len(things) == 1:
        things *= 2
    _base(canvas, layout["base"], span, base)
    ceiling = (0.2 if layout["label"] in ("price", "name") else 0.08) * height
    if layout["arrangement"] == "steps":
        _steps(canvas, things, span, base, ceiling)
    else:
        high = min(base - ceiling, 0.62 * width, 0.58 * height)
        canvas.row(things, span, base + 0.02 * height, high, "front")
    _label(canvas, layout["label"], things[0])


def _steps(canvas: Canvas, things: list[Thing], span: tuple[float, float], base: float, ceiling: float) -> None:
    """Half of the things on a block behind, half in front of it."""
    left, right = span
    inset, step = 0.08 * (right - left), base - 0.44 * (base - ceiling)
    stone = near(canvas.rng.choice(("white", "beige", "brown", "grey")), canvas.rng)
    canvas.draw.rectangle((left + inset, step, right - inset, base), darker(stone, 0.2))
    canvas.draw.rectangle((left + inset, step, right - inset, step + 0.08 * (base - ceiling)), lighter(stone, 0.2))
    cut, high = len(things) // 2, 0.46 * (base - ceiling)
    back = step + 0.05 * (base - ceiling)
    canvas.row(things[:cut], (left + inset, right - inset), back, back - ceiling, "front")
    canvas.row(things[cut:], span, base + 0.05 * canvas.height, high * 0.92, "front")


def _one_of_each_group(brief: Brief) -> list[Thing]:
    """The least that tells this kind of business."""
    found: list[Thing] = []
    for group in brief.business.signature:
        found.append(next(thing for thing in brief.things if thing in group))
    return found


def _backdrop(canvas: Canvas, kind: str, base: float, colour: Colour) -> None:
    width, height = canvas.width, canvas.height
    everything = (0.0, 0.0, float(width), float(height))
    if kind in ("striped", "tiled"):
        MATERIALS[kind](canvas, everything, colour)
        gradient(canvas, (0, base - 0.08 * height, width, height), lighter(colour, 0.35), darker(colour, 0.05))
    elif kind == "horizon":
        gradient(canvas, everything, lighter(colour, 0.25), colour)
        gradient(canvas, (0, base - 0.14 * height, width, height), darker(colour, 0.3), darker(colour, 0.12))
    else:
        gradient(canvas, everything, lighter(colour, 0.35), darker(colour, 0.08))
    if kind == "spotlight":
        gradient(canvas, everything, darker(colour, 0.25), darker(colour, 0.1))
        glow(canvas, (width / 2, base - 0.25 * height), 0.55 * max(width, height), lighter(colour, 0.75), 235)


def _base(canvas: Canvas, kind: str, span: tuple[float, float], base: float) -> None:
    """What the things stand on."""
    left, right = span
    height = canvas.height
    if kind == "pedestal":
        _drum(canvas, (left, base - 0.03 * height, right, base + 0.16 * height), (236, 234, 230))
    elif kind == "board":
        canvas.draw.rounded_rectangle((left, base - 0.01 * height, right, base + 0.08 * height), 8, (150, 102, 62))
        canvas.draw.rounded_rectangle((left, base + 0.05 * height, right, base + 0.08 * height), 8, (112, 72, 42))
    elif kind == "cloth":
        cloth = near(canvas.rng.choice(("white", "red", "dark blue", "beige")), canvas.rng)
        lift = 0.4 * height
        canvas.draw.polygon(
            [
                (left, base - lift),
                (right, base - lift),
                (right + left * 0.8, base + 0.14 * height),
                (left * 0.2, base + 0.14 * height),
            ],
            cloth,
        )
        canvas.draw.line(
            [(left * 0.2, base + 0.14 * height), (right + left * 0.8, base + 0.14 * height)], darker(cloth, 0.25), 3
        )


def _drum(canvas: Canvas, box: Box, colour: Colour) -> None:
    """A low round pedestal."""
    left, top, right, bottom = box
    deep = (bottom - top) * 0.55
    canvas.draw.rectangle((left, (top + bottom - deep) / 2, right, bottom - deep / 2), darker(colour, 0.2))
    canvas.draw.ellipse((left, bottom - deep, right, bottom), darker(colour, 0.2))
    canvas.draw.ellipse((left, top, right, top + deep * 1.4), colour)


def _label(canvas: Canvas, kind: str, thing: Thing) -> None:
    """The name on a plate above or in a strip below, or a round price in a corner."""
    width, height = canvas.width, canvas.height
    if kind == "price":
        side = min(max(0.2 * canvas.side, 3.2 * canvas.text_floor_px), 0.26 * canvas.side)
        round_price(canvas, canvas.rng.choice((0.06 * width, 0.94 * width - side)), 0.05 * height, side)
    if kind not in ("name", "strip"):
        return
    box: Box = (0.2 * width, 0.05 * height, 0.8 * width, 0.17 * height)
    if kind == "strip":
        box = (0, 0.86 * height, width, 0.97 * height)
    inner = (box[0] + 0.03 * width, box[1] + 2, box[2] - 0.03 * width, box[3] - 2)
    line = canvas.legible([thing.name.capitalize()], inner)
    if line is not None:
        canvas.draw.rounded_rectangle(box, 0 if kind == "strip" else 6, _NAME)
        canvas.write([line], inner, _NAME, "label")
