"""A clip model whose pictures are plain squares: what each of them "shows" is told to it, the vectors are computed.

A text's vector is the sum of one random direction per word, so texts that share words lie near each other; a picture's
vector is that of its caption.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from workers.clip.model import ClipResult, Judgement
from workers.clip.preprocessing import Framing, PreprocessedImage
from workers.server.text_embedding import Embeddings, Texts, encode_together, unit_rows
from workers.vlm.requests import GenerateRequest

DIMENSION = 2048
SIDE = 16
SMALL_WORDS = frozenset({"a", "an", "the", "of", "and", "with", "from", "s", "in"})
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a picture shows: the caption its vector is that of, the tags by falling score, the class, and the flags."""

    caption: str = ""
    tags: tuple[str, ...] = ()
    image_class: str = "unknown"
    flags: tuple[str, ...] = ()


@dataclass
class SightedClip:
    """``pictures``: what the square of each colour shows; any other shows nothing that has a name."""

    pictures: Mapping[Colour, Shown] = field(default_factory=dict)
    name: str = "sighted"
    weights: str = "5" * 64
    space: str = "clip/sighted@55555555"
    dimension: int = DIMENSION
    framing: Framing = field(default_factory=lambda: Framing(SIDE, "squash"))

    def embed_and_classify(self, batch: Sequence[PreprocessedImage]) -> list[ClipResult]:
        return [self.sight(self.pictures.get(colour_of(image.pixels), Shown())) for image in batch]

    def encode(self, batch: Sequence[Texts]) -> list[Embeddings]:
        return encode_together(batch, _texts)

    def sight(self, shown: Shown) -> ClipResult:
        tags = tuple((tag, round(0.9 - 0.05 * place, 4)) for place, tag in enumerate(shown.tags))
        judgement = Judgement(tags, shown.image_class, class_valid=True, quality=0.5, flags=shown.flags)
        return ClipResult(_texts([shown.caption])[0], judgement)


def colour_of(pixels: bytes) -> Colour:
    return pixels[0], pixels[1], pixels[2]


def square(colour: Colour, prompt: str, schema: str, width: int = 40, height: int = 30) -> GenerateRequest:
    """A question about the plain picture of that colour."""
    return GenerateRequest(bytes(colour) * (width * height), width, height, prompt, schema, 512)


def _texts(texts: list[str]) -> Embeddings:
    return unit_rows(np.array([_text(text) for text in texts], np.float32).reshape(-1, DIMENSION))


def _text(text: str) -> Embeddings:
    total = np.zeros(DIMENSION, np.float32)
    total[0] = 0.1
    for word in set(re.findall(r"\w+", text.casefold())) - SMALL_WORDS:
        total += _word(word)
    return total


@lru_cache(maxsize=4096)
def _word(word: str) -> Embeddings:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
