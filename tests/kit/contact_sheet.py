"""The pictures of the README, from a demo that is running: what was enlarged beside what a bicubic filter makes of the
same original, and what was said of drawn pictures.

python -m tests.kit.contact_sheet justlens-demo deploy/pictures
"""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import wrap
from typing import Any

from PIL import Image, ImageDraw, ImageFont

import orchestrator.cli

SAMPLES = Path(orchestrator.cli.__file__).parent / "samples"
CROPS = (
    ("corner-cafe/coffee", "photographs/coffee.jpg", (0.39, 0.36)),
    ("happy-paws-vet/chelsea", "photographs/chelsea.jpg", (0.39, 0.32)),
    ("golden-crust-bakery/counter", "world/golden-crust-bakery/counter.jpg", (0.11, 0.25)),
)
"""What is shown of which picture: the left upper corner, as shares of its sides."""
DESCRIBED = (
    "golden-crust-bakery/shop-front", "rose-garden-florist/shop-front", "clear-view-optician/shop-front",
    "bella-napoli/shop-front", "two-wheels-bicycles/shop-front", "golden-crust-bakery/counter",
    "rose-garden-florist/counter", "clear-view-optician/counter",
)  # fmt: skip
_CROP_PX, _CELL_PX, _GAP_PX, _COLUMNS = 290, 230, 10, 4
_FONT = "DejaVuSans.ttf"


def known(data: Path, image: str) -> dict[str, Any]:
    """Everything that the running demo knows of ``image`` ("business/image")."""
    command = [sys.executable, "-m", "orchestrator", "--data-dir", str(data), "image", *image.split("/"), "--json"]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def enlarged_sheet(data: Path) -> Image.Image:
    """Two rows: the originals by a bicubic filter, and the results."""
    sheet = Image.new("RGB", (len(CROPS) * (_CROP_PX + _GAP_PX) + _GAP_PX, 2 * (_CROP_PX + 30)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.truetype(_FONT, 13)
    for column, (image, original, corner) in enumerate(CROPS):
        enhanced = known(data, image)["metadata"]["enhanced"]
        after = Image.open(data / "objects" / enhanced["key"]).convert("RGB")
        before = Image.open(SAMPLES / original).convert("RGB")
        size, plain = before.size, before.resize(after.size, Image.Resampling.BICUBIC)
        left, top = round(corner[0] * after.width), round(corner[1] * after.height)
        box, x = (left, top, left + _CROP_PX, top + _CROP_PX), column * (_CROP_PX + _GAP_PX) + _GAP_PX
        for y, shown, what in ((0, plain, f"{size[0]}x{size[1]}, bicubic"), (_CROP_PX + 30, after, enhanced["model"])):
            sheet.paste(shown.crop(box), (x, y + 24))
            pen.text((x, y + 5), what, "black", font)
    return sheet


def described_sheet(data: Path) -> Image.Image:
    """Drawn pictures with their tags and alt texts."""
    rows = -(-len(DESCRIBED) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (_CELL_PX + _GAP_PX) + _GAP_PX, rows * (_CELL_PX + 110)), "white")
    pen, small = ImageDraw.Draw(sheet), ImageFont.truetype(_FONT, 11)
    for number, image in enumerate(DESCRIBED):
        x, y = number % _COLUMNS * (_CELL_PX + _GAP_PX) + _GAP_PX, number // _COLUMNS * (_CELL_PX + 110) + _GAP_PX
        picture = Image.open(SAMPLES / "world" / f"{image}.jpg").convert("RGB")
        picture.thumbnail((_CELL_PX, _CELL_PX))
        sheet.paste(picture, (x, y + _CELL_PX - picture.height))
        found = known(data, image)["metadata"]
        tags = ", ".join(name for name, _ in found["clip"]["tags"][:5])
        lines = [*wrap(found["description"]["alt_text"], 40), *wrap(tags, 40)]
        pen.multiline_text((x, y + _CELL_PX + 4), "\n".join(lines[:6]), "black", small)
    return sheet


def main(data: str, out: str) -> None:
    """Write enlarged.jpg and described.jpg to the folder ``out``."""
    Path(out).mkdir(parents=True, exist_ok=True)
    for name, made in (("enlarged", enlarged_sheet), ("described", described_sheet)):
        made(Path(data)).save(Path(out) / f"{name}.jpg", quality=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
