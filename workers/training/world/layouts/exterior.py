"""A street front: sky, facade, door, window with things behind it, sign and awning, pavement."""

from dataclasses import dataclass

from workers.training.world.brief import Brief
from workers.training.world.canvas import Box, Canvas
from workers.training.world.colours import SOFT, STRONG, darker, lighter, near
from workers.training.world.grammar import article
from workers.training.world.layouts import forecourt
from workers.training.world.layouts.shopfront import (
    FRONT_WORDS,
    awning,
    door,
    pavement,
    pediment,
    shop_window,
    sign,
    upper_floor,
)
from workers.training.world.splits import Axes, Layout
from workers.training.world.surfaces import MATERIALS, sky

AXES: Axes = {
    "sky": ("clear", "cloudy", "dusk"),
    "front": ("brick", "plaster", "wood", "stone"),
    "door": ("left", "right", "middle"),
    "awning": ("striped", "plain", "none"),
    "room": ("left", "right", "none"),
}
_COLOURS = {"brick": ("red", "brown", "beige"), "wood": ("brown", "dark green", "light blue")}
MOST_KINDS, MOST_THINGS = 3, 5


@dataclass(frozen=True, slots=True)
class _Front:
    """The ground floor, in pixels: its sides, where its sign starts, and the ground."""

    left: float
    right: float
    top: float
    ground: float

    @property
    def high(self) -> float:
        return self.ground - self.top


def draw(canvas: Canvas, layout: Layout, brief: Brief) -> None:
    """Draw a street front. The free room beside the building is for who passes by."""
    if brief.business.is_outdoors:
        forecourt.draw(canvas, layout, brief)
        return
    rng, width, height = canvas.rng, canvas.width, canvas.height
    front = _front(canvas, layout["room"])
    sky(canvas, layout["sky"], (0, 0, width, front.ground), rng)
    _neighbours(canvas, front)
    colour_name = rng.choice(_COLOURS.get(layout["front"], SOFT))
    colour = near(colour_name, rng)
    roof = max(
        height * (0.14 if brief.business.is_building else 0.05),
        front.top - max(0.07 * height, (front.top - 0.06 * height) * 0.9),
    )
    MATERIALS[layout["front"]](canvas, (front.left, roof, front.right, front.ground), colour)
    canvas.draw.rectangle((front.left - 4, roof - 0.02 * height, front.right + 4, roof), darker(colour, 0.45))
    if brief.business.is_building:
        pediment(canvas, (front.left, max(4.0, roof - 0.12 * height), front.right, roof), colour)
    upper_floor(canvas, (front.left, roof, front.right, front.top))
    pavement(canvas, front.ground)
    canvas.details["front"] = f"{article(colour_name)} {FRONT_WORDS[layout['front']]} front"
    _ground_floor(canvas, layout, brief, front)
    _outside(canvas, layout["room"], brief, front)


def _front(canvas: Canvas, room: str) -> _Front:
    width, height = canvas.width, canvas.height
    ground = height * canvas.rng.uniform(0.84, 0.88)
    left, right = 0.05 * width, 0.95 * width
    if room != "none":
        free = min(0.24 * width, 0.3 * height)
        left, right = (left + free, right) if room == "left" else (left, right - free)
    high = min(0.7 * height, (right - left) * 0.85)
    return _Front(left, right, ground - high, ground)


def _ground_floor(canvas: Canvas, layout: Layout, brief: Brief, front: _Front) -> None:
    rng, high, wide = canvas.rng, front.high, front.right - front.left
    inset = 0.04 * wide
    left, right = front.left + inset, front.right - inset
    board: Box = (left, front.top + 0.01 * high, right, front.top + 0.2 * high)
    hood = front.top + (0.38 if layout["awning"] != "none" else 0.24) * high
    door_wide = min(0.24 * wide, 0.36 * high)
    glass_top, glass_bottom = hood + 0.0 * high, front.ground - 0.1 * high
    frame = near(rng.choice(STRONG), rng)
    spans = {
        "left": [(left + door_wide + inset, right)],
        "right": [(left, right - door_wide - inset)],
        "middle": [
            (left, (left + right - door_wide) / 2 - inset / 2),
            ((left + right + door_wide) / 2 + inset / 2, right),
        ],
    }[layout["door"]]
    door_left = {"left": left, "right": right - door_wide, "middle": (left + right - door_wide) / 2}[layout["door"]]
    door(canvas, (door_left, max(glass_top, front.ground - 0.62 * high), door_left + door_wide, front.ground))
    wares = list(brief.things)
    half = (len(wares) + 1) // 2 if len(spans) == 2 else len(wares)
    for span, shown in zip(spans, (wares[:half], wares[half:]), strict=False):
        shop_window(canvas, (span[0], glass_top, span[1], glass_bottom), shown, frame)
    awning(canvas, layout["awning"], (left - inset / 2, board[3] + 0.02 * high, right + inset / 2, hood + 0.02 * high))
    sign(canvas, board, brief.signs)


def _outside(canvas: Canvas, room: str, brief: Brief, front: _Front) -> None:
    if room == "none" or brief.passer_by is None:
        return
    free = (0.02 * canvas.width, front.left) if room == "left" else (front.right, 0.98 * canvas.width)
    base = front.ground + 0.4 * (canvas.height - front.ground)
    canvas.row([brief.passer_by], free, base, front.high * 0.34 * brief.passer_by.size, "outside")


def _neighbours(canvas: Canvas, front: _Front) -> None:
    """The houses next door, pale with distance."""
    rng = canvas.rng
    for left, right in ((0.0, front.left), (front.right, float(canvas.width))):
        colour = lighter(near(rng.choice(SOFT), rng), 0.25)
        top = front.ground - front.high * rng.uniform(0.85, 1.2)
        canvas.draw.rectangle((left, top, right, front.ground), colour)
        canvas.draw.rectangle((left, top - 0.015 * canvas.height, right, top), darker(colour, 0.3))
        pane = 0.09 * canvas.side
        if right - left > 1.6 * pane:
            middle = (left + right) / 2
            for y in (top + pane, top + 2.6 * pane):
                canvas.draw.rectangle((middle - pane / 2, y, middle + pane / 2, y + pane), darker(colour, 0.35))
