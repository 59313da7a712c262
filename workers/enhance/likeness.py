"""Do no harm, once more: does an enlarged picture show the same to a clip model as its source does?

The gate compares means: a part that is smeared, or has another in its place of the same colours, passes it.
"""

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from workers.clip.preprocessing import Framing, crop_to_square
from workers.enhance.network import Bytes
from workers.server.text_embedding import Embeddings

HARMFUL_CONTENT = "harmful_content"
BUILTIN_AT_LEAST = 0.97
"""By the built-in CLIP. Of 35 photographs and drawn pictures, made small cleanly and as catalogues have them, twice and
four times, 560 results of networks and Lanczos filter had 0.983 and more. Of as many that were spoilt on purpose and
that the gate lets pass, it turns down a part: what becomes of others is measured by ``make quality``."""
_REDUCED = (1, 2)


class ImageTower(Protocol):
    """What makes vectors of pictures."""

    weights: str
    framing: Framing

    def encode_images(self, pictures: Sequence[bytes]) -> Embeddings:
        """A unit vector for each square of pixels. Raises MemoryError."""


class Likeness:
    """Turns down a result whose vector has a cosine of less than ``at_least`` with that of its source, be both seen at
    the source's size or at half of it."""

    def __init__(self, tower: ImageTower, at_least: float) -> None:
        self._tower = tower
        self._at_least = at_least
        self.parameters = [tower.weights, at_least, *_REDUCED]
        """What decides besides the pictures; part of every recipe."""

    def harm(self, source: Bytes, result: Bytes) -> str | None:
        """Why ``result`` must not replace ``source``; None when it may. Raises MemoryError."""
        alike = any(self.cosine(source, result, reduced) >= self._at_least for reduced in _REDUCED)
        return None if alike else HARMFUL_CONTENT

    def cosine(self, source: Bytes, result: Bytes, reduced: int = 1) -> float:
        """How alike the two are to the clip model, both at the size of ``source`` or ``reduced`` times smaller: 1 for
        the same. Raises MemoryError.

        A result whose fine detail alone differs, because noise went or edges got sharp, is like its source at half
        the size, where that cannot be seen; one that shows something else is like it at no size.
        """
        size = (max(1, source.shape[1] // reduced), max(1, source.shape[0] // reduced))
        smaller = (Image.fromarray(image).resize(size, Image.Resampling.BOX) for image in (source, result))
        squares = [crop_to_square(image, self._tower.framing).tobytes() for image in smaller]
        before, after = self._tower.encode_images(squares)
        return float(before @ after)


def builtin_likeness(at_least: float, threads: int | None) -> Likeness:
    """By the built-in CLIP. Raises ValueError when a file of it is not the one that was released."""
    from workers.clip.builtin import builtin_towers  # onnxruntime, which torch does without

    return Likeness(builtin_towers(threads), at_least)
