"""Pictures that nobody photographed, as businesses upload them: menus and price lists, logos and flyers, charts.

Drawn from a seed alone, without any defect; with the font that comes with Pillow.
"""

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageFont

_LIGHT = ("#ffffff", "#ffffff", "#fdfaf3", "#f4f1ea", "#fff4e0", "#eef5f0")
_DARK = ("#1b1b1f", "#22303c", "#2b2119", "#10331f")
_VIVID = ("#d7263d", "#1b998b", "#f46036", "#2e294e", "#e2a72e", "#3a86ff", "#8338ec", "#588157", "#bc6c25", "#023047")
_DISHES = (
    "Tomato soup", "Garlic bread", "Grilled chicken", "Paneer tikka", "Caesar salad", "Pizza margherita", "Fish curry",
    "Mushroom risotto", "Masala dosa", "Lamb burger", "Apple pie", "Mango lassi", "Espresso", "Green tea", "Haircut",
    "Beard trim", "Full facial", "Oil change", "Wheel alignment", "Car wash", "Root canal", "Eye test", "Deep massage",
)  # fmt: skip
_NOTES = ("with herbs and olive oil", "served with rice", "per person, 45 minutes", "vegetarian", "from 10 am", "new")
_TITLES = ("Menu", "Price list", "Our services", "Lunch specials", "Drinks", "Opening hours", "Spa packages", "Tariff")
_NAMES = ("Aurora", "Green Leaf", "Moto Point", "Bella", "Sunrise", "Blue Door", "Nova", "Oak & Co", "Pixel", "Lotus")

Draw = Callable[[random.Random], Image.Image]


def text_page(rng: random.Random) -> Image.Image:
    """A menu or a price list: title, lines in one or two columns with prices, now and then on a dark ground."""
    width, height = rng.choice(((800, 1100), (900, 1200), (1000, 1414), (1200, 900), (640, 900)))
    dark = rng.random() < 0.2
    page = Image.new("RGB", (width, height), rng.choice(_DARK if dark else _LIGHT))
    draw, ink = ImageDraw.Draw(page), "#f2efe6" if dark else rng.choice(("#000000", "#222222", "#3b2a1a"))
    accent, margin, size = rng.choice(_VIVID), rng.randint(30, 90), rng.randint(15, 30)
    draw.text((width / 2, margin), rng.choice(_TITLES), accent, _font(size * 2), anchor="mt")
    if rng.random() < 0.5:
        draw.rectangle((margin // 3, margin // 3, width - margin // 3, height - margin // 3), outline=accent, width=3)
    columns = rng.choice((1, 1, 2))
    step = (width - 2 * margin) // columns
    for column in range(columns):
        left, top = margin + column * step, margin + size * 4
        while top < height - margin - size * 2:
            top = _entry(draw, rng, (left, top, left + step - 20), size, (ink, accent))
    return page


def _entry(
    draw: ImageDraw.ImageDraw, rng: random.Random, place: tuple[int, int, int], size: int, inks: tuple[str, str]
) -> int:
    """One line of a page with its price; where the next one begins."""
    left, top, right = place
    draw.text((left, top), rng.choice(_DISHES), inks[0], _font(size))
    draw.text((right, top), f"{rng.randint(2, 90)}.{rng.choice(('00', '50', '90'))}", inks[1], _font(size), anchor="ra")
    top += round(size * 1.4)
    if rng.random() < 0.5:
        draw.text((left, top), rng.choice(_NOTES), inks[0], _font(round(size * 0.7)))
        top += round(size * 1.1)
    if rng.random() < 0.2:
        draw.line((left, top, right, top), inks[1], 1)
    return top + round(size * 0.5)


def graphic(rng: random.Random) -> Image.Image:
    """A logo or a flyer: a few flat colours, smooth shapes, at times a gradient, and a name."""
    width, height = rng.choice(((500, 500), (800, 800), (1000, 600), (1200, 628), (600, 850)))
    page = Image.new("RGB", (width * 2, height * 2), rng.choice((*_LIGHT, *_VIVID)))
    if rng.random() < 0.25:
        page.paste(_gradient(rng, page.size))
    draw = ImageDraw.Draw(page)
    for _ in range(rng.randint(2, 7)):
        x, y = rng.randint(0, width * 2), rng.randint(0, height * 2)
        reach = rng.randint(width // 6, width)
        _shape(draw, rng, (x - reach, y - reach, x + reach, y + reach), rng.choice(_VIVID))
    page = page.resize((width, height), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(page)
    size = rng.randint(height // 12, height // 5)
    ground = rng.choice(("#ffffff", "#111111"))
    ink = "#111111" if ground == "#ffffff" else "#ffffff"
    if rng.random() < 0.6:
        draw.rectangle((0, height // 2 - size, width, height // 2 + size), fill=ground)
    draw.text((width / 2, height / 2), rng.choice(_NAMES), ink, _font(size), anchor="mm")
    return page


def _shape(draw: ImageDraw.ImageDraw, rng: random.Random, box: tuple[int, int, int, int], colour: str) -> None:
    kind = rng.randrange(4)
    if kind == 0:
        draw.ellipse(box, fill=colour)
    elif kind == 1:
        draw.rounded_rectangle(box, (box[2] - box[0]) // 5, fill=colour)
    elif kind == 2:
        draw.regular_polygon(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, (box[2] - box[0]) / 2), 3, fill=colour)
    else:
        draw.arc(box, rng.randint(0, 180), rng.randint(200, 360), fill=colour, width=rng.randint(8, 60))


def _gradient(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    one, other = (Image.new("RGB", size, rng.choice(_VIVID)) for _ in range(2))
    ramp = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180))).resize(size)
    return Image.composite(one, other, ramp)


def chart(rng: random.Random) -> Image.Image:
    """Bars, lines or a pie, with axes, a grid and labels."""
    width, height = rng.choice(((800, 600), (1000, 600), (640, 480), (1200, 800)))
    page = Image.new("RGB", (width, height), rng.choice(_LIGHT))
    draw, size = ImageDraw.Draw(page), rng.randint(12, 20)
    draw.text(
        (width / 2, 14), f"{rng.choice(_TITLES)} {rng.randint(2015, 2026)}", "#222222", _font(size + 6), anchor="mt"
    )
    left, top, right, bottom = 70, 60, width - 30, height - 50
    kind = rng.choice(("bars", "bars", "lines", "pie"))
    if kind == "pie":
        start = 0.0
        for colour in rng.sample(_VIVID, 5):
            end = start + rng.uniform(40, 100)
            draw.pieslice(
                (left, top, left + bottom - top, bottom), start, min(end, 360), fill=colour, outline="#ffffff"
            )
            start = min(end, 360)
        return page
    for number in range(6):
        y = bottom - number * (bottom - top) / 5
        draw.line((left, y, right, y), "#dddddd", 1)
        draw.text((left - 8, y), str(number * 20), "#555555", _font(size), anchor="rm")
    draw.line((left, top, left, bottom, right, bottom), "#333333", 2)
    (_bars if kind == "bars" else _lines)(draw, rng, (left, top, right, bottom), size)
    return page


def _bars(draw: ImageDraw.ImageDraw, rng: random.Random, box: tuple[int, int, int, int], size: int) -> None:
    left, top, right, bottom = box
    count, colour = rng.randint(4, 12), rng.choice(_VIVID)
    step = (right - left) / count
    for number in range(count):
        x, high = left + number * step, rng.uniform(0.1, 0.95) * (bottom - top)
        draw.rectangle((x + step * 0.2, bottom - high, x + step * 0.8, bottom - 1), fill=colour)
        draw.text((x + step / 2, bottom + 8), f"Q{number + 1}", "#333333", _font(size), anchor="mt")


def _lines(draw: ImageDraw.ImageDraw, rng: random.Random, box: tuple[int, int, int, int], size: int) -> None:
    left, top, right, bottom = box
    for number, colour in enumerate(rng.sample(_VIVID, rng.randint(1, 4))):
        count = rng.randint(6, 30)
        points = [
            (left + at * (right - left) / (count - 1), bottom - rng.uniform(0.05, 0.95) * (bottom - top))
            for at in range(count)
        ]
        draw.line(points, colour, rng.randint(1, 4), joint="curve")
        draw.text((right - 60, top + 4 + number * size * 1.4), f"series {number + 1}", colour, _font(size))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


DRAWN: Mapping[str, Draw] = MappingProxyType({"text pages": text_page, "flat graphics": graphic, "charts": chart})
"""By kind."""


HELD_OUT_FROM = 1000
"""Limits were chosen while looking at pictures of lower numbers; figures are measured from this one on."""


def drawn_pictures(kind: str, count: int, first: int = 0) -> list[Image.Image]:
    """``count`` of a kind, from number ``first`` on."""
    return [DRAWN[kind](random.Random(f"justlens {kind} {number}")) for number in range(first, first + count)]
