"""What a sender lays over a picture: a stock agency's watermark, a telephone's bars."""

import random

from PIL import Image, ImageDraw

from workers.training.world.text import FACES, fitting_size_px, font

MARKS = ("SAMPLE", "PREVIEW", "STOCK PHOTO", "DO NOT COPY", "DEMO")
BAR_SHARE = 0.085
"""The height of each of a screenshot's two bars, of the picture's."""


def watermarked(picture: Image.Image, rng: random.Random) -> tuple[Image.Image, str]:
    """Pale letters across the middle, slanting; the picture and what they say."""
    line = rng.choice(MARKS)
    width, height = picture.size
    size_px = fitting_size_px(line, FACES[0], width * 0.72, height * 0.24)
    layer = Image.new("L", picture.size)
    ImageDraw.Draw(layer).text((width / 2, height / 2), line, 125, font(FACES[0], size_px), anchor="mm")
    layer = layer.rotate(rng.uniform(8, 18), Image.Resampling.BICUBIC, translate=(0, round(height * 0.12)))
    marked = picture.copy()
    shift = max(1, size_px // 24)
    marked.paste(
        (24, 24, 24),
        (shift, shift, *picture.size),
        layer.crop((0, 0, width - shift, height - shift)).point(lambda alpha: alpha // 2),
    )
    marked.paste((255, 255, 255), (0, 0), layer)
    return marked, line


def inner_size(size: tuple[int, int]) -> tuple[int, int]:
    """What a screenshot of ``size`` leaves for the picture itself."""
    bar = _bar(size)
    return size[0], size[1] - 2 * bar


def _bar(size: tuple[int, int]) -> int:
    return max(22, round(size[1] * BAR_SHARE))


def framed(picture: Image.Image, size: tuple[int, int], rng: random.Random) -> tuple[Image.Image, str]:
    """A telephone's screen around ``picture``: status bar with the time, buttons below; also what the bar says."""
    width, height = size
    bar = _bar(size)
    ground, ink = rng.choice((((18, 18, 20), (245, 245, 245)), ((246, 246, 248), (20, 20, 24))))
    screen = Image.new("RGB", size, ground)
    screen.paste(picture, (0, bar))
    draw = ImageDraw.Draw(screen)
    time = f"{rng.randint(7, 22)}:{rng.randint(0, 59):02d}"
    size_px = max(12, round(bar * 0.55))
    draw.text((bar * 0.5, bar / 2), time, ink, font(FACES[0], size_px), anchor="lm")
    unit, right = bar * 0.1, width - bar * 0.5
    draw.rectangle((right - 7 * unit, 3 * unit, right, 7 * unit), outline=ink)
    draw.rectangle((right - 6.4 * unit, 3.6 * unit, right - rng.uniform(1, 4) * unit, 6.4 * unit), fill=ink)
    for step in range(4):
        x = right - (14 - 1.5 * step) * unit
        draw.rectangle((x, (6 - step) * unit, x + unit, 7 * unit), fill=ink)
    middle = height - bar / 2
    draw.polygon(
        [
            (width * 0.25 + 2 * unit, middle - 2 * unit),
            (width * 0.25 - 2 * unit, middle),
            (width * 0.25 + 2 * unit, middle + 2 * unit),
        ],
        ink,
    )
    draw.ellipse(
        (width * 0.5 - 2 * unit, middle - 2 * unit, width * 0.5 + 2 * unit, middle + 2 * unit), outline=ink, width=2
    )
    draw.rectangle(
        (width * 0.75 - 2 * unit, middle - 2 * unit, width * 0.75 + 2 * unit, middle + 2 * unit), outline=ink, width=2
    )
    return screen, time
