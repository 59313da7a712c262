"""What a clip model is: pictures and texts to vectors of one space, and what a picture shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.clip.preprocessing import Framing, PreprocessedImage
from workers.server.text_embedding import Embeddings, TextModel


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of a picture: tags by falling score (0 to 1), its class, whether a picture of that class may be
    shown, quality 0 to 1, and by name what is wrong with it. Where the class says the same as one of the flags,
    ``otherwise`` is the next best class and whether that one may be shown."""

    tags: tuple[tuple[str, float], ...]
    image_class: str
    class_valid: bool
    quality: float
    flags: tuple[str, ...] = ()
    otherwise: tuple[str, bool] | None = None


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What a model makes of a picture: its unit vector, and the judgement."""

    vector: Embeddings
    judgement: Judgement


class ClipModel(TextModel, Protocol):
    """Pictures and texts in one space. Both methods are called from several threads at a time."""

    framing: Framing

    def embed_and_classify(self, batch: Sequence[PreprocessedImage]) -> list[ClipResult]:
        """One per picture, in order. Raises MemoryError when the device has none left."""


class Towers(Protocol):
    """An image tower and a text tower of one space. ``weights`` is their digest; ``scale`` is what cosines were
    multiplied by when the towers learnt to tell captions apart."""

    name: str
    weights: str
    space: str
    dimension: int
    framing: Framing
    scale: float

    def encode_images(self, pictures: Sequence[bytes]) -> Embeddings:
        """A unit vector for each square of pixels, at least one. Raises MemoryError."""

    def encode_texts(self, texts: list[str]) -> Embeddings:
        """A unit vector for each text; there may be none. Raises MemoryError."""
