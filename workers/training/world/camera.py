"""What happens to a picture between the scene and the sender. Strong effects are defects; mild ones merely vary."""

import io
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from workers.training.world.colours import READABLE_CONTRAST
from workers.training.world.geometry import perspective
from workers.training.world.surfaces import GRAIN_SIDE, grain

CLEAN_SHARE = 0.68
EFFECTS = ("blur", "noise", "dark", "jpeg", "watermark", "screenshot")
DARK_MEAN = 58.0
LIGHT_MEAN = 90.0
"""The mean levels, of 255, that a dark picture has at most and any other at least."""


@dataclass(frozen=True, slots=True)
class Camera:
    """``blur_px`` and ``noise_levels`` are deviations in pixels and levels of the final picture; ``lean`` is how far
    each corner moves in, as a share of the sides."""

    defects: tuple[str, ...]
    lean: tuple[float, ...]
    blur_px: float
    noise_levels: float
    jpeg_quality: int | None

    @property
    def text_floor_px(self) -> int:
        """The smallest letters, in pixels of the final picture, that stay readable through this camera."""
        floor = 10.0 if not self.defects else 12.0
        if "blur" in self.defects:
            floor = max(floor, 9.0 * self.blur_px)
        if "noise" in self.defects or "jpeg" in self.defects:
            floor = max(floor, 15.0)
        return round(floor)

    @property
    def text_contrast(self) -> float:
        """The least contrast of letters and ground that stays readable through this camera."""
        return 9.0 if {"dark", "noise", "jpeg"} & set(self.defects) else READABLE_CONTRAST


def camera(rng: random.Random, final_side_px: int) -> Camera:
    """Choose effects: none for two thirds of the pictures, else one, now and then two."""
    chosen: list[str] = []
    if rng.random() > CLEAN_SHARE:
        chosen = rng.sample(EFFECTS, 2 if rng.random() < 0.2 else 1)
    scale = final_side_px / 320
    grainy = rng.uniform(17, 28) * (0.5 if "dark" in chosen else 1.0)
    return Camera(
        defects=tuple(name for name in EFFECTS if name in chosen),
        lean=tuple(rng.uniform(0, 0.035) for _ in range(8)),
        blur_px=rng.uniform(1.3, 1.9) * scale if "blur" in chosen else 0.0,
        noise_levels=grainy if "noise" in chosen else rng.uniform(0, 3.5),
        jpeg_quality=rng.randint(9, 16) if "jpeg" in chosen else None,
    )


def corners_seen(plan: Camera, size: tuple[int, int]) -> list[tuple[float, float]]:
    """What of a sheet of ``size`` becomes the corners of the picture: left above, then clockwise."""
    width, height = float(size[0]), float(size[1])
    a, b, c, d, e, f, g, h = plan.lean
    return [
        (a * width, b * height), (width - c * width, d * height),
        (width - e * width, height - f * height), (g * width, height - h * height),
    ]  # fmt: skip


def photograph(picture: Image.Image, plan: Camera, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """The picture as ``plan`` takes it, ``size`` large; watermarks and frames are added elsewhere."""
    width, height = picture.size
    source = corners_seen(plan, picture.size)
    target = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    taken = picture.transform(
        picture.size, Image.Transform.PERSPECTIVE, perspective(target, source), Image.Resampling.BILINEAR
    ).resize(size, Image.Resampling.LANCZOS)
    if plan.blur_px:
        taken = taken.filter(ImageFilter.GaussianBlur(plan.blur_px))
    pixels = np.array(taken, np.float32)
    mean = max(1.0, float(pixels.mean()))
    wanted = max(LIGHT_MEAN, mean * rng.uniform(0.94, 1.06))
    if "dark" in plan.defects:
        wanted = DARK_MEAN * rng.uniform(0.8, 1.0)
    pixels *= wanted / mean
    if plan.noise_levels > 0.5:
        pixels += _noise(size, rng) * plan.noise_levels
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def compressed(picture: Image.Image, quality: int) -> Image.Image:
    """The picture after a JPEG file of that quality."""
    with Image.open(io.BytesIO(jpeg_bytes(picture, quality))) as opened:
        return opened.convert("RGB")


def jpeg_bytes(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _noise(size: tuple[int, int], rng: random.Random) -> NDArray[np.float32]:
    """Grey and coloured noise, one deviation high."""
    width, height = size
    planes: list[NDArray[np.float32]] = []
    for _ in range(3):
        x, y = rng.randrange(GRAIN_SIDE - width + 1), rng.randrange(GRAIN_SIDE - height + 1)
        planes.append(grain()[y : y + height, x : x + width])
    return np.stack(planes, axis=-1)
