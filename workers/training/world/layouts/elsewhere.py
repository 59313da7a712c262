"""Pictures of no business: a landscape, an animal in a field, a pattern."""

from collections.abc import Callable, Mapping

from workers.training.world.canvas import Canvas
from workers.training.world.catalogue import Thing, things
from workers.training.world.colours import STRONG, Colour, lighter, near
from workers.training.world.grammar import article
from workers.training.world.splits import Axes, Layout
from workers.training.world.surfaces import glow, gradient, sky

_LAND = ("hills", "beach", "mountains")
_SKIES = {"clear": "a clear sky", "cloudy": "a cloudy sky", "dusk": "an evening sky"}
LANDSCAPE: Axes = {"sky": tuple(_SKIES), "ground": _LAND, "trees": ("none", "one", "two", "three")}
FIELD: Axes = {"sky": tuple(_SKIES), "ground": _LAND, "animals": ("one", "two", "three")}
PATTERN: Axes = {
    "shape": ("circles", "stripes", "triangles", "squares"),
    "step": ("4", "5", "6"),
    "order": ("checks", "rows"),
}
_ON_BEACH = ("turtle", "crab", "ball", "flamingo")
_ON_MEADOW = ("sunflower", "rabbit", "cactus", "duck", "hibiscus")
_GROUNDS = ("white", "beige", "light blue", "pink", "grey")
COUNTS = ("none", "one", "two", "three")
ANIMALS = (
    "camel", "cow", "deer", "duck", "elephant", "flamingo", "giraffe", "horse", "kangaroo", "monkey", "owl", "penguin",
    "sheep", "swan", "tiger",
)  # fmt: skip


def landscape(canvas: Canvas, layout: Layout) -> None:
    """Land under a sky, perhaps trees and what else grows or creeps there."""
    canvas.details["subject"] = "landscape"
    horizon = _land(canvas, layout)
    beach = layout["ground"] == "beach"
    trees = [things()["palm tree" if beach else "tree"]] * COUNTS.index(layout["trees"])
    other = things()[canvas.rng.choice(_ON_BEACH if beach else _ON_MEADOW)]
    _on_land(canvas, [*trees, *[other] * canvas.rng.randint(0, 2)], horizon)


def field(canvas: Canvas, layout: Layout) -> None:
    """Animals of one kind under a sky."""
    canvas.details["subject"] = "animal"
    horizon = _land(canvas, layout)
    one, other = (things()[name] for name in canvas.rng.sample(ANIMALS, 2))
    _on_land(canvas, [*[one] * COUNTS.index(layout["animals"]), *[other] * canvas.rng.choice((0, 0, 1, 2))], horizon)


def _land(canvas: Canvas, layout: Layout) -> float:
    """Sky and ground; the height of the horizon."""
    horizon = canvas.height * canvas.rng.uniform(0.45, 0.6)
    sky(canvas, layout["sky"], (0, 0, canvas.width, horizon), canvas.rng)
    canvas.details["sky"] = _SKIES[layout["sky"]]
    _ground(canvas, layout["ground"], horizon)
    return horizon


def _on_land(canvas: Canvas, standing: list[Thing], horizon: float) -> None:
    base = horizon + 0.6 * (canvas.height - horizon)
    canvas.row(standing, (0.08 * canvas.width, 0.92 * canvas.width), base, 0.34 * canvas.side, "field")


def _ground(canvas: Canvas, kind: str, horizon: float) -> None:
    rng, width, height = canvas.rng, canvas.width, canvas.height
    sun = (rng.uniform(0.15, 0.85) * width, rng.uniform(0.1, 0.4) * horizon)
    glow(canvas, sun, 0.12 * canvas.side, (255, 240, 170), 255)
    if kind == "beach":
        gradient(canvas, (0, horizon, width, height), (40, 120, 180), (90, 180, 210))
        gradient(canvas, (0, horizon + 0.3 * (height - horizon), width, height), (236, 214, 160), (222, 190, 130))
        canvas.details["ground"] = "a sandy beach by the sea"
    else:
        for share, shade in ((0.0, 0.35), (0.5, 0.1)):
            _ridge(canvas, horizon, share, shade, 0.34 if kind == "mountains" else 0.12, kind == "mountains")
        canvas.details["ground"] = "green hills" if kind == "hills" else "mountains behind a meadow"
        gradient(canvas, (0, horizon, width, height), (120, 178, 84), (78, 140, 62))


def _ridge(canvas: Canvas, horizon: float, share: float, shade: float, high: float, jagged: bool) -> None:
    """A line of hills or peaks along the horizon."""
    rng, width = canvas.rng, canvas.width
    green, grey = near("green", rng), near("grey", rng)
    colour = lighter(grey if jagged else green, shade)
    count = rng.randint(3, 4)
    for number in range(count):
        middle = width * (number + 0.5 + share * 0.5) / count
        rise = high * canvas.height * rng.uniform(0.5, 1.0) * (1 - share * 0.4)
        half = width / count * rng.uniform(0.7, 0.95)
        if jagged:
            canvas.draw.polygon([(middle - half, horizon), (middle, horizon - rise), (middle + half, horizon)], colour)
            cap = [
                (middle - half * 0.25, horizon - rise * 0.75),
                (middle, horizon - rise),
                (middle + half * 0.25, horizon - rise * 0.75),
            ]
            canvas.draw.polygon(cap, (248, 250, 252))
        else:
            canvas.draw.ellipse((middle - half, horizon - rise, middle + half, horizon + rise), colour)


def pattern(canvas: Canvas, layout: Layout) -> None:
    """Coloured shapes on a pale ground."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    names = [rng.choice(_GROUNDS), *rng.sample([name for name in STRONG if name != "black"], 2)]
    canvas.draw.rectangle((0, 0, width, height), near(names[0], rng))
    canvas.details |= {"subject": "pattern", "pattern": layout["shape"], "colours": f"{names[1]} and {names[2]}"}
    canvas.details["background"] = f"{article(names[0])} background"
    step = canvas.side / int(layout["step"])
    for row in range(int(height / step) + 1):
        if layout["shape"] == "stripes":
            thick = step * (0.8 if layout["order"] == "rows" else 0.4)
            canvas.draw.rectangle((0, row * step, width, row * step + thick), near(names[1 + row % 2], rng))
            continue
        for column in range(int(width / step) + 1):
            colour = near(names[1 + (row + (column if layout["order"] == "checks" else 0)) % 2], rng)
            _shape(
                canvas,
                layout["shape"],
                (column + 0.5) * step,
                (row + 0.5) * step,
                step * rng.uniform(0.22, 0.45),
                colour,
            )


def _shape(canvas: Canvas, kind: str, x: float, y: float, radius: float, colour: Colour) -> None:
    box = (x - radius, y - radius, x + radius, y + radius)
    if kind == "circles":
        canvas.draw.ellipse(box, colour)
    elif kind == "squares":
        canvas.draw.rectangle(box, colour)
    else:
        canvas.draw.polygon([(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)], colour)


SUBJECTS: Mapping[str, tuple[Axes, Callable[[Canvas, Layout], None]]] = {
    "landscape": (LANDSCAPE, landscape),
    "field": (FIELD, field),
    "pattern": (PATTERN, pattern),
}
