"""The messages as rows, and every change of them as one function of a connection. Nothing here waits or wakes.

A message's place in its queue is its ``position``; it keeps it when it is given back, and gets one at the end when it
moves to another queue. A function that makes messages ready answers how many in which queue.
"""

import json
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.queue_names import error_queue
from orchestrator.runtime.local.rules import QueueRule
from orchestrator.runtime.ports import HeaderValue

# The file belongs to one process: what another one finds unacked would be in progress, not left over.
# AUTOINCREMENT: a position is never used again, so a late ack cannot meet another message.
SCHEMA = """
PRAGMA locking_mode=EXCLUSIVE;
CREATE TABLE IF NOT EXISTS messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    message_id TEXT NOT NULL,
    headers TEXT NOT NULL,
    delivery_count INTEGER NOT NULL,
    redelivered INTEGER NOT NULL DEFAULT 0,
    unacked INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,
    returns_to TEXT,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_in_order ON messages (queue, unacked, position);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due_at) WHERE due_at IS NOT NULL;
"""

_MAX_RETURNED = 500  # in one transaction, so that publishers need not wait for a long backlog


@dataclass(frozen=True, slots=True)
class Row:
    """A message as it is delivered. ``delivery_count`` counts the consumers that were lost with it in hand."""

    position: int
    message_id: str
    headers: Mapping[str, Any]
    delivery_count: int
    redelivered: bool
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """What came out of the retry queues, and when (Unix ms) the next message is due."""

    ready: Counter[str]
    next_due: int | None


def insert(
    connection: sqlite3.Connection, rule: QueueRule, body: bytes, headers: Mapping[str, HeaderValue], now_ms: int
) -> None:
    """Put a message at the end of a queue. Raises Unavailable when the queue is full."""
    if rule.max_length is not None and ready_count(connection, rule.name) >= rule.max_length:
        raise Unavailable("broker", f"queue {rule.name} is full ({rule.max_length} messages)")
    due_at = now_ms + rule.delay_ms if rule.returns_to else None
    connection.execute(
        "INSERT INTO messages (queue, message_id, headers, delivery_count, due_at, returns_to, body)"
        " VALUES (?, ?, ?, 0, ?, ?, ?)",
        (rule.name, uuid.uuid4().hex, json.dumps(dict(headers)), due_at, rule.returns_to, body),
    )


def take(connection: sqlite3.Connection, queue: str) -> Row | None:
    """The first ready message, now unacked."""
    found = connection.execute(
        "UPDATE messages SET unacked = 1 WHERE position = ("
        " SELECT position FROM messages WHERE queue = ? AND unacked = 0 ORDER BY position LIMIT 1"
        ") RETURNING position, message_id, headers, delivery_count, redelivered, body",
        (queue,),
    ).fetchall()
    for position, message_id, headers, delivery_count, redelivered, body in found:
        return Row(position, message_id, json.loads(headers), delivery_count, bool(redelivered), body)
    return None


def delete(connection: sqlite3.Connection, position: int) -> None:
    """The message is settled."""
    connection.execute("DELETE FROM messages WHERE position = ?", (position,))


def give_back(
    connection: sqlite3.Connection, rules: Mapping[str, QueueRule], positions: Iterable[int], *, lost: bool = True
) -> Counter[str]:
    """Make unacked messages ready again in their old places, or bury those that were lost too often.

    As in RabbitMQ 4 only what was ``lost``, with its consumer or with the process, counts towards the delivery limit.
    """
    ready: Counter[str] = Counter()
    for position in positions:
        returned = connection.execute(
            "UPDATE messages SET unacked = 0, redelivered = 1, delivery_count = delivery_count + ?"
            " WHERE position = ? AND unacked = 1 RETURNING queue, delivery_count",
            (int(lost), position),
        ).fetchall()
        for queue, delivery_count in returned:
            limit = rules[queue].delivery_limit if queue in rules else None
            if limit is None or delivery_count <= limit:
                ready[queue] += 1
            else:
                _dead_letter(connection, position, queue)
                ready[error_queue(queue)] += 1
    return ready


def _dead_letter(connection: sqlite3.Connection, position: int, queue: str) -> None:
    """What RabbitMQ writes on a message that it dead-letters."""
    where = {"queue": queue, "exchange": "", "routing-keys": [queue]}
    death = {"count": 1, "reason": "delivery_limit", "time": int(time.time()), **where}
    first = {"x-first-death-reason": "delivery_limit", "x-first-death-queue": queue, "x-first-death-exchange": ""}
    _move(connection, position, error_queue(queue), {**first, "x-death": [death]})


def _move(connection: sqlite3.Connection, position: int, queue: str, headers: Mapping[str, Any]) -> None:
    """Put the message at the end of another queue, with more headers."""
    (found,) = connection.execute("SELECT headers FROM messages WHERE position = ?", (position,)).fetchone()
    connection.execute(
        "INSERT INTO messages (queue, message_id, headers, delivery_count, body)"
        " SELECT ?, message_id, ?, 0, body FROM messages WHERE position = ?",
        (queue, json.dumps({**json.loads(found), **headers}), position),
    )
    delete(connection, position)


def return_due(connection: sqlite3.Connection, now_ms: int) -> Returned:
    """Move what has waited long enough from its retry queue to the end of its own queue.

    It moves even if that queue is full: it was accepted once, and a refusal now would have nobody to hear it.
    """
    ready: Counter[str] = Counter()
    due = connection.execute(
        "SELECT position, returns_to FROM messages WHERE due_at <= ? ORDER BY due_at, position LIMIT ?",
        (now_ms, _MAX_RETURNED),
    ).fetchall()
    for position, queue in due:
        _move(connection, position, queue, {})
        ready[queue] += 1
    (next_due,) = connection.execute("SELECT min(due_at) FROM messages WHERE due_at IS NOT NULL").fetchone()
    return Returned(ready, next_due)


def recover(connection: sqlite3.Connection, rules: Mapping[str, QueueRule]) -> Counter[str]:
    """Give back what was unacked when the last process ended; the messages that are ready now, per queue."""
    if not any(column[1] == "redelivered" for column in connection.execute("PRAGMA table_info(messages)")):
        connection.execute("ALTER TABLE messages ADD COLUMN redelivered INTEGER NOT NULL DEFAULT 0")  # an older file
    unacked = connection.execute("SELECT position FROM messages WHERE unacked = 1 ORDER BY position").fetchall()
    give_back(connection, rules, [position for (position,) in unacked])
    return Counter(dict(connection.execute("SELECT queue, count(*) FROM messages GROUP BY queue").fetchall()))


def ready_count(connection: sqlite3.Connection, queue: str) -> int:
    """How many messages of the queue wait for a consumer."""
    return count(connection, queue).get(0, 0)


def count(connection: sqlite3.Connection, queue: str) -> dict[int, int]:
    """How many messages of the queue are ready (0) and unacked (1)."""
    return dict(connection.execute("SELECT unacked, count(*) FROM messages WHERE queue = ? GROUP BY unacked", (queue,)))
