"""Many pictures on one."""

import math
from collections.abc import Sequence

from PIL import Image

CELL_PX = 240
GAP_PX = 4


def contact_sheet(pictures: Sequence[Image.Image], columns: int = 8) -> Image.Image:
    """The pictures, each at most ``CELL_PX`` wide and high, row by row on white."""
    step = CELL_PX + GAP_PX
    across = max(1, min(columns, len(pictures)))
    sheet = Image.new("RGB", (across * step, max(1, math.ceil(len(pictures) / across)) * step), "white")
    for number, picture in enumerate(pictures):
        left, top = number % across * step, number // across * step
        sheet.paste(picture, (left + (CELL_PX - picture.width) // 2, top + (CELL_PX - picture.height) // 2))
    return sheet
