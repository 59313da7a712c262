"""A counter seen from the front: wares on it or behind its glass, price cards, a board, somebody behind it."""

from collections.abc import Sequence

from workers.training.world.brief import Brief
from workers.training.world.canvas import Box, Canvas
from workers.training.world.catalogue import Thing
from workers.training.world.colours import SOFT, STRONG, Colour, darker, lighter, near
from workers.training.world.grammar import article
from workers.training.world.layouts.labels import board, card_height, cards, price
from workers.training.world.layouts.shopfront import sign
from workers.training.world.splits import Axes, Layout
from workers.training.world.surfaces import MATERIALS, glow, gradient

AXES: Axes = {
    "top": ("wooden", "marble", "steel", "painted"),
    "shape": ("open", "glass", "low"),
    "wall": ("tiled", "plaster", "wood", "brick"),
    "labels": ("cards", "board", "none"),
    "staff": ("left", "right", "none"),
}
MOST_KINDS, MOST_THINGS = 4, 6
_TOPS = {"wooden": "brown", "marble": "white", "steel": "grey"}


def draw(canvas: Canvas, layout: Layout, brief: Brief) -> None:
    """Draw a counter; every thing of ``brief`` is small enough to stand on it."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    wall_name, top_name = rng.choice(SOFT), _TOPS.get(layout["top"]) or rng.choice(STRONG)
    wall, panel = near(wall_name, rng), near(top_name, rng)
    top = height * {"open": 0.62, "glass": 0.44, "low": 0.7}[layout["shape"]]
    MATERIALS[layout["wall"]](canvas, (0, 0, width, top + 4), wall)
    glow(canvas, (width * 0.5, 0), width * 0.5, (255, 248, 224), 90)
    canvas.details["counter"] = f"{article(top_name) if layout['top'] == 'painted' else 'a ' + layout['top']} counter"
    canvas.details["walls"] = f"{article(wall_name)} wall"
    free = _staff(canvas, layout["staff"], brief.business.staff, top)
    canvas.cover_box((0, top, width, top + 0.08 * height), lighter(panel, 0.25))
    canvas.cover_box((0, top + 0.08 * height, width, height), darker(panel, 0.1))
    _front(canvas, top + 0.08 * height, panel)
    first = len(canvas.placed)
    if layout["shape"] == "glass":
        case = (0.05 * width, top + 0.1 * height, 0.95 * width, 0.97 * height)
        _glass_case(canvas, case, brief.things, layout["labels"] == "cards" and not brief.business.notices)
    else:
        most = min(0.4 * height, top - 0.26 * height)
        canvas.row(brief.things, free, top + 0.05 * height, most, "counter")
        if layout["labels"] == "cards" and not brief.business.notices:
            cards(canvas, canvas.placed[first:], top + 0.1 * height)
    _on_wall(canvas, layout["labels"], free, brief)


def _staff(canvas: Canvas, side: str, staff: Thing, top: float) -> tuple[float, float]:
    """Put somebody behind the counter; what is left of its length."""
    width = canvas.width
    if side == "none":
        return 0.05 * width, 0.95 * width
    high = min(0.55 * top, 0.3 * width / canvas.width_of(staff, 1.0))
    half = canvas.width_of(staff, high) / 2
    middle = 0.05 * width + half if side == "left" else 0.95 * width - half
    canvas.put(staff, middle, top + 0.06 * high, high, "behind")
    return (middle + half, 0.96 * width) if side == "left" else (0.04 * width, middle - half)


def _on_wall(canvas: Canvas, labels: str, free: tuple[float, float], brief: Brief) -> None:
    """A board with prices or notices, or a sign with the name."""
    rng, height, inset = canvas.rng, canvas.height, 0.04 * canvas.width
    box = (free[0] + inset, 0.04 * height, free[1] - inset, 0.04 * height + min(0.2 * height, 0.3 * canvas.width))
    if labels == "cards" and brief.business.notices:
        board(canvas, box, [rng.choice(brief.business.notices)], (232, 226, 206), "board")
    elif labels == "board":
        names = list(dict.fromkeys(one.thing.name for one in canvas.placed if one.where in ("counter", "case")))
        priced = [f"{name.capitalize()} {price(canvas)}" for name in names[:2]]
        notices = rng.sample(brief.business.notices, 2) if brief.business.notices else priced
        board(canvas, box, notices, (44, 54, 50), "board")
    elif rng.random() < 0.7:
        sign(canvas, box, brief.signs)


def _front(canvas: Canvas, top: float, panel: Colour) -> None:
    """Panels, and the shadow under the edge."""
    width, height = canvas.width, canvas.height
    gradient(canvas, (0, top, width, top + 0.06 * height), darker(panel, 0.45), darker(panel, 0.1))
    count = 4
    for number in range(count):
        left = width * (number + 0.1) / count
        canvas.draw.rectangle(
            (left, top + 0.09 * height, left + width * 0.8 / count, height * 0.97), darker(panel, 0.2)
        )


def _glass_case(canvas: Canvas, box: Box, wares: Sequence[Thing], priced: bool) -> None:
    """A glass case in the front of the counter, of one or two boards."""
    left, top, right, bottom = box
    gradient(canvas, box, (255, 246, 220), (214, 196, 160))
    foot = bottom - (card_height(canvas) * 1.15 if priced else 0.05 * (bottom - top))
    canvas.draw.rectangle((left, foot, right, bottom), (176, 152, 116))
    first = len(canvas.placed)
    thick = max(2, canvas.side // 140)
    boards = canvas.rows(wares, (left, right), top + 0.02 * (bottom - top), foot, "case", 1 if priced else 2)
    for shelf in boards[:-1]:
        canvas.draw.rectangle((left, shelf, right, shelf + thick), (186, 200, 208))
    if priced:
        cards(canvas, canvas.placed[first:], foot + 0.07 * card_height(canvas))
    canvas.draw.rectangle(box, outline=(236, 240, 244), width=max(3, canvas.side // 90))
