"""A room: floor and walls in perspective, shelves, a table or a desk, things on the floor, somebody in it."""

from workers.training.world.brief import Brief
from workers.training.world.canvas import Box, Canvas
from workers.training.world.catalogue import Thing
from workers.training.world.colours import SOFT, darker, lighter, near
from workers.training.world.layouts.furniture import desk, pendant, poster, rug, shelf, table, wall_sign
from workers.training.world.splits import Axes, Layout
from workers.training.world.surfaces import MATERIALS, floor

AXES: Axes = {
    "view": ("left", "centre", "right"),
    "wall": ("plaster", "striped", "tiled", "brick"),
    "floor": ("wooden", "tiled", "carpet"),
    "furniture": ("shelf", "table", "desk"),
    "lamps": ("none", "one", "two"),
}
MOST_KINDS, MOST_THINGS = 4, 7


def draw(canvas: Canvas, layout: Layout, brief: Brief) -> None:
    """Draw a room: what fits a shelf stands on the furniture, the rest on the floor."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    left, right = {"left": (0.06, 0.74), "centre": (0.15, 0.85), "right": (0.26, 0.94)}[layout["view"]]
    back: Box = (left * width, rng.uniform(0.07, 0.11) * height, right * width, rng.uniform(0.6, 0.67) * height)
    colour_name = rng.choice(SOFT)
    colour = near(colour_name, rng)
    _shell(canvas, back, layout, colour)
    canvas.details["walls"] = f"{colour_name} walls"
    canvas.details["floor"] = "a carpet" if layout["floor"] == "carpet" else f"a {layout['floor']} floor"
    for share in {"none": (), "one": (0.05,), "two": (0.05, 0.95)}[layout["lamps"]]:
        pendant(canvas, back[0] + (back[2] - back[0]) * share, back[1], 0.12 * height)
    wall_sign(canvas, back, brief.signs)
    _furnish(canvas, layout["furniture"], back, brief)


def _shell(canvas: Canvas, back: Box, layout: Layout, colour: tuple[int, int, int]) -> None:
    """Back wall, side walls, ceiling and floor."""
    width, height = canvas.width, canvas.height
    left, top, right, bottom = back
    MATERIALS[layout["wall"]](canvas, back, colour)
    canvas.draw.polygon([(0, 0), (left, top), (left, bottom), (0, height)], darker(colour, 0.16))
    canvas.draw.polygon([(width, 0), (right, top), (right, bottom), (width, height)], darker(colour, 0.24))
    canvas.draw.polygon([(0, 0), (width, 0), (right, top), (left, top)], lighter(colour, 0.7))
    ground = {"wooden": "brown", "tiled": "grey", "carpet": canvas.rng.choice(("red", "dark blue", "green"))}
    corners = [(left, bottom), (right, bottom), (float(width), float(height)), (0.0, float(height))]
    floor(canvas, layout["floor"], corners, near(ground[layout["floor"]], canvas.rng))
    skirting = max(2, canvas.side // 90)
    canvas.draw.rectangle((left, bottom - skirting, right, bottom), lighter(colour, 0.5))
    for corner, edge in (((left, bottom), (0, height)), ((right, bottom), (width, height))):
        canvas.draw.line((*corner, *edge), lighter(colour, 0.4), skirting)
    if left > 0.2 * width:
        _side_window(canvas, left, top, bottom)


def _side_window(canvas: Canvas, left: float, top: float, bottom: float) -> None:
    """A window in the left wall, in perspective."""
    near_x, far_x = left * 0.25, left * 0.75
    corners = [
        (near_x, bottom * 0.28),
        (far_x, top + (bottom - top) * 0.24),
        (far_x, bottom * 0.72),
        (near_x, bottom * 0.86),
    ]
    canvas.draw.polygon(corners, (188, 220, 240))
    canvas.draw.line([*corners, corners[0]], (246, 246, 242), max(2, canvas.side // 80))
    middle = (near_x + far_x) / 2
    canvas.draw.line(
        (middle, bottom * 0.26 + top * 0.1, middle, bottom * 0.79), (246, 246, 242), max(2, canvas.side // 120)
    )


def _furnish(canvas: Canvas, kind: str, back: Box, brief: Brief) -> None:
    """Small things on the furniture, large ones and whoever passes on the floor beside it."""
    small, passer_by = brief.on_shelf(), brief.passer_by
    large = brief.on_floor()[: 3 if canvas.width >= canvas.height else 2]
    left, _, right, bottom = back
    wide, tall = right - left, canvas.height
    wood = near(canvas.rng.choice(("brown", "white", "black", "beige")), canvas.rng)
    on_desk = kind == "desk" or (kind == "table" and bool(small))
    if on_desk and large:
        passer_by = None
    taken = 0.0 if not (large or passer_by) else 0.5 if large else 0.32
    span = (left, right - taken * wide)
    if kind == "desk":
        desk(canvas, span, bottom - 0.02 * tall, small, wood, brief.business.staff)
    elif kind == "shelf" and small:
        low = bottom - (0.14 if taken else 0.02) * tall
        shelf(canvas, (left + 0.06 * wide, _under_sign(back), right - 0.06 * wide, low), small, wood)
    elif small:
        table(canvas, span, bottom + 0.02 * tall, small, wood)
    elif kind == "table":
        rug(canvas, back)
    if kind != "shelf":
        _posters(canvas, back)
    room = (span[1] + 0.03 * wide if on_desk else 0.06 * canvas.width, 0.96 * canvas.width)
    _stand(canvas, room, bottom + 0.68 * (tall - bottom), large, passer_by)


def _stand(canvas: Canvas, room: tuple[float, float], base: float, large: list[Thing], passer_by: Thing | None) -> None:
    """People are a third of the picture high, and everything else in proportion."""
    unit = 0.25 * canvas.height
    if passer_by is not None and large:
        cut = room[1] - 0.26 * (room[1] - room[0])
        canvas.row([passer_by], (cut, room[1]), base, unit * passer_by.size, "beside")
        room = (room[0], cut)
    elif passer_by is not None:
        canvas.row([passer_by], room, base, unit * passer_by.size, "beside")
    if large:
        canvas.row(large, room, base, unit * 1.35 * max(thing.size for thing in large), "floor")


def _under_sign(back: Box) -> float:
    left, top, right, bottom = back
    return top + 0.3 * min(bottom - top, 1.1 * (right - left))


def _posters(canvas: Canvas, back: Box) -> None:
    """Decoration, where much of the wall would stay bare above the furniture."""
    left, _, right, bottom = back
    top, low = _under_sign(back), bottom - 0.34 * canvas.height
    high = low - top
    if high < 0.1 * canvas.height:
        return
    for share in (0.2, 0.5, 0.8):
        middle, half = left + share * (right - left), min(0.1 * (right - left), 0.4 * high)
        poster(canvas, (middle - half, top, middle + half, top + min(high, 2.6 * half)))
