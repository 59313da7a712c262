"""The embedded broker's rows, with a clock that is told."""

import sqlite3
import time
from collections.abc import Iterator

import pytest

from orchestrator.config import parse_pipeline
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.local import journal
from orchestrator.runtime.local.rules import QueueRule, queue_rules

PIPELINE = "version: 1\nqueues: {jobs: {stage: work, retry_delays_s: [0.2, 5], delivery_limit: 2, max_length: 7}}"
RULES = queue_rules(parse_pipeline(PIPELINE, frozenset({"work"})))
SHORT, LONG = retry_queue("jobs", 0.2), retry_queue("jobs", 5)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    opened.executescript(journal.SCHEMA)
    yield opened
    opened.close()


def put(connection: sqlite3.Connection, queue: str, body: bytes = b"{}", now_ms: int = 1000) -> None:
    journal.insert(connection, RULES[queue], body, {"mark": 1}, now_ms)


def test_every_queue_around_a_queue_has_its_rule() -> None:
    assert {
        "jobs": QueueRule("jobs", max_length=7, delivery_limit=2),
        "error.jobs": QueueRule("error.jobs"),
        "retry.jobs.200ms": QueueRule("retry.jobs.200ms", delay_ms=200, returns_to="jobs"),
        "retry.jobs.5000ms": QueueRule("retry.jobs.5000ms", delay_ms=5000, returns_to="jobs"),
    } == RULES


def test_a_delayed_message_returns_when_its_time_has_come_and_not_a_millisecond_before(
    connection: sqlite3.Connection,
) -> None:
    put(connection, LONG, b"long")
    put(connection, SHORT, b"short")
    assert journal.return_due(connection, 1199) == journal.Returned(ready={}, next_due=1200)
    assert journal.take(connection, "jobs") is None
    assert journal.return_due(connection, 1200) == journal.Returned(ready={"jobs": 1}, next_due=6000)
    row = journal.take(connection, "jobs")
    assert row is not None and (row.body, row.headers, row.delivery_count) == (b"short", {"mark": 1}, 0)
    assert journal.return_due(connection, 6000) == journal.Returned(ready={"jobs": 1}, next_due=None)


def test_a_message_that_returns_goes_to_the_end_and_one_given_back_to_its_place(
    connection: sqlite3.Connection,
) -> None:
    put(connection, SHORT, b"returned")
    for body in (b"first", b"second"):
        put(connection, "jobs", body)
    journal.return_due(connection, 2000)
    first = journal.take(connection, "jobs")
    assert first is not None
    journal.give_back(connection, RULES, [first.position])
    order = [journal.take(connection, "jobs") for _ in range(3)]
    assert [row and row.body for row in order] == [b"first", b"second", b"returned"]


def test_a_position_is_never_used_again(connection: sqlite3.Connection) -> None:
    positions = []
    for _ in range(3):
        put(connection, "jobs")
        row = journal.take(connection, "jobs")
        assert row is not None
        positions.append(row.position)
        journal.delete(connection, row.position)
    assert len(set(positions)) == 3


def test_giving_back_what_is_not_unacked_changes_nothing(connection: sqlite3.Connection) -> None:
    put(connection, "jobs")
    row = journal.take(connection, "jobs")
    assert row is not None
    assert journal.give_back(connection, RULES, [row.position]) == {"jobs": 1}
    assert journal.give_back(connection, RULES, [row.position, 99]) == {}
    again = journal.take(connection, "jobs")
    assert again is not None and again.delivery_count == 1


def test_a_file_of_an_older_release_is_brought_up_to_date(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE messages DROP COLUMN redelivered")
    connection.execute(
        "INSERT INTO messages (queue, message_id, headers, delivery_count, unacked, body) "
        " VALUES ('jobs','m','{}',1,1,x'')"
    )
    assert journal.recover(connection, RULES) == journal.recover(connection, RULES) == {"jobs": 1}
    row = journal.take(connection, "jobs")
    assert row is not None and (row.delivery_count, row.redelivered) == (2, True)


def test_messages_of_a_queue_that_left_the_pipeline_are_kept(connection: sqlite3.Connection) -> None:
    put(connection, "jobs", b"kept")
    put(connection, SHORT, b"delayed")
    journal.take(connection, "jobs")
    assert journal.recover(connection, {}) == {"jobs": 1, SHORT: 1}
    journal.return_due(connection, 2000)
    assert journal.recover(connection, RULES) == {"jobs": 2}


def test_the_first_death_that_counts_is_the_brokers_own(connection: sqlite3.Connection) -> None:
    headers: dict[str, str | int] = {"x-first-death-reason": "expired", "mark": 1}
    journal.insert(connection, RULES["jobs"], b"poison", headers, 0)
    for _ in range(3):
        row = journal.take(connection, "jobs")
        assert row is not None
        ready = journal.give_back(connection, RULES, [row.position])
    assert ready == {error_queue("jobs"): 1}
    dead = journal.take(connection, error_queue("jobs"))
    assert dead is not None and dead.headers["x-first-death-reason"] == "delivery_limit"
    assert abs(dead.headers["x-death"][0]["time"] - time.time()) < 60
    assert (dead.headers["mark"], dead.delivery_count, dead.body) == (1, 0, b"poison")
