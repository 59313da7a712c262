"""Prices: cards under things, boards, round labels."""

from collections.abc import Sequence

from workers.training.world.canvas import Box, Canvas, Placed
from workers.training.world.colours import Colour, near

PAPER: Colour = (252, 250, 240)


def price(canvas: Canvas) -> str:
    return f"{canvas.rng.randint(1, 39)}.{canvas.rng.choice(('00', '20', '50', '80', '95'))}"


def card_height(canvas: Canvas) -> float:
    return max(1.7 * canvas.text_floor_px, 0.07 * canvas.height)


def cards(canvas: Canvas, placed: Sequence[Placed], top: float) -> None:
    """A card with a price under the first thing of each name, where it fits beside the others."""
    edge = 0.02 * canvas.width
    done: set[str] = set()
    for one in placed:
        wide = max(one.box[2] - one.box[0], 3.2 * canvas.text_floor_px)
        middle = (one.box[0] + one.box[2]) / 2
        box: Box = (middle - wide / 2, top, middle + wide / 2, top + card_height(canvas))
        inner = (box[0] + 4, box[1] + 1, box[2] - 4, box[3] - 1)
        line = price(canvas)
        if one.thing.name in done or box[0] < edge or canvas.legible([line], inner) is None:
            continue
        done.add(one.thing.name)
        edge = box[2] + 3
        if edge > 0.98 * canvas.width:
            return
        canvas.cover_box(box, PAPER)
        canvas.draw.rectangle(box, outline=(120, 116, 108))
        canvas.write([line], inner, PAPER, "price")


def board(canvas: Canvas, box: Box, lines: Sequence[str], ground: Colour, where: str) -> None:
    """A board with as many of ``lines`` as can be read on it; no board when none can."""
    left, top, right, bottom = box
    pad = 0.05 * (right - left)
    for count in range(len(lines), 0, -1):
        inner = (left + pad, top + 0.06 * (bottom - top), right - pad, bottom - 0.06 * (bottom - top))
        high = (inner[3] - inner[1]) / count
        if all(canvas.legible([line], (inner[0], 0, inner[2], high)) for line in lines[:count]):
            canvas.cover_box(box, ground)
            canvas.draw.rectangle(box, outline=(66, 48, 34), width=max(2, canvas.side // 110))
            canvas.write(lines[:count], inner, ground, where, (250, 248, 236))
            return


def round_price(canvas: Canvas, left: float, top: float, side: float) -> None:
    """A coloured disc with a price."""
    line = f"{canvas.rng.randint(1, 99)}.{canvas.rng.choice(('00', '50', '90'))}"
    inner = (left + side * 0.12, top + side * 0.25, left + side * 0.88, top + side * 0.75)
    if canvas.legible([line], inner) is None:
        return
    ground = canvas.ground(near(canvas.rng.choice(("red", "yellow", "green")), canvas.rng))
    canvas.draw.ellipse((left, top, left + side, top + side), ground)
    canvas.write([line], inner, ground, "price", (255, 255, 255))
