"""Documents on a SQLite file."""

import json
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

from orchestrator.domain.ids import document_id
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import SetSection
from orchestrator.domain.versions import supersedes
from orchestrator.sqlite_thread import SqliteThread
from orchestrator.stores.ports import JOBS_KEPT_S
from orchestrator.stores.records import job_from, job_record, letter_from, letter_record
from orchestrator.stores.values import checked_section, storable_text

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sections (
    document_id TEXT NOT NULL, section TEXT NOT NULL, version TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (document_id, section)
);
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT NOT NULL, queue TEXT NOT NULL, outcome TEXT NOT NULL, recorded_at INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (job_id, queue)
);
CREATE INDEX IF NOT EXISTS jobs_recorded_at ON jobs (recorded_at);
CREATE TABLE IF NOT EXISTS dead_letters (
    queue TEXT NOT NULL, letter_id TEXT NOT NULL, reason TEXT NOT NULL, business_id TEXT, died_at INTEGER NOT NULL,
    record TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (queue, letter_id)
);
CREATE INDEX IF NOT EXISTS dead_letters_died_at ON dead_letters (died_at);
"""

_MEANT = """
SELECT record, body FROM dead_letters
WHERE (:queue IS NULL OR queue = :queue) AND (:reason IS NULL OR reason = :reason)
    AND (:business_id IS NULL OR business_id = :business_id) AND (:letter_id IS NULL OR letter_id = :letter_id)
    AND (:died_before IS NULL OR died_at <= :died_before) AND (:died_after IS NULL OR died_at >= :died_after)
ORDER BY died_at DESC, queue, letter_id LIMIT :limit
"""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class EmbeddedDocuments:
    """The Documents of an embedded run."""

    def __init__(self, thread: SqliteThread) -> None:
        self._thread = thread

    @classmethod
    async def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open the file, ":memory:" for none. Raises Unavailable."""
        return cls(await SqliteThread.open(path, _SCHEMA, dependency="documents"))

    async def set_section(self, write: SetSection) -> bool:
        """See Documents."""
        value = json.dumps({**checked_section(write), "version": write.version, "updated_at": _now_ms()})
        return await self._thread.run(partial(_set_section, write=write, value=value))

    async def find_metadata(self, business_id: str, image_id: str) -> dict[str, Any] | None:
        """See Documents."""
        query = "SELECT section, value FROM sections WHERE document_id = ? ORDER BY section"
        rows = await self._select(query, (document_id(business_id, image_id),))
        return {section: json.loads(value) for section, value in rows} or None

    async def record_job(self, entry: LedgerEntry) -> None:
        """See Documents."""
        await self._thread.run(partial(_record_job, record=job_record(entry)))

    async def find_job(self, job_id: str, queue: str) -> LedgerEntry | None:
        """See Documents."""
        rows = await self._select("SELECT record FROM jobs WHERE job_id = ? AND queue = ?", (job_id, queue))
        return job_from(json.loads(rows[0][0])) if rows else None

    async def find_jobs(self, job_id: str) -> Sequence[LedgerEntry]:
        """See Documents."""
        rows = await self._select("SELECT record FROM jobs WHERE job_id = ? ORDER BY queue", (job_id,))
        return [job_from(json.loads(record)) for (record,) in rows]

    async def job_counts(self) -> Mapping[tuple[str, str], int]:
        """See Documents."""
        rows = await self._select("SELECT queue, outcome, count(*) FROM jobs GROUP BY queue, outcome", ())
        return {(queue, outcome): count for queue, outcome, count in rows}

    async def index_dead_letter(self, letter: DeadLetter) -> None:
        """See Documents."""
        await self._thread.run(partial(_index, record=letter_record(letter), body=letter.body))

    async def find_dead_letters(self, wanted: DeadLetterFilter, *, limit: int | None = None) -> Sequence[DeadLetter]:
        """See Documents."""
        now_ms = _now_ms()
        values = {
            "queue": wanted.queue,
            "reason": wanted.reason,
            "business_id": wanted.business_id,
            "letter_id": wanted.letter_id,
            "died_before": None if wanted.older_than_s is None else now_ms - wanted.older_than_s * 1000,
            "died_after": None if wanted.newer_than_s is None else now_ms - wanted.newer_than_s * 1000,
            "limit": -1 if limit is None else limit,
        }
        rows = await self._select(_MEANT, values)
        return [letter_from(json.loads(record), body) for record, body in rows]

    async def forget_dead_letter(self, queue: str, letter_id: str) -> None:
        """See Documents."""
        statement = "DELETE FROM dead_letters WHERE queue = ? AND letter_id = ?"
        await self._select(statement, (queue, storable_text(letter_id)))

    async def dead_letter_counts(self) -> Mapping[tuple[str, str], int]:
        """See Documents."""
        rows = await self._select("SELECT queue, reason, count(*) FROM dead_letters GROUP BY queue, reason", ())
        return {(queue, reason): count for queue, reason, count in rows}

    async def ensure_indexes(self) -> None:
        """See Documents. The schema is made when the file is opened; this drops what the ledger kept long enough."""
        await self._thread.run(_drop_old_jobs)

    async def ping(self) -> None:
        """See Documents."""
        await self._select("SELECT 1", ())

    async def close(self) -> None:
        """See Documents."""
        await self._thread.close()

    async def _select(self, query: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        def select(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return connection.execute(query, values).fetchall()

        return await self._thread.run(select)


def _set_section(connection: sqlite3.Connection, write: SetSection, value: str) -> bool:
    key = (document_id(write.business_id, write.image_id), write.section)
    query = "SELECT version FROM sections WHERE document_id = ? AND section = ?"
    stored = connection.execute(query, key).fetchone()
    if not supersedes(write.version, stored[0] if stored else None):
        return False
    connection.execute("INSERT OR REPLACE INTO sections VALUES (?, ?, ?, ?)", (*key, write.version, value))
    return True


def _record_job(connection: sqlite3.Connection, record: Mapping[str, Any]) -> None:
    connection.execute(
        "INSERT INTO jobs VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET outcome = excluded.outcome, recorded_at = excluded.recorded_at, record = excluded.record"
        " WHERE outcome <> 'done'",
        (record["job_id"], record["queue"], record["outcome"], _now_ms(), json.dumps(record)),
    )
    _drop_old_jobs(connection)


def _drop_old_jobs(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM jobs WHERE recorded_at < ?", (_now_ms() - JOBS_KEPT_S * 1000,))


def _index(connection: sqlite3.Connection, record: Mapping[str, Any], body: bytes) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            record["queue"],
            record["letter_id"],
            record["reason"]["code"],
            record["business_id"],
            record["died_at"],
            json.dumps(record),
            body,
        ),
    )
