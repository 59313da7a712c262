"""Settling what failed: the next tier of its queue, or the error queue with everything on it."""

import pytest

from orchestrator.domain.deadletters import read_letter
from orchestrator.domain.errors import JobRefused, Reason
from orchestrator.domain.outcome import Reject, Retry
from orchestrator.runtime.outcomes import Settled
from tests.kit.fakes import JOB_ID, JUST_DONE, TRACE, delivery_of, new_world
from tests.kit.settling import AWAY, EVERYTHING, settled


@pytest.mark.parametrize("step", ["publish", "index", "ledger", "ack"])
async def test_an_unexpected_failure_on_the_way_to_the_error_queue_leaves_the_delivery_unacked(step: str) -> None:
    world = new_world()
    world.journal.fail(step, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await settled(world, Reject(Reason("bad", "no picture")))
    in_order = ["publish error.work", "index bad", "ledger dead", "ack"]
    failed = next(n for n, line in enumerate(in_order) if line.startswith(step))
    assert world.journal.steps == [*in_order[:failed], in_order[failed] + "!"]


async def test_retry_goes_to_the_next_tier_of_its_lane_with_the_attempt_counted() -> None:
    world = new_world()
    delivery = delivery_of(x_attempt=2, x_first_seen=1_700_000_000_001, x_releases=1, tenant="a", traceparent=TRACE)
    reason = Reason("deadline", "too slow")
    assert await settled(world, Retry(reason), delivery) == Settled("retried", reason)
    assert world.journal.steps == ["find", "publish retry.work.30000ms", "ack"]
    ((_, message),) = world.broker.published
    assert message.body == delivery.body and message.job_id == JOB_ID
    assert {name: value for name, value in message.headers.items() if name != "traceparent"} == {
        "x-attempt": 3,
        "x-first-seen": 1_700_000_000_001,
        "x-releases": 1,
        "tenant": "a",
    }
    assert world.ledger.entries == {}
    assert world.count("justlens_retries_total", queue="work", reason="deadline") == 1


async def test_a_retry_with_no_attempt_left_is_a_dead_letter_with_everything_on_it() -> None:
    world = new_world()
    delivery = delivery_of(x_attempt=3, x_first_seen=1_700_000_000_001, x_replays=1, tenant="a")
    reason = Reason("bug", "KeyError in the stage", "f < g")
    assert await settled(world, Retry(reason), delivery) == Settled("dead", reason)
    assert world.journal.steps == ["find", "publish error.work", "index bug", "ledger dead", "ack"]
    ((_, message),) = world.broker.published
    assert message.body is delivery.body and message.job_id == JOB_ID
    assert message.headers.keys() == {
        *("x-attempt", "x-first-seen", "x-replays", "traceparent", "tenant"),
        *("x-error-code", "x-error-message", "x-error-stack", "x-error-at", "x-error-attempts"),
    }
    assert [message.headers[f"x-error-{n}"] for n in ("code", "message", "stack", "attempts")] == [
        "bug",
        "KeyError in the stage",
        "f < g",
        3,
    ]
    letter = world.index.letters["work", JOB_ID]
    assert letter == read_letter("work", message.body, message.headers, 0)
    entry = world.ledger.entries[JOB_ID, "work"]
    assert (entry.outcome, entry.reason, entry.attempts, entry.replays) == ("dead", reason, 3, 1)
    assert world.count("justlens_dead_letters_total", queue="work", reason="bug") == 1


async def test_reject_is_a_dead_letter_at_once() -> None:
    world = new_world()
    assert await settled(world, Reject(Reason("bad", "no picture"))) == Settled("dead", Reason("bad", "no picture"))
    assert world.journal.steps == ["publish error.work", "index bad", "ledger dead", "ack"]


async def test_a_crash_after_the_ledger_says_dead_finds_the_letter_indexed_already() -> None:
    world = new_world()
    world.journal.fail("ack", ZeroDivisionError("killed here"))
    with pytest.raises(ZeroDivisionError):
        await settled(world, Reject(Reason("bad", "")))
    assert await settled(world, Reject(Reason("bad", "")), delivery_of(redelivered=True)) == Settled("duplicate")
    assert world.index.letters.keys() == {("work", JOB_ID)} and len(world.broker.published) == 1


@pytest.mark.parametrize("step", ["publish", "index", "ledger"])
async def test_a_dead_letter_waits_for_what_is_away(step: str) -> None:
    world = new_world()
    world.journal.fail(step, AWAY, AWAY)
    await settled(world, Reject(Reason("bad", "")))
    assert [line for line in world.journal.steps if not line.endswith("!")] == [
        "publish error.work",
        "index bad",
        "ledger dead",
        "ack",
    ]


async def test_a_value_that_a_store_refuses_makes_a_dead_letter_with_the_store_s_reason() -> None:
    world = new_world()
    world.journal.fail("write", None, JobRefused("value_refused", "too long"))
    assert await settled(world, EVERYTHING) == Settled("dead", Reason("value_refused", "too long"))
    assert world.journal.steps == [
        "write source",
        "write content!",
        "publish error.work",
        "index value_refused",
        "ledger dead",
        "ack",
    ]


async def test_a_body_that_is_no_job_goes_to_the_error_queue_untouched_after_one_delivery() -> None:
    world = new_world()
    delivery = delivery_of(b"\xff garbage \x00", tenant="a", n=7, x_attempt=1, x_death=[{"reason": "expired"}])
    assert (await settled(world, JUST_DONE, delivery)).outcome == "dead"
    assert world.journal.steps == ["publish error.work", "index not_json", "ack"]
    ((queue, message),) = world.broker.published
    assert (queue, message.body, message.job_id) == ("error.work", b"\xff garbage \x00", None)
    assert message.headers["tenant"] == "a" and message.headers["n"] == 7 and "x-death" not in message.headers
    assert world.ledger.entries == {}


async def test_a_header_of_ours_that_is_wrong_goes_to_the_error_queue_and_can_be_replayed() -> None:
    world = new_world()
    delivery = delivery_of(x_attempt="many", tenant="a")
    assert (await settled(world, JUST_DONE, delivery)).outcome == "dead"
    ((_, message),) = world.broker.published
    assert message.headers["x-error-code"] == "bad_header" and message.headers["tenant"] == "a"
    assert message.body == delivery.body and message.headers["x-attempt"] == 1
