"""MilvusVectors: the same requests to a server and to a file."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.outcome import PutVectors
from orchestrator.domain.relevance.vectors import Vector, VectorKind
from orchestrator.stores.milvus import rows
from orchestrator.stores.milvus.collections import Collections
from orchestrator.stores.milvus.connection import Connection
from orchestrator.stores.ports import SWEEP_AFTER_S, FoundVector

T = TypeVar("T")

_IN_FLIGHT = 16
_NUMBERS_AT_ONCE = 2**15
"""Numbers of one request: the driver turns each into an object, and the loop waits meanwhile, some milliseconds."""
_KEYS_AT_ONCE = 64
_MAX_FOUND = 16_384
"""Most rows of one answer: https://milvus.io/docs/limitations.md"""
_SERVER_INDEX = {"index_type": "HNSW", "metric_type": "COSINE", "params": {"M": 16, "efConstruction": 200}}
_FILE_INDEX = {"index_type": "FLAT", "metric_type": "COSINE", "params": {}}
_MIN_EF = 128

# https://milvus.io/docs/consistency.md: a bounded read takes what there is, usually all but the last 0.2 s. A strong
# one waits those 0.2 s, and sees whatever any process has put before.
_BOUNDED = "Bounded"
_STRONG = "Strong"


class MilvusVectors:
    """The VectorStore of a deployment (Milvus) and of an embedded run (Milvus Lite). ``timeout_s`` bounds a request."""

    def __init__(self, connection: Connection, index: dict[str, Any]) -> None:
        self._connection = connection
        self._collections = Collections(connection, index)

    @classmethod
    async def connect(cls, url: str, *, timeout_s: float, token: str | None = None) -> Self:
        """Use a server, ``http(s)://host:port[/database]``. Nothing is asked of it yet."""
        connection = await Connection.to_server(url, token=token, timeout_s=timeout_s, in_flight=_IN_FLIGHT)
        return cls(connection, _SERVER_INDEX)

    @classmethod
    async def open(cls, path: str | os.PathLike[str], *, timeout_s: float) -> Self:
        """Open a Milvus Lite folder, made when it is not there. Raises Unavailable, as for one that another holds."""
        return cls(await Connection.to_file(path, timeout_s=timeout_s), _FILE_INDEX)

    async def put_vectors(self, write: PutVectors) -> None:
        """See VectorStore."""
        new = rows.rows_of(write)
        if not new:
            return
        dimension = write.vectors[0].vector.dimension
        name = await self._collections.make(write.kind, dimension)
        for some in _parts(new, max(1, _NUMBERS_AT_ONCE // dimension)):
            await self._ask(name, self._connection.handler.upsert_rows, some)

    async def find_vectors(self, kind: VectorKind, keys: Sequence[str]) -> Mapping[str, Vector]:
        """See VectorStore."""
        ids = {rows.digest(key): key for key in keys}
        names = await self._collections.of(kind) if ids else ()
        found: dict[str, Vector] = {}
        for consistency in (_BOUNDED, _STRONG):  # what is stored never changes: the wait is for what is missing alone
            missing = [key_id for key_id, key in ids.items() if key not in found]
            queries = [
                self._query(name, rows.with_ids(some), ["id", "space", "vector"], consistency_level=consistency)
                for name in names
                for some in _parts(missing, _KEYS_AT_ONCE)
            ]
            for answer in await asyncio.gather(*queries):
                found |= {ids[row["id"]]: rows.vector_of(row) for row in answer}
        return found

    async def search(
        self, kind: VectorKind, vector: Vector, *, limit: int, business_id: str | None = None
    ) -> Sequence[FoundVector]:
        """See VectorStore."""
        numbers = rows.checked_numbers(vector)
        wanted = min(limit, _MAX_FOUND)
        name = await self._collections.find(kind, vector.dimension) if wanted > 0 else None
        if name is None:
            return []
        answer = await self._ask(
            name,
            self._connection.handler.search,
            "vector",
            {"metric_type": "COSINE", "params": {"ef": max(_MIN_EF, wanted)}},
            wanted,
            data=[numbers],
            expression=rows.in_space(vector.space, business_id),
            output_fields=["key", "payload"],
            consistency_level=_BOUNDED,
        )
        hits = [(hit["entity"], float(hit["distance"])) for hit in answer[0]]
        return [
            FoundVector(fields["key"], max(-1.0, min(1.0, cosine)), json.loads(fields["payload"]))
            for fields, cosine in hits
        ]

    async def sweep(
        self,
        kind: VectorKind,
        business_id: str,
        current_keys: Collection[str],
        *,
        older_than_s: float = SWEEP_AFTER_S,
    ) -> int:
        """See VectorStore."""
        current = {rows.digest(key) for key in current_keys}
        old = f"{rows.of_business(business_id)} and {rows.put_before(older_than_s)}"
        removed = 0
        for name in await self._collections.of(kind):
            found = await self._query(name, old, ["id"], limit=_MAX_FOUND, consistency_level=_STRONG)
            left_over = sorted({row["id"] for row in found} - current)
            for some in _parts(left_over, _KEYS_AT_ONCE):
                await self._ask(name, self._connection.handler.delete, rows.with_ids(some))
            removed += len(left_over)
        return removed

    async def ping(self) -> None:
        """See VectorStore."""
        await self._connection.ask(self._connection.handler.list_collections)

    async def close(self) -> None:
        """See VectorStore."""
        await self._connection.close()

    async def _query(self, name: str, expression: str, fields: list[str], **options: Any) -> list[dict[str, Any]]:
        query = self._connection.handler.query
        return list(await self._ask(name, query, expr=expression, output_fields=fields, **options))

    async def _ask(self, name: str, method: Callable[..., Awaitable[Any]], *arguments: Any, **options: Any) -> Any:
        try:
            return await self._connection.ask(method, name, *arguments, **options)
        except Unavailable:
            self._collections.forget(name)
            raise


def _parts(whole: Sequence[T], length: int) -> Iterator[Sequence[T]]:
    return (whole[first : first + length] for first in range(0, len(whole), length))
