"""The model without weights: Pillow's Lanczos resampling."""

from collections.abc import Sequence

from PIL import Image

from workers.enhance.picture import Enlarged, Enlargement, encode_picture, read_picture, recipe_digest
from workers.images.codecs import Pixels


class Lanczos:
    """Enlarges with a Lanczos filter, exactly to the size that is asked for, on the CPU."""

    name = "lanczos"
    weights = "none"
    pre = staticmethod(read_picture)
    post = staticmethod(encode_picture)

    def __init__(self) -> None:
        self._recipe = recipe_digest(self.name, self.weights, {"filter": "lanczos"})

    def core(self, batch: Sequence[Enlargement]) -> list[Enlarged]:
        """The larger pixels, one picture after another. Pillow premultiplies alpha itself, so edges do not fringe."""
        return [Enlarged(_enlarge(item), self.name, self._recipe) for item in batch]


def _enlarge(item: Enlargement) -> Pixels:
    if (item.pixels.width, item.pixels.height) == (item.width, item.height):
        return item.pixels
    return Pixels.of(item.pixels.image().resize((item.width, item.height), Image.Resampling.LANCZOS))
