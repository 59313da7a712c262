"""A petrol station: a low building with its sign, a canopy on pillars, things on the ground in front."""

from workers.training.world.brief import Brief
from workers.training.world.canvas import Canvas
from workers.training.world.colours import SOFT, STRONG, darker, lighter, near
from workers.training.world.grammar import article
from workers.training.world.layouts.shopfront import FRONT_WORDS, awning, door, sign
from workers.training.world.splits import Layout
from workers.training.world.surfaces import MATERIALS, gradient, sky


def draw(canvas: Canvas, layout: Layout, brief: Brief) -> None:
    """Draw a street front of a business whose things stand outside."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    ground = 0.6 * height
    sky(canvas, layout["sky"], (0, 0, width, ground), rng)
    gradient(canvas, (0, ground, width, height), (150, 150, 152), (112, 112, 116))
    free = {"left": 0.3, "right": 0.04, "none": 0.04}[layout["room"]], {"right": 0.7}.get(layout["room"], 0.96)
    left, right, top = free[0] * width, free[1] * width, 0.2 * height
    name = rng.choice(SOFT)
    MATERIALS[layout["front"]](canvas, (left, top, right, ground), near(name, rng))
    canvas.details["front"] = f"{article(name)} {FRONT_WORDS[layout['front']]} front"
    wide = (right - left) * 0.2
    start = {"left": left + 0.1 * wide, "right": right - 1.1 * wide, "middle": (left + right - wide) / 2}[
        layout["door"]
    ]
    door(canvas, (start, ground - 0.26 * height, start + wide, ground))
    awning(canvas, layout["awning"], (left - 4, 0.27 * height, right + 4, 0.33 * height))
    _canopy(canvas, ground)
    sign(canvas, (left, 0.15 * height, right, 0.26 * height), brief.signs)
    things = [*brief.things, *([brief.passer_by] if brief.passer_by else [])]
    canvas.row(things, (0.14 * width, 0.86 * width), ground + 0.6 * (height - ground), 0.34 * height, "forecourt")


def _canopy(canvas: Canvas, ground: float) -> None:
    """A flat roof on two pillars."""
    width, height = canvas.width, canvas.height
    colour = near(canvas.rng.choice(STRONG), canvas.rng)
    low = ground + 0.45 * (height - ground)
    for x in (0.06 * width, 0.92 * width):
        canvas.draw.rectangle((x, 0.08 * height, x + 0.025 * width, low), lighter(colour, 0.6))
        canvas.draw.rectangle((x, 0.08 * height, x + 0.008 * width, low), lighter(colour, 0.75))
        canvas.draw.rectangle((x - 0.02 * width, low, x + 0.045 * width, low + 0.03 * height), (198, 198, 198))
    canvas.draw.rectangle((0, 0.03 * height, width, 0.1 * height), colour)
    canvas.draw.rectangle((0, 0.09 * height, width, 0.105 * height), darker(colour, 0.35))
