"""MongoDocuments: what every write asks of the server is decided in the server, in one update of one document."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.ids import document_id
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import SetSection
from orchestrator.stores.mongo.errors import FOREIGN, translate
from orchestrator.stores.ports import JOBS_KEPT_S
from orchestrator.stores.records import job_from, job_record, letter_from, letter_record
from orchestrator.stores.values import checked_section, storable_text

_UPSERT_TRIES = 8
_GRACE_S = 0.5
_NEWEST_FIRST = [("died_at", DESCENDING), ("queue", ASCENDING), ("letter_id", ASCENDING)]


class MongoDocuments:
    """The Documents of a deployment. Writes are journalled by a majority of the replica set before they are answered.

    ``timeout_s`` bounds every call, waiting for a server and for a thread included.
    """

    def __init__(self, url: str, database: str, *, timeout_s: float) -> None:
        limit_ms = round(timeout_s * 1000)
        self._limit_s = timeout_s + _GRACE_S  # the driver's own timeout says more about what went wrong
        self._client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            url,
            timeoutMS=limit_ms,
            serverSelectionTimeoutMS=limit_ms,
            connectTimeoutMS=limit_ms,
            socketTimeoutMS=limit_ms,
            w="majority",
            journal=True,
        )
        self._metadata = self._client[database]["metadata"]
        self._jobs = self._client[database]["jobs"]
        self._dead_letters = self._client[database]["dead_letters"]

    async def set_section(self, write: SetSection) -> bool:
        """See Documents."""
        stored = {**checked_section(write), "version": write.version, "updated_at": time.time_ns() // 1_000_000}
        # Strings compare bytewise in the server as long as no collation is asked for; "" is below every version.
        newer = {"$lt": [{"$ifNull": [f"${write.section}.version", ""]}, {"$literal": write.version}]}
        section = {"$cond": [newer, {"$literal": stored}, f"${write.section}"]}
        key = document_id(write.business_id, write.image_id)
        return await self._upsert(self._metadata, key, {"$set": {write.section: section}})

    async def find_metadata(self, business_id: str, image_id: str) -> dict[str, Any] | None:
        """See Documents."""
        async with self._bounded():
            found = await self._metadata.find_one({"_id": document_id(business_id, image_id)}, {"_id": False})
        return dict(sorted(found.items())) if found else None

    async def record_job(self, entry: LedgerEntry) -> None:
        """See Documents."""
        record = job_record(entry)
        key = f"{record['job_id']}/{record['queue']}"
        stored = {"$literal": {"_id": key, **record, "recorded_at": datetime.now(UTC)}}
        await self._upsert(
            self._jobs, key, {"$replaceWith": {"$cond": [{"$eq": ["$outcome", "done"]}, "$$ROOT", stored]}}
        )

    async def find_job(self, job_id: str, queue: str) -> LedgerEntry | None:
        """See Documents."""
        async with self._bounded():
            found = await self._jobs.find_one({"_id": f"{job_id}/{queue}"})
        return None if found is None else job_from(found)

    async def find_jobs(self, job_id: str) -> Sequence[LedgerEntry]:
        """See Documents."""
        after_slash = chr(ord("/") + 1)
        of_job = {"_id": {"$gte": f"{job_id}/", "$lt": f"{job_id}{after_slash}"}}
        async with self._bounded():
            return [job_from(found) async for found in self._jobs.find(of_job).sort("_id", ASCENDING)]

    async def job_counts(self) -> Mapping[tuple[str, str], int]:
        """See Documents."""
        return await self._counts(self._jobs, "$outcome")

    async def index_dead_letter(self, letter: DeadLetter) -> None:
        """See Documents."""
        record = letter_record(letter)
        key = f"{record['queue']}/{record['letter_id']}"
        stored = {"_id": key, **record, "body": letter.body}
        await self._upsert(self._dead_letters, key, {"$replaceWith": {"$literal": stored}})

    async def find_dead_letters(self, wanted: DeadLetterFilter, *, limit: int | None = None) -> Sequence[DeadLetter]:
        """See Documents."""
        if limit == 0:  # which means "no limit" to the server
            return []
        async with self._bounded():
            found = self._dead_letters.find(_meant(wanted)).sort(_NEWEST_FIRST).limit(limit or 0)
            return [letter_from(record, record["body"]) async for record in found]

    async def forget_dead_letter(self, queue: str, letter_id: str) -> None:
        """See Documents."""
        async with self._bounded():
            await self._dead_letters.delete_one({"_id": f"{queue}/{storable_text(letter_id)}"})

    async def dead_letter_counts(self) -> Mapping[tuple[str, str], int]:
        """See Documents."""
        return await self._counts(self._dead_letters, "$reason.code")

    async def ensure_indexes(self) -> None:
        """See Documents."""
        async with self._bounded():
            await self._jobs.create_index("recorded_at", expireAfterSeconds=JOBS_KEPT_S)
            await self._dead_letters.create_index(_NEWEST_FIRST)

    async def ping(self) -> None:
        """See Documents."""
        async with self._bounded():
            await self._client.admin.command("ping")

    async def close(self) -> None:
        """See Documents."""
        self._client.close()

    async def _upsert(self, collection: Any, key: str, stage: Mapping[str, Any]) -> bool:
        """Whether the update changed anything. The filter names _id alone, so that a new document is one document.

        Of several upserts of one new document all but one may lose with a duplicate key; the next try updates.
        """
        async with self._bounded():
            for _ in range(_UPSERT_TRIES):
                try:
                    result = await collection.update_one({"_id": key}, [stage], upsert=True)
                except DuplicateKeyError:
                    continue
                return result.upserted_id is not None or result.modified_count > 0
        raise Unavailable("mongodb", f"{key}: too many writers at once")

    async def _counts(self, collection: Any, field: str) -> dict[tuple[str, str], int]:
        group = {"$group": {"_id": {"queue": "$queue", "kind": field}, "count": {"$sum": 1}}}
        async with self._bounded():
            groups = [group async for group in collection.aggregate([group])]
        return {(found["_id"]["queue"], found["_id"]["kind"]): found["count"] for found in groups}

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._limit_s):
                yield
        except FOREIGN as error:
            raise translate(error) from error


def _meant(wanted: DeadLetterFilter) -> dict[str, Any]:
    """The query for the letters meant. Every value is compared as it is, never read as an operator."""
    now_ms = time.time_ns() // 1_000_000
    same = {"queue": wanted.queue, "reason.code": wanted.reason}
    same |= {"business_id": wanted.business_id, "letter_id": wanted.letter_id}
    query: dict[str, Any] = {name: {"$eq": value} for name, value in same.items() if value is not None}
    if wanted.older_than_s is not None:
        query["died_at"] = {"$lte": now_ms - wanted.older_than_s * 1000}
    if wanted.newer_than_s is not None:
        query["died_at"] = {**query.get("died_at", {}), "$gte": now_ms - wanted.newer_than_s * 1000}
    return query
