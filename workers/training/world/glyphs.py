"""Pictures of things: glyphs of the colour emoji font and drawn shapes, in looks that differ between the sets."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps, features

from workers.training.world.drawn import SHAPES
from workers.training.world.text import FACES, FOLDER

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
BITMAP_PX = 109
"""The only size that the bitmaps of the font have."""


Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """How a glyph is varied: mirrored, its hue turned (degrees), its brightness and its width multiplied."""

    mirrored: bool = False
    hue_degrees: float = 0.0
    brightness: float = 1.0
    width: float = 1.0


def missing() -> str | None:
    """What has to be installed before anything can be drawn; None when all is there."""
    if not FONT.is_file():
        return f"the colour emoji font {FONT} is missing: install the Debian package fonts-noto-color-emoji"
    if not (FOLDER / f"{FACES[0]}.ttf").is_file():
        return f"the DejaVu fonts are missing from {FOLDER}: install the Debian package fonts-dejavu-core"
    if not features.check("raqm"):
        return "Pillow cannot shape text (raqm): install the Debian package libfribidi0"
    return None


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    problem = missing()
    if problem:
        raise FileNotFoundError(problem)
    return ImageFont.truetype(str(FONT), BITMAP_PX)


@lru_cache(maxsize=1024)
def _plain(glyph: str) -> Image.Image:
    """The glyph as it comes, cut to what is not transparent."""
    if glyph.startswith("drawn:"):
        picture = SHAPES[glyph.removeprefix("drawn:")]()
    else:
        picture = Image.new("RGBA", (320, 200), (0, 0, 0, 0))
        ImageDraw.Draw(picture).text((20, 20), glyph, font=_font(), embedded_color=True)
    box = picture.getchannel("A").point(lambda alpha: 255 if alpha > 40 else 0).getbbox()
    if box is None:
        raise ValueError(f"the font has no glyph for {glyph!r}")
    return picture.crop(box)


@lru_cache(maxsize=2048)
def _looking(glyph: str, look: Look) -> Image.Image:
    picture = _plain(glyph)
    if look.mirrored:
        picture = ImageOps.mirror(picture)
    if look.width != 1.0:
        picture = picture.resize((max(1, round(picture.width * look.width)), picture.height), Image.Resampling.BICUBIC)
    if look.hue_degrees or look.brightness != 1.0:
        alpha = picture.getchannel("A")
        picture = Image.fromarray(_tinted(np.asarray(picture.convert("RGB"), np.float32), look))
        picture.putalpha(alpha)
    return picture


def _tinted(pixels: Floats, look: Look) -> NDArray[np.uint8]:
    """Pixels with their hue turned about the grey axis (Rodrigues' rotation formula), then made brighter or darker."""
    angle = np.deg2rad(look.hue_degrees)
    cosine, sine, third = np.cos(angle), np.sin(angle) / np.sqrt(3), (1 - np.cos(angle)) / 3
    turn = np.full((3, 3), third) + np.diag([cosine] * 3)
    turn += np.array([[0, -sine, sine], [sine, 0, -sine], [-sine, sine, 0]])
    tinted: NDArray[np.uint8] = np.clip(pixels @ turn.T.astype(np.float32) * look.brightness, 0, 255).astype(np.uint8)
    return tinted


@lru_cache(maxsize=1024)
def sprite(glyph: str, look: Look, height_px: int, tilt_degrees: int = 0) -> Image.Image:
    """The glyph in its look, ``height_px`` high before it is tilted, RGBA."""
    picture = _looking(glyph, look)
    width = max(1, round(picture.width * height_px / picture.height))
    picture = picture.resize((width, max(1, height_px)), Image.Resampling.LANCZOS)
    if tilt_degrees:
        picture = picture.rotate(tilt_degrees, Image.Resampling.BICUBIC, expand=True)
    return picture


def aspect(glyph: str, look: Look) -> float:
    """Width over height."""
    picture = _looking(glyph, look)
    return picture.width / picture.height
