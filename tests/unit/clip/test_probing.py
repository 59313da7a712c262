"""Models that make no vectors, or one for everything, are refused when they are loaded."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from workers.clip.model import Towers
from workers.clip.preprocessing import Framing
from workers.clip.probing import check_towers
from workers.server.text_embedding import Embeddings, unit_rows

Make = Callable[[int], Embeddings]


def different(count: int) -> Embeddings:
    return unit_rows(np.eye(4, dtype=np.float32)[:count])


def constant(count: int) -> Embeddings:
    return unit_rows(np.ones((count, 4), np.float32))


def not_a_number(count: int) -> Embeddings:
    return unit_rows(np.full((count, 4), np.nan, np.float32))


def zero(count: int) -> Embeddings:
    return unit_rows(np.zeros((count, 4), np.float32))


@dataclass
class FixedTowers:
    seen: Make
    read: Make
    name: str = "some-clip"
    weights: str = "w"
    space: str = "s"
    dimension: int = 4
    framing: Framing = field(default_factory=lambda: Framing(8, "crop"))
    scale: float = 1.0

    def encode_images(self, pictures: list[bytes]) -> Embeddings:
        assert all(len(picture) == 8 * 8 * 3 for picture in pictures)
        return self.seen(len(pictures))

    def encode_texts(self, texts: list[str]) -> Embeddings:
        return self.read(len(texts))


@pytest.mark.parametrize(
    ("seen", "read", "reason"),
    [
        (not_a_number, different, "damaged"),
        (zero, different, "damaged"),
        (different, not_a_number, "damaged"),
        (constant, different, "two pictures that differ get one vector"),
        (different, constant, "two texts that differ get one vector"),
    ],
)
def test_towers_that_see_or_read_nothing_are_refused(seen: Make, read: Make, reason: str) -> None:
    towers: Towers = FixedTowers(seen, read)  # type: ignore[assignment]
    with pytest.raises(ValueError, match=f"some-clip: .*{reason}"):
        check_towers(towers)


def test_towers_that_tell_things_apart_are_taken() -> None:
    check_towers(FixedTowers(different, different))  # type: ignore[arg-type]
