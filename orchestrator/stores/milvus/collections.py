"""The collections: one per kind and dimension, made when first needed.

Two processes may make one at the same moment: every step is one that can be repeated.
"""

import re
from collections.abc import Sequence
from typing import Any

from pymilvus import CollectionSchema, DataType, FieldSchema

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.relevance.vectors import VectorKind
from orchestrator.stores.milvus import rows
from orchestrator.stores.milvus.connection import Connection

_NAME = re.compile(r"([a-z]+)_([0-9]+)")


class Collections:
    """Makes and loads collections, each once per process."""

    def __init__(self, connection: Connection, index: dict[str, Any]) -> None:
        self._connection = connection
        self._index = index
        self._ready: set[str] = set()

    async def of(self, kind: VectorKind) -> Sequence[str]:
        """The collections of a kind, ready to be read."""
        found = await self._names()
        of_kind = sorted(name for name in found if (parts := _NAME.fullmatch(name)) and parts[1] == kind)
        for name in of_kind:
            await self._make_ready(name)
        return of_kind

    async def find(self, kind: VectorKind, dimension: int) -> str | None:
        """The collection of a kind and dimension, ready to be read; None when nothing was put there yet."""
        name = f"{kind}_{dimension}"
        if name not in self._ready:
            if name not in await self._names():
                return None
            await self._make_ready(name)
        return name

    async def make(self, kind: VectorKind, dimension: int) -> str:
        """The collection of a kind and dimension, made when it is not there, ready to be written and read."""
        found = await self.find(kind, dimension)
        if found is not None:
            return found
        name = f"{kind}_{dimension}"
        create = self._connection.handler.create_collection
        try:
            await self._connection.ask(create, name, _schema(dimension))
        except Unavailable:
            if name not in await self._names():
                raise
        await self._make_ready(name)
        return name

    def forget(self, name: str) -> None:
        """Look at this collection anew the next time: a request to it failed, and it may have been dropped."""
        self._ready.discard(name)

    async def _names(self) -> Sequence[str]:
        names: list[str] = await self._connection.ask(self._connection.handler.list_collections)
        return names

    async def _make_ready(self, name: str) -> None:
        if name in self._ready:
            return
        handler = self._connection.handler
        if not await self._connection.ask(handler.list_indexes, name):
            try:
                await self._connection.ask(handler.create_index, name, "vector", self._index, index_name="vector")
            except Unavailable:
                # Another process was faster, or it is Milvus Lite, which makes the index but cannot say how far it is.
                if not await self._connection.ask(handler.list_indexes, name):
                    raise
        await self._connection.ask(handler.load_collection, name)
        self._ready.add(name)


def _schema(dimension: int) -> CollectionSchema:
    def text(name: str, max_bytes: int) -> FieldSchema:
        return FieldSchema(name, DataType.VARCHAR, max_length=max_bytes)

    return CollectionSchema(
        [
            FieldSchema("id", DataType.VARCHAR, max_length=rows.DIGEST_LENGTH, is_primary=True),
            text("key", rows.MAX_KEY_BYTES),
            text("space", rows.MAX_SPACE_BYTES),
            text("space_digest", rows.DIGEST_LENGTH),
            text("business_digest", rows.DIGEST_LENGTH),
            text("payload", rows.MAX_PAYLOAD_BYTES),
            FieldSchema("put_at", DataType.INT64),
            FieldSchema("vector", DataType.FLOAT_VECTOR, dim=dimension),
        ]
    )
