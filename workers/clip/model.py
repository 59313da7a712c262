"""What a clip model is: pictures and texts to vectors of one space, and what a picture shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.clip.framing import Framing, Glimpse
from workers.server.text_embedding import Rows, TextModel


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
class Sight:
    """What a model makes of a picture: its unit vector, and the judgement."""

    vector: Rows
    judgement: Judgement


class ClipModel(TextModel, Protocol):
    """Pictures and texts in one space. Both methods are called from several threads at a time."""

    framing: Framing

    def look(self, batch: Sequence[Glimpse]) -> list[Sight]:
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

    def picture_rows(self, pictures: Sequence[bytes]) -> Rows:
        """A unit vector for each square of pixels, at least one. Raises MemoryError."""

    def text_rows(self, texts: list[str]) -> Rows:
        """A unit vector for each text; there may be none. Raises MemoryError."""
