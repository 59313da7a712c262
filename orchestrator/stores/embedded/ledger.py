"""What the SQLite file holds of jobs and of dead letters. Every function runs in the file's thread."""

import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.stores.ports import JOBS_KEPT_S
from orchestrator.stores.records import job_from, letter_from

SCHEMA = """
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


def now_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


def record_job(connection: sqlite3.Connection, record: Mapping[str, Any]) -> None:
    """Write down a job's end, and drop what was kept long enough."""
    connection.execute(
        "INSERT INTO jobs VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET outcome = excluded.outcome, recorded_at = excluded.recorded_at, record = excluded.record"
        " WHERE outcome <> 'done'",
        (record["job_id"], record["queue"], record["outcome"], now_ms(), json.dumps(record)),
    )
    drop_old_jobs(connection)


def drop_old_jobs(connection: sqlite3.Connection) -> None:
    """Forget the jobs that were kept for JOBS_KEPT_S."""
    connection.execute("DELETE FROM jobs WHERE recorded_at < ?", (now_ms() - JOBS_KEPT_S * 1000,))


def find_job(connection: sqlite3.Connection, job_id: str, queue: str) -> LedgerEntry | None:
    """The end of one job in one queue."""
    query = "SELECT record FROM jobs WHERE job_id = ? AND queue = ?"
    found = connection.execute(query, (job_id, queue)).fetchone()
    return None if found is None else job_from(json.loads(found[0]))


def find_jobs(connection: sqlite3.Connection, job_id: str) -> list[LedgerEntry]:
    """The ends of one job, by queue."""
    rows = connection.execute("SELECT record FROM jobs WHERE job_id = ? ORDER BY queue", (job_id,))
    return [job_from(json.loads(record)) for (record,) in rows]


def job_counts(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Jobs per (queue, outcome)."""
    rows = connection.execute("SELECT queue, outcome, count(*) FROM jobs GROUP BY queue, outcome")
    return {(queue, outcome): count for queue, outcome, count in rows}


def index_dead_letter(connection: sqlite3.Connection, record: Mapping[str, Any], body: bytes) -> None:
    """Write down a dead letter."""
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


def find_dead_letters(connection: sqlite3.Connection, wanted: DeadLetterFilter, limit: int | None) -> list[DeadLetter]:
    """The letters meant, newest first."""
    now = now_ms()
    values = {
        "queue": wanted.queue,
        "reason": wanted.reason,
        "business_id": wanted.business_id,
        "letter_id": wanted.letter_id,
        "died_before": None if wanted.older_than_s is None else now - wanted.older_than_s * 1000,
        "died_after": None if wanted.newer_than_s is None else now - wanted.newer_than_s * 1000,
        "limit": -1 if limit is None else limit,
    }
    return [letter_from(json.loads(record), body) for record, body in connection.execute(_MEANT, values)]


def forget_dead_letter(connection: sqlite3.Connection, queue: str, letter_id: str) -> None:
    """Remove a letter."""
    connection.execute("DELETE FROM dead_letters WHERE queue = ? AND letter_id = ?", (queue, letter_id))


def dead_letter_counts(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Letters per (queue, reason code)."""
    rows = connection.execute("SELECT queue, reason, count(*) FROM dead_letters GROUP BY queue, reason")
    return {(queue, reason): count for queue, reason, count in rows}
