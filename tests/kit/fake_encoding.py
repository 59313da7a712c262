"""Stand-ins for what scoring reads: metadata, catalogue, stored vectors, and an encoder without a model."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from orchestrator.domain.catalogue.model import Category, IdfSnapshot
from orchestrator.domain.relevance.idf import idf_snapshot_of
from orchestrator.domain.relevance.vectors import Vector, VectorKind

DIMENSION = 32


def bag_vector(text: str, space: str) -> Vector:
    """The sum of one fixed direction per word: texts that share words are near each other."""
    total = np.zeros(DIMENSION)
    for word in text.lower().split() or [text]:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        total += np.random.default_rng(seed).standard_normal(DIMENSION)
    return Vector.unit(space, total)


@dataclass
class FakeEncoder:
    """Encodes as bags of words, in ``name`` until it has been asked ``swap_after`` times, then in another space."""

    name: str
    swap_after: int | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def space(self) -> str:
        return self.name

    async def encode(self, texts: Sequence[str]) -> tuple[Vector, ...]:
        swapped = self.swap_after is not None and len(self.asked) >= self.swap_after
        self.asked.append(tuple(texts))
        await asyncio.sleep(0)  # as a call over the network would, it lets others run
        return tuple(bag_vector(text, f"{self.name}-next" if swapped else self.name) for text in texts)

    def texts(self) -> list[str]:
        """Everything it was asked, in order."""
        return [text for call in self.asked for text in call]


@dataclass
class FakeVectors:
    """Vectors by kind and key; remembers which keys were looked up."""

    held: dict[tuple[VectorKind, str], Vector] = field(default_factory=dict)
    looked_up: list[tuple[str, ...]] = field(default_factory=list)

    async def find_vectors(self, kind: VectorKind, keys: Sequence[str]) -> Mapping[str, Vector]:
        self.looked_up.append(tuple(keys))
        await asyncio.sleep(0)
        return {key: self.held[kind, key] for key in keys if (kind, key) in self.held}


@dataclass
class FakeMetadata:
    """The sections of the one image there is."""

    sections: dict[str, Any] | None

    async def find_metadata(self, business_id: str, image_id: str) -> dict[str, Any] | None:
        return self.sections


@dataclass
class FakeCatalogue:
    """The categories of the one business there is, and the frequencies of their words."""

    categories: tuple[Category, ...]
    snapshot: IdfSnapshot = field(init=False)

    def __post_init__(self) -> None:
        self.snapshot = idf_snapshot_of(category.name for category in self.categories)

    async def categories_of(self, business_id: str) -> tuple[Category, ...]:
        return self.categories

    async def idf_snapshot(self) -> IdfSnapshot:
        return self.snapshot
