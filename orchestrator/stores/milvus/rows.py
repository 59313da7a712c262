"""Vectors as rows. No text of ours ever becomes part of a filter: filters hold digests and numbers alone.

Milvus before 2.5 takes no parameters beside a filter, so what a filter compares is stored a second time as a SHA-256.
"""

import json
import time
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

import numpy as np

from orchestrator.domain.outcome import PutVectors
from orchestrator.domain.relevance.vectors import KeyedVector, Vector
from orchestrator.stores.values import check_text, refused

MAX_KEY_BYTES = 2048
MAX_SPACE_BYTES = 512
MAX_PAYLOAD_BYTES = 8192
DIGEST_LENGTH = 64
_DIMENSIONS = range(2, 32769)
"""https://milvus.io/docs/limitations.md"""


def digest(text: str) -> str:
    """What stands for ``text`` in filters."""
    return sha256(text.encode()).hexdigest()


def rows_of(write: PutVectors) -> list[dict[str, Any]]:
    """One row per key. Raises JobRefused for vectors that cannot be stored, or not together."""
    last = {keyed.key: keyed for keyed in write.vectors}
    if len({(keyed.vector.space, len(keyed.vector.values)) for keyed in last.values()}) > 1:
        raise refused(f"{write.kind}: vectors of several spaces or dimensions in one write")
    put_at = time.time_ns() // 1_000_000
    return [_row(keyed, put_at) for keyed in last.values()]


def _row(keyed: KeyedVector, put_at: int) -> dict[str, Any]:
    for text in (keyed.key, keyed.vector.space, *keyed.payload, *keyed.payload.values()):
        check_text(text, "vector")
    row: dict[str, Any] = {
        "id": digest(keyed.key),
        "key": keyed.key,
        "space": keyed.vector.space,
        "space_digest": digest(keyed.vector.space),
        "business_digest": digest(keyed.payload.get("business_id", "")),
        "payload": json.dumps(dict(keyed.payload)),
        "put_at": put_at,
        "vector": checked_numbers(keyed.vector),
    }
    limits = {"key": MAX_KEY_BYTES, "space": MAX_SPACE_BYTES, "payload": MAX_PAYLOAD_BYTES}
    for name, limit in limits.items():
        if len(row[name].encode()) > limit:
            raise refused(f"vector {keyed.key[:200]!r}: {name} is over {limit} bytes")
    return row


def checked_numbers(vector: Vector) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vector's numbers. Raises JobRefused for none of at least 2 finite ones, not all zero."""
    if len(vector.values) % 4 or vector.dimension not in _DIMENSIONS:
        raise refused(f"a vector of {len(vector.values)} bytes is none of 2 to 32,768 numbers")
    numbers = vector.array()
    if not np.isfinite(numbers).all() or not numbers.any():
        raise refused("a vector needs finite numbers that are not all zero")
    return numbers


def vector_of(row: Mapping[str, Any]) -> Vector:
    """The vector a row holds."""
    return Vector(row["space"], np.asarray(row["vector"], dtype="<f4").tobytes())


def with_ids(ids: Collection[str]) -> str:
    """The filter for these digests of keys."""
    return f"id in [{', '.join(map(_quoted, ids))}]"


def in_space(space: str, business_id: str | None) -> str:
    """The filter for one space, and one business when one is named."""
    same_space = f"space_digest == {_quoted(digest(space))}"
    return same_space if business_id is None else f"{same_space} and {of_business(business_id)}"


def of_business(business_id: str) -> str:
    """The filter for one business."""
    return f"business_digest == {_quoted(digest(business_id))}"


def put_before(age_s: float) -> str:
    """The filter for what was put at least so long ago."""
    return f"put_at <= {time.time_ns() // 1_000_000 - round(age_s * 1000)}"


def _quoted(hexadecimal: str) -> str:
    return f'"{hexadecimal}"'
