"""MongoDocuments: what every write asks of the server is decided in the server, in one update of one document."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING
from pymongo.errors import BulkWriteError, DuplicateKeyError

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.ids import document_id
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import SetRelevance, SetSection
from orchestrator.stores import records
from orchestrator.stores.mongo import commands
from orchestrator.stores.mongo.errors import FOREIGN, lost_race, translate
from orchestrator.stores.ports import JOBS_KEPT_S, MAX_BUSINESS_IMAGES
from orchestrator.stores.values import checked_section, storable_text

_UPSERT_TRIES = 8
_TIMEOUTS = ("timeoutMS", "serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS")
_GRACE_S = 0.5
_AT_ONCE = 500
"""Images of one bulk write."""


class MongoDocuments:
    """The Documents of a deployment. Writes are journalled by a majority of the replica set before they are answered.

    ``timeout_s`` bounds every call, waiting for a server and for a thread included.
    """

    def __init__(self, url: str, database: str, *, timeout_s: float) -> None:
        limit_ms = round(timeout_s * 1000)
        self._limit_s = timeout_s + _GRACE_S  # the driver's own timeout says more about what went wrong
        options: dict[str, Any] = {**dict.fromkeys(_TIMEOUTS, limit_ms), "w": "majority", "journal": True}
        self._client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(url, **options)
        self._metadata = self._client[database]["metadata"]
        self._relevance = self._client[database]["imgrel"]
        self._catalogue = self._client[database]["catalogue_details"]
        self._jobs = self._client[database]["jobs"]
        self._dead_letters = self._client[database]["dead_letters"]

    async def set_section(self, write: SetSection) -> bool:
        """See Documents."""
        stored = {**checked_section(write), "version": write.version, "updated_at": commands.now_ms()}
        key = document_id(write.business_id, write.image_id)
        return await self._upsert(self._metadata, key, commands.newer_section(write.section, stored))

    async def find_metadata(self, business_id: str, image_id: str) -> dict[str, Any] | None:
        """See Documents."""
        async with self._bounded():
            found = await self._metadata.find_one({"_id": document_id(business_id, image_id)}, {"_id": False})
        return dict(sorted(found.items())) if found else None

    async def find_business(self, business_id: str) -> Mapping[str, dict[str, Any]]:
        """See Documents."""
        async with self._bounded():
            found = self._metadata.find(commands.under(business_id)).sort("_id", ASCENDING).limit(MAX_BUSINESS_IMAGES)
            images = {document.pop("_id").partition("/")[2]: document async for document in found}
        return {image_id: dict(sorted(sections.items())) for image_id, sections in images.items()}

    async def business_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """See Documents."""
        async with self._bounded():
            return [found["_id"] async for found in self._metadata.aggregate(commands.businesses(after, limit))]

    async def set_relevance(self, write: SetRelevance) -> bool:
        """See Documents."""
        key = document_id(write.business_id, write.image_id)
        stored = {"_id": key, **records.relevance_record(write, updated_at=commands.now_ms())}
        return await self._upsert(self._relevance, key, commands.newer_document(stored))

    async def find_relevance(self, business_id: str) -> Mapping[str, dict[str, Any]]:
        """See Documents."""
        return {found["image_id"]: found for found in await self._of_business(self._relevance, business_id)}

    async def put_catalogue(self, images: Sequence[CatalogueImage]) -> None:
        """See Documents."""
        whole = records.catalogue_records(images)
        for first in range(0, len(whole), _AT_ONCE):
            writes = [commands.replacement(record) for record in whole[first : first + _AT_ONCE]]
            await self._racing(partial(self._catalogue.bulk_write, writes, ordered=False), "catalogue_details")

    async def find_catalogue(self, business_id: str) -> Mapping[str, CatalogueImage]:
        """See Documents."""
        found = await self._of_business(self._catalogue, business_id)
        return {record["image_id"]: records.catalogue_image_from(record) for record in found}

    async def record_job(self, entry: LedgerEntry) -> None:
        """See Documents."""
        record = records.job_record(entry)
        key = f"{record['job_id']}/{record['queue']}"
        stored = {"_id": key, **record, "recorded_at": datetime.now(UTC)}
        await self._upsert(self._jobs, key, commands.unless_done(stored))

    async def find_job(self, job_id: str, queue: str) -> LedgerEntry | None:
        """See Documents."""
        async with self._bounded():
            found = await self._jobs.find_one({"_id": f"{job_id}/{queue}"})
        return None if found is None else records.job_from(found)

    async def find_jobs(self, job_id: str) -> Sequence[LedgerEntry]:
        """See Documents."""
        async with self._bounded():
            found = self._jobs.find(commands.under(job_id)).sort("_id", ASCENDING)
            return [records.job_from(record) async for record in found]

    async def job_counts(self) -> Mapping[tuple[str, str], int]:
        """See Documents."""
        return await self._counts(self._jobs, "$outcome")

    async def index_dead_letter(self, letter: DeadLetter) -> None:
        """See Documents."""
        record = records.letter_record(letter)
        key = f"{record['queue']}/{record['letter_id']}"
        stored = {"_id": key, **record, "body": letter.body}
        await self._upsert(self._dead_letters, key, {"$replaceWith": {"$literal": stored}})

    async def find_dead_letters(self, wanted: DeadLetterFilter, *, limit: int | None = None) -> Sequence[DeadLetter]:
        """See Documents."""
        if limit == 0:  # which means "no limit" to the server
            return []
        async with self._bounded():
            found = self._dead_letters.find(commands.meant(wanted)).sort(commands.NEWEST_FIRST).limit(limit or 0)
            return [records.letter_from(record, record["body"]) async for record in found]

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
            await self._dead_letters.create_index(commands.NEWEST_FIRST)
            for of_images in (self._relevance, self._catalogue):
                await of_images.create_index(commands.BY_BUSINESS)

    async def ping(self) -> None:
        """See Documents."""
        async with self._bounded():
            await self._client.admin.command("ping")

    async def close(self) -> None:
        """See Documents."""
        self._client.close()

    async def _upsert(self, collection: Any, key: str, stage: Mapping[str, Any]) -> bool:
        """Whether the update changed anything. The filter names _id alone, so that a new document is one document."""
        result = await self._racing(partial(collection.update_one, {"_id": key}, [stage], upsert=True), key)
        return result.upserted_id is not None or bool(result.modified_count)

    async def _racing(self, write: Callable[[], Awaitable[Any]], what: str) -> Any:
        """The answer to a write that upserts.

        Of several upserts of one new document all but one may lose with a duplicate key; the next try updates.
        """
        async with self._bounded():
            for _ in range(_UPSERT_TRIES):
                try:
                    return await write()
                except DuplicateKeyError:
                    continue
                except BulkWriteError as error:
                    if not lost_race(error):
                        raise
        raise Unavailable("mongodb", f"{what}: too many writers at once")

    async def _of_business(self, collection: Any, business_id: str) -> list[dict[str, Any]]:
        async with self._bounded():
            found = collection.find({"business_id": {"$eq": business_id}}, {"_id": False})
            return [record async for record in found.sort("image_id", ASCENDING).limit(MAX_BUSINESS_IMAGES)]

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
