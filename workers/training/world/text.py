"""Writing: fonts, and sizes that fit."""

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FOLDER = Path("/usr/share/fonts/truetype/dejavu")
FACES = ("DejaVuSans-Bold", "DejaVuSerif-Bold", "DejaVuSans", "DejaVuSansMono-Bold")
_REFERENCE_PX = 64


@lru_cache(maxsize=512)
def font(face: str, size_px: int) -> ImageFont.FreeTypeFont:
    """Raises FileNotFoundError when the fonts are not installed."""
    path = FOLDER / f"{face}.ttf"
    if not path.is_file():
        raise FileNotFoundError(f"the font {path} is missing: install the Debian package fonts-dejavu-core")
    return ImageFont.truetype(str(path), size_px, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _width_per_px(line: str, face: str) -> float:
    return font(face, _REFERENCE_PX).getlength(line) / _REFERENCE_PX


def fitting_size_px(line: str, face: str, width_px: float, height_px: float) -> int:
    """The largest size at which ``line`` fits; ascenders and descenders take 1.17 of it."""
    return int(min(width_px / max(_width_per_px(line, face), 0.1), height_px / 1.17))
