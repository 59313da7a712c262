"""Vectors as values: every one knows its embedding space, and two spaces never meet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

VectorKind = Literal["images", "descriptions", "words"]
_FLOAT32 = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Vector:
    """A unit vector: little-endian float32 in ``values``. ``space`` names the weights that made it, e.g.
    ``clip/ViT-B-32@1f2e3d4c``; only vectors of one space can be compared."""

    space: str
    values: bytes = field(repr=False)

    @classmethod
    def unit(cls, space: str, numbers: Iterable[float] | NDArray[np.float32]) -> Self:
        """The direction of ``numbers``, scaled to length 1. Raises ValueError for zero, NaN, infinity or no numbers."""
        array = np.asarray(numbers if isinstance(numbers, np.ndarray) else list(numbers), dtype=np.float64)
        length = float(np.linalg.norm(array))
        if array.ndim != 1 or not array.size or not np.isfinite(length) or length == 0.0:
            raise ValueError("a vector needs finite numbers that are not all zero")
        return cls(space, (array / length).astype(_FLOAT32).tobytes())

    @property
    def dimension(self) -> int:
        """How many numbers it has."""
        return len(self.values) // _FLOAT32.itemsize

    def array(self) -> NDArray[np.float32]:
        """Its numbers, read-only."""
        return np.frombuffer(self.values, _FLOAT32)


def cosine(one: Vector, other: Vector) -> float:
    """Cosine similarity, -1 to 1. Raises ValueError for vectors of different spaces."""
    if one.space != other.space or len(one.values) != len(other.values):
        raise ValueError(f"vectors of {one.space} and {other.space} cannot be compared")
    return float(np.clip(one.array().astype(np.float64) @ other.array().astype(np.float64), -1.0, 1.0))


def weighted_mean(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """The direction of the weighted sum. Raises ValueError for mixed spaces, no vectors, or a sum of zero."""
    if len({(vector.space, len(vector.values)) for vector in vectors}) != 1:
        raise ValueError("a mean needs vectors of one space")
    matrix = np.stack([vector.array() for vector in vectors]).astype(np.float64)
    return Vector.unit(vectors[0].space, np.asarray(weights, dtype=np.float64) @ matrix)


@dataclass(frozen=True, slots=True)
class KeyedVector:
    """A vector as it is stored. ``payload`` are small text fields that travel with it (business_id, image_id, word)."""

    key: str
    vector: Vector
    payload: Mapping[str, str] = field(default_factory=dict)


def image_vector_key(business_id: str, image_id: str, space: str, version: str) -> str:
    """Key of an image's or its description's vector. It ends in the version, because the store cannot compare
    versions: the document names the current key, and every other one is left over."""
    return f"{business_id}/{image_id}|{space}|{version}"
