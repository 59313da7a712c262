"""Do no harm, once more: does an enlarged picture show the same to a clip model as its source does?

The gate compares means: a part that is smeared, or has another in its place of the same colours, passes it.
"""

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from workers.clip.framing import Framing, framed
from workers.encoding import Rows
from workers.enhance.network import Bytes

HARMFUL_CONTENT = "harmful_content"
BUILTIN_AT_LEAST = 0.88
"""By the built-in CLIP. Of 39 photographs and drawn pictures, clean and treated as catalogues have them, 156 results of
network and Lanczos filter had 0.903 and more: the bar lies below what any harmless result had. Of 260 spoilt ones that
the gate lets pass, 16 have less, 6 of them with half of the picture smeared. It is a bar against another picture, not a
measure of detail; a larger CLIP may bear a higher one."""


class ImageTower(Protocol):
    """What makes vectors of pictures."""

    weights: str
    framing: Framing

    def picture_rows(self, pictures: Sequence[bytes]) -> Rows:
        """A unit vector for each square of pixels. Raises MemoryError."""


class Likeness:
    """Turns down a result whose vector has a cosine of less than ``at_least`` with that of its source."""

    def __init__(self, tower: ImageTower, at_least: float) -> None:
        self._tower = tower
        self._at_least = at_least
        self.parameters = [tower.weights, at_least]
        """What decides besides the pictures; part of every recipe."""

    def harm(self, source: Bytes, result: Bytes) -> str | None:
        """Why ``result`` must not replace ``source``; None when it may. Raises MemoryError."""
        return None if self.cosine(source, result) >= self._at_least else HARMFUL_CONTENT

    def cosine(self, source: Bytes, result: Bytes) -> float:
        """How alike the two are to the clip model: 1 for the same. Raises MemoryError."""
        squares = [framed(Image.fromarray(picture), self._tower.framing).tobytes() for picture in (source, result)]
        before, after = self._tower.picture_rows(squares)
        return float(before @ after)


def builtin_likeness(at_least: float, threads: int | None) -> Likeness:
    """By the built-in CLIP. Raises ValueError when a file of it is not the one that was released."""
    from workers.clip.builtin import builtin_towers  # onnxruntime, which torch does without

    return Likeness(builtin_towers(threads), at_least)
