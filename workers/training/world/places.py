"""Where the things of a scene are in the finished picture."""

from workers.training.world.camera import Camera, corners_seen
from workers.training.world.canvas import Box, Canvas
from workers.training.world.frames import inner_size
from workers.training.world.geometry import perspective

Place = tuple[str, Box]
"""A thing's name, and its left, top, right and bottom as shares of the picture's sides."""


def places(canvas: Canvas, plan: Camera, final: tuple[int, int]) -> tuple[Place, ...]:
    """Of everything that is visible. A box may reach a little beyond the picture."""
    width, height = canvas.picture.size
    whole = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    a, b, c, d, e, f, g, h = perspective(corners_seen(plan, (width, height)), whole)
    inner = inner_size(final)[1] / final[1] if "screenshot" in plan.defects else 1.0

    def moved(x: float, y: float) -> tuple[float, float]:
        depth = g * x + h * y + 1
        return (a * x + b * y + c) / depth / width, (1 - inner) / 2 + inner * (d * x + e * y + f) / depth / height

    return tuple((one.thing.name, (*moved(*one.box[:2]), *moved(*one.box[2:]))) for one in canvas.visible())
