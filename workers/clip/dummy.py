"""A clip model that knows nothing of content: plain statistics of pixels, hashes of words, no weights, no torch.

It is for trying the pipeline out. Pictures whose colours lie alike have vectors that lie alike; between a picture and
a text its similarity means nothing at all.
"""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.clip.model import ClipResult, Judgement
from workers.clip.preprocessing import Framing, PreprocessedImage
from workers.clip.statistics import exposure, pixel_tags, sharpness
from workers.server.text_embedding import Embeddings, Texts, encode_together, unit_rows

_SIDE = 224
_GRID = 4
_LEVELS = 16
_DIMENSION = _GRID * _GRID * 3 + _LEVELS
_WORD = re.compile(r"\w+")


class Dummy:
    """The same bytes always get the same answer, to the last bit.

    The class is "unknown" and valid: nothing is known that would speak against showing the picture.
    """

    name = "dummy"
    weights = "none"
    space = "clip/dummy-1"
    dimension = _DIMENSION
    framing = Framing(_SIDE, "squash")

    def embed_and_classify(self, batch: Sequence[PreprocessedImage]) -> list[ClipResult]:
        """One picture after another."""
        return [_sight(image) for image in batch]

    def encode(self, batch: Sequence[Texts]) -> list[Embeddings]:
        """A bag of hashed words per text; a text without words gets the first axis."""
        return encode_together(batch, _texts)


def _sight(image: PreprocessedImage) -> ClipResult:
    pixels = np.frombuffer(image.pixels, np.uint8).reshape(_SIDE, _SIDE, 3).astype(np.float32)
    content = image.content
    tags = pixel_tags(pixels, content.width, content.height)
    quality = round(sharpness(pixels) * exposure(pixels), 4)
    return ClipResult(_layout(pixels), Judgement(tags, "unknown", class_valid=True, quality=quality))


def _layout(pixels: NDArray[np.float32]) -> Embeddings:
    """Where which colour lies (lightness and two opponent axes of 4 x 4 fields), and how often each grey level is.

    The second part always sums to 1, so that the vector is never zero.
    """
    red, green, blue = np.moveaxis(pixels / 255, 2, 0)
    planes = np.stack([(red + green + blue) / 3 - 0.5, red - green, (red + green) / 2 - blue])
    field = _SIDE // _GRID
    means = planes.reshape(3, _GRID, field, _GRID, field).mean(axis=(2, 4))
    levels, _ = np.histogram(pixels.mean(axis=2), bins=_LEVELS, range=(0, 256))
    numbers = np.concatenate([means.ravel(), levels / levels.sum()]).astype(np.float32)
    return np.asarray(unit_rows(numbers[np.newaxis])[0])


def _texts(texts: list[str]) -> Embeddings:
    return np.array([_text(text) for text in texts], np.float32).reshape(-1, _DIMENSION)


def _text(text: str) -> Embeddings:
    """The sum of one vector of +1 and -1 per word, and half a unit of the first axis, which no such sum cancels."""
    total = np.zeros(_DIMENSION, np.float32)
    total[0] = 0.5
    for word in _WORD.findall(text.casefold()):
        bits = np.unpackbits(np.frombuffer(hashlib.sha256(word.encode()).digest()[: _DIMENSION // 8], np.uint8))
        total += bits * np.float32(2) - 1
    return np.asarray(unit_rows(total[np.newaxis])[0])
