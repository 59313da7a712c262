"""EmbeddedDocuments: every method is one operation in the file's thread."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import SetRelevance, SetSection
from orchestrator.embedded.sqlite_thread import SqliteThread
from orchestrator.stores.embedded import images as stored
from orchestrator.stores.embedded import ledger
from orchestrator.stores.records import catalogue_records, job_record, letter_record, relevance_record
from orchestrator.stores.values import checked_section, storable_text


class EmbeddedDocuments:
    """The Documents of an embedded run."""

    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread

    @classmethod
    async def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open the file, ":memory:" for none. Raises Unavailable."""
        return cls(await SqliteThread.open(path, stored.SCHEMA + ledger.SCHEMA, dependency="documents"))

    async def set_section(self, write: SetSection) -> bool:
        """See Documents."""
        value = json.dumps({**checked_section(write), "version": write.version, "updated_at": ledger.now_ms()})
        return await self._thread.run(partial(stored.set_section, write=write, value=value))

    async def find_metadata(self, business_id: str, image_id: str) -> dict[str, Any] | None:
        """See Documents."""
        return await self._thread.run(partial(stored.find_metadata, business_id=business_id, image_id=image_id))

    async def find_business(self, business_id: str) -> Mapping[str, dict[str, Any]]:
        """See Documents."""
        return await self._thread.run(partial(stored.find_business, business_id=business_id))

    async def business_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """See Documents."""
        return await self._thread.run(partial(stored.business_ids, after=after, limit=limit))

    async def set_relevance(self, write: SetRelevance) -> bool:
        """See Documents."""
        value = json.dumps(relevance_record(write, updated_at=ledger.now_ms()))
        return await self._thread.run(partial(stored.set_relevance, write=write, value=value))

    async def find_relevance(self, business_id: str) -> Mapping[str, dict[str, Any]]:
        """See Documents."""
        return await self._thread.run(partial(stored.find_relevance, business_id=business_id))

    async def put_catalogue(self, images: Sequence[CatalogueImage]) -> None:
        """See Documents."""
        await self._thread.run(partial(stored.put_catalogue, records=catalogue_records(images)))

    async def find_catalogue(self, business_id: str) -> Mapping[str, CatalogueImage]:
        """See Documents."""
        return await self._thread.run(partial(stored.find_catalogue, business_id=business_id))

    async def record_job(self, entry: LedgerEntry) -> None:
        """See Documents."""
        await self._thread.run(partial(ledger.record_job, record=job_record(entry)))

    async def find_job(self, job_id: str, queue: str) -> LedgerEntry | None:
        """See Documents."""
        return await self._thread.run(partial(ledger.find_job, job_id=job_id, queue=queue))

    async def find_jobs(self, job_id: str) -> Sequence[LedgerEntry]:
        """See Documents."""
        return await self._thread.run(partial(ledger.find_jobs, job_id=job_id))

    async def job_counts(self) -> Mapping[tuple[str, str], int]:
        """See Documents."""
        return await self._thread.run(ledger.job_counts)

    async def index_dead_letter(self, letter: DeadLetter) -> None:
        """See Documents."""
        await self._thread.run(partial(ledger.index_dead_letter, record=letter_record(letter), body=letter.body))

    async def find_dead_letters(self, wanted: DeadLetterFilter, *, limit: int | None = None) -> Sequence[DeadLetter]:
        """See Documents."""
        return await self._thread.run(partial(ledger.find_dead_letters, wanted=wanted, limit=limit))

    async def forget_dead_letter(self, queue: str, letter_id: str) -> None:
        """See Documents."""
        forget = partial(ledger.forget_dead_letter, queue=queue, letter_id=storable_text(letter_id))
        await self._thread.run(forget)

    async def dead_letter_counts(self) -> Mapping[tuple[str, str], int]:
        """See Documents."""
        return await self._thread.run(ledger.dead_letter_counts)

    async def ensure_indexes(self) -> None:
        """See Documents. The schema is made when the file is opened; this drops what the ledger kept long enough."""
        await self._thread.run(ledger.drop_old_jobs)

    async def ping(self) -> None:
        """See Documents."""
        await self._thread.run(lambda connection: connection.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        """See Documents."""
        await self._thread.close()
