"""Settling: the order is the promise, and whatever fails before the ack leaves the delivery unacked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.domain.deadletters import read_letter
from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import (
    JobFailed,
    JobRefused,
    PublishUnconfirmed,
    Reason,
    Unavailable,
    Unroutable,
)
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.ledger import LedgerEntry
from orchestrator.domain.outcome import Done, Next, Outcome, PurgeUrl, Reject, Retry
from orchestrator.runtime.ends import Amend, Drop, Replay, Settled
from orchestrator.runtime.execute import handle
from orchestrator.runtime.ports import Delivery, Message
from orchestrator.runtime.settle import settle_letter
from tests.kit.fakes import (
    JOB_ID,
    JUST_DONE,
    ONE_PURGE,
    World,
    answering,
    body_of,
    delivery_of,
    lane_of,
    new_world,
    quick_and_quiet,
    section,
)

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
FOLLOWING = decode_job(EnhanceJob, body_of(image_id="8"))
EVERYTHING = Done(
    writes=(section("source"), section("content")),
    effects=(ONE_PURGE, PurgeUrl("https://cdn/8.png")),
    publish=(Next("follow", FOLLOWING),),
)
IN_ORDER = [
    "write source",
    "write content",
    "effect https://cdn/7.png",
    "effect https://cdn/8.png",
    "publish after",
    "ledger done",
    "ack",
]
AWAY = Unavailable("store")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quick_and_quiet(monkeypatch):
        yield


async def settled(world: World, outcome: Outcome | BaseException, delivery: Delivery | None = None) -> Settled:
    return await handle(delivery or delivery_of(traceparent=TRACE), lane_of(answering(outcome)), world.engine())


async def test_done_is_writes_then_effects_then_next_jobs_then_ledger_then_ack() -> None:
    world = new_world()
    assert await settled(world, EVERYTHING) == Settled("done")
    assert world.journal.steps == IN_ORDER
    assert tuple(world.applier.writes) == EVERYTHING.writes and tuple(world.applier.effects) == EVERYTHING.effects
    assert world.count("justlens_jobs_total", queue="work", end="done") == 1
    assert world.count("justlens_jobs_in_progress", queue="work") == 0


async def test_the_next_job_starts_its_own_first_attempt_in_the_same_trace() -> None:
    world = new_world()
    delivery = delivery_of(x_attempt=2, x_hand_backs=3, x_replays=1, traceparent=TRACE, tenant="a")
    await settled(world, EVERYTHING, delivery)
    ((queue, message),) = world.broker.published
    assert (queue, message.body, message.job_id) == ("after", FOLLOWING.encode(), FOLLOWING.job_id)
    assert message.headers.keys() == {"x-attempt", "x-first-seen", "traceparent", "tenant"}
    assert message.headers["x-attempt"] == 1 and message.headers["tenant"] == "a"
    assert str(message.headers["traceparent"]).split("-")[1] == "a" * 32


async def test_the_ledger_tells_how_a_job_was_done() -> None:
    world = new_world()
    await settled(world, JUST_DONE, delivery_of(x_attempt=3, x_replays=1))
    entry = world.ledger.entries[JOB_ID, "work"]
    assert (entry.outcome, entry.attempts, entry.replays, entry.business_id, entry.image_id, entry.reason) == (
        "done",
        3,
        1,
        "acme",
        "7",
        None,
    )
    assert 0 <= entry.took_ms < 10_000 and entry.received_at > 1_700_000_000_000


@pytest.mark.parametrize("step", ["write", "effect", "publish", "ledger"])
async def test_what_is_away_is_tried_again_in_place_and_acked_once(step: str) -> None:
    world = new_world()
    world.journal.fail(step, AWAY, PublishUnconfirmed("broker"), Unroutable("broker"))
    assert await settled(world, EVERYTHING) == Settled("done")
    assert [line for line in world.journal.steps if not line.endswith("!")] == IN_ORDER
    assert sum(line.startswith(step) and line.endswith("!") for line in world.journal.steps) == 3


@pytest.mark.parametrize("step", ["write", "effect", "publish", "ledger", "ack"])
async def test_an_unexpected_failure_of_any_step_leaves_the_delivery_unacked(step: str) -> None:
    world = new_world()
    world.journal.fail(step, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await settled(world, EVERYTHING)
    failed = next(n for n, line in enumerate(IN_ORDER) if line.startswith(step))
    assert world.journal.steps == [*IN_ORDER[:failed], IN_ORDER[failed] + "!"]
    assert world.count("justlens_jobs_in_progress", queue="work") == 0


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
    delivery = delivery_of(x_attempt=2, x_first_seen=1_700_000_000_001, x_hand_backs=1, tenant="a", traceparent=TRACE)
    reason = Reason("deadline", "too slow")
    assert await settled(world, Retry(reason), delivery) == Settled("retried", reason)
    assert world.journal.steps == ["find", "publish retry.work.30000ms", "ack"]
    ((_, message),) = world.broker.published
    assert message.body == delivery.body and message.job_id == JOB_ID
    assert {name: value for name, value in message.headers.items() if name != "traceparent"} == {
        "x-attempt": 3,
        "x-first-seen": 1_700_000_000_001,
        "x-hand-backs": 1,
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


async def test_an_effect_that_fails_costs_an_attempt() -> None:
    world = new_world()
    world.journal.fail("effect", JobFailed("purge_failed", "the CDN said 500"))
    assert (await settled(world, EVERYTHING)).end == "retried"
    assert world.journal.steps[-2:] == ["publish retry.work.5000ms", "ack"]


@pytest.mark.parametrize("outcome", [EVERYTHING, Reject(Reason("bad", ""))])
async def test_a_record_that_a_store_refuses_undoes_nothing(outcome: Outcome) -> None:
    world = new_world()
    world.journal.fail("ledger", JobRefused("odd", "no such value"))
    world.journal.fail("index", JobFailed("odd", "no such value"))
    assert (await settled(world, outcome)).end == ("done" if outcome is EVERYTHING else "dead")
    assert world.journal.steps.count("ack") == 1 and len(world.broker.published) == 1


async def test_a_successor_that_queues_yaml_does_not_name_writes_nothing_and_costs_an_attempt() -> None:
    world = new_world()
    outcome = Done(writes=(section("source"),), publish=(Next("elsewhere", FOLLOWING),))
    result = await settled(world, outcome)
    assert result.end == "retried" and result.reason is not None and result.reason.code == "no_successor"
    assert world.journal.steps == ["publish retry.work.5000ms", "ack"]


async def test_a_body_that_is_no_job_goes_to_the_error_queue_untouched_after_one_delivery() -> None:
    world = new_world()
    delivery = delivery_of(b"\xff garbage \x00", tenant="a", n=7, x_attempt=1, x_death=[{"reason": "expired"}])
    assert (await settled(world, JUST_DONE, delivery)).end == "dead"
    assert world.journal.steps == ["publish error.work", "index not_json", "ack"]
    ((queue, message),) = world.broker.published
    assert (queue, message.body, message.job_id) == ("error.work", b"\xff garbage \x00", None)
    assert message.headers["tenant"] == "a" and message.headers["n"] == 7 and "x-death" not in message.headers
    assert world.ledger.entries == {}


async def test_a_header_of_ours_that_is_wrong_goes_to_the_error_queue_and_can_be_replayed() -> None:
    world = new_world()
    delivery = delivery_of(x_attempt="many", tenant="a")
    assert (await settled(world, JUST_DONE, delivery)).end == "dead"
    ((_, message),) = world.broker.published
    assert message.headers["x-error-code"] == "bad_header" and message.headers["tenant"] == "a"
    assert message.body == delivery.body and message.headers["x-attempt"] == 1


async def test_a_job_without_identity_is_stamped_once_and_taken_again() -> None:
    world = new_world()
    bare = delivery_of(body_of(job_id=None, submitted_at=None, business_id=" ACME"), tenant="a", traceparent=TRACE)
    assert await settled(world, RuntimeError("the stage must not run"), bare) == Settled("stamped")
    assert world.journal.steps == ["publish work", "ack"]
    ((_, message),) = world.broker.published
    stamped = decode_job(EnhanceJob, message.body)
    assert stamped.stamped and message.job_id == stamped.job_id and stamped.business_id == "acme"
    assert message.headers["x-attempt"] == 1 and message.headers["tenant"] == "a"
    again = Delivery("work", message.body, message.headers, "m", False, 0, None)
    assert await settled(world, JUST_DONE, again) == Settled("done")
    assert world.ledger.entries.keys() == {(stamped.job_id, "work")}


async def test_a_stamp_that_is_not_confirmed_leaves_the_bare_job_unacked() -> None:
    world = new_world()
    world.journal.fail("publish", ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await settled(world, JUST_DONE, delivery_of(body_of(job_id=None)))
    assert world.journal.steps == ["publish work!"]


async def test_a_hand_back_is_a_confirmed_republish_of_the_same_attempt() -> None:
    world = new_world()
    world.drain.request()
    delivery = delivery_of(x_attempt=2, x_first_seen=1_700_000_000_001, x_hand_backs=1, tenant="a")
    assert await settled(world, JUST_DONE, delivery) == Settled("handed_back")
    assert world.journal.steps == ["publish work", "ack"]
    ((_, message),) = world.broker.published
    assert message.body == delivery.body and message.job_id == JOB_ID
    assert [message.headers[n] for n in ("x-attempt", "x-first-seen", "x-hand-backs", "tenant")] == [
        2,
        1_700_000_000_001,
        2,
        "a",
    ]


async def test_a_hand_back_whose_publish_fails_is_requeued_and_not_acked() -> None:
    world = new_world()
    world.drain.request()
    world.journal.fail("publish", PublishUnconfirmed("broker"))
    assert await settled(world, JUST_DONE) == Settled("handed_back")
    assert world.journal.steps == ["publish work!", "requeue"]


@pytest.mark.parametrize(("outcome", "step"), [(EVERYTHING, "effect"), (EVERYTHING, "ledger")])
async def test_what_is_away_when_the_process_leaves_hands_the_job_back(outcome: Outcome, step: str) -> None:
    world = new_world()

    async def leaving(_job: Any) -> Outcome:
        world.drain.request()
        return outcome

    world.journal.fail(step, AWAY)
    assert await handle(delivery_of(), lane_of(leaving), world.engine()) == Settled("handed_back")
    assert world.journal.steps[-2:] == ["publish work", "ack"]
    assert world.broker.published[-1][1].headers["x-attempt"] == 1


async def test_a_dead_letter_that_cannot_be_sent_when_the_process_leaves_goes_back_to_its_queue() -> None:
    world = new_world()
    world.drain.request()
    world.journal.fail("publish", AWAY)
    assert await settled(world, JUST_DONE, delivery_of(b"garbage", tenant="a")) == Settled("handed_back")
    assert world.journal.steps == ["publish error.work!", "publish work", "ack"]
    assert world.broker.published[0][1].body == b"garbage" and world.broker.published[0][1].headers["tenant"] == "a"


async def test_a_duplicate_is_acked_and_nothing_else() -> None:
    world = new_world()
    await settled(world, EVERYTHING)
    world.journal.steps.clear()
    assert await settled(world, EVERYTHING, delivery_of(redelivered=True)) == Settled("duplicate")
    assert world.journal.steps == ["find", "ack"]


# An operator's word on a dead letter


def letter_delivery(world: World, **headers: Any) -> Delivery:
    named = {"x-error-code": "bug", "x-error-at": 1_700_000_000_002, "x-attempt": 3, **headers}
    return Delivery("error.work", body_of(), named, "m", False, 0, None)


def letter_of(delivery: Delivery) -> Any:
    return read_letter("work", delivery.body, delivery.headers, 1_700_000_000_003)


async def end_letter(world: World, delivery: Delivery, end: Any) -> None:
    await settle_letter(delivery, end, broker=world.broker, ledger=world.ledger, index=world.index)


async def test_a_replay_is_the_same_job_with_all_attempts_anew() -> None:
    world = new_world()
    delivery = letter_delivery(world, tenant="a", **{"x-replays": 1, "x-hand-backs": 2, "x-first-seen": 7})
    await end_letter(world, delivery, Replay(letter_of(delivery)))
    assert world.journal.steps == ["forget work", "publish work", "ack"]
    headers = {"tenant": "a", "x-attempt": 1, "x-first-seen": 7, "x-replays": 2}
    assert world.broker.published == [("work", Message(delivery.body, headers, JOB_ID))]


async def test_an_edit_sends_a_new_job_and_records_what_became_of_the_old_one() -> None:
    world = new_world()
    delivery = letter_delivery(world)
    new = decode_job(EnhanceJob, body_of(job_id="018bcfe5-6800-7000-8000-000000000001"))
    await end_letter(world, delivery, Amend(letter_of(delivery), new))
    assert world.journal.steps == ["forget work", "publish work", "ledger dropped", "ack"]
    ((_, message),) = world.broker.published
    assert (message.body, message.job_id) == (new.encode(), new.job_id)
    assert world.ledger.entries[JOB_ID, "work"].reason == Reason("amended", f"replaced by job {new.job_id}")


async def test_a_drop_is_written_down_before_the_message_goes() -> None:
    world = new_world()
    delivery = letter_delivery(world)
    await end_letter(world, delivery, Drop(letter_of(delivery)))
    assert world.journal.steps == ["forget work", "ledger dropped", "ack"]


async def test_a_dropped_body_that_names_no_job_needs_no_ledger() -> None:
    world = new_world()
    delivery = Delivery("error.work", b"garbage", {}, "m", False, 0, None)
    await end_letter(world, delivery, Drop(letter_of(delivery)))
    assert world.journal.steps == ["forget work", "ack"]


@pytest.mark.parametrize("step", ["publish", "ledger", "forget"])
async def test_a_letter_stays_unacked_when_a_part_is_away(step: str) -> None:
    world = new_world()
    delivery = letter_delivery(world)
    world.journal.fail(step, Unavailable("store"))
    new = decode_job(EnhanceJob, body_of(job_id="018bcfe5-6800-7000-8000-000000000001"))
    with pytest.raises(Unavailable):
        await end_letter(world, delivery, Amend(letter_of(delivery), new))
    assert "ack" not in world.journal.steps


async def test_a_replayed_job_runs_again_although_the_ledger_says_dead() -> None:
    world = new_world()
    await settled(world, Reject(Reason("bad", "")))
    ((_, message),) = world.broker.published
    dead = Delivery("error.work", message.body, message.headers, "m", False, 0, None)
    await end_letter(world, dead, Replay(letter_of(dead)))
    (_, replayed) = world.broker.published[-1]
    again = Delivery("work", replayed.body, replayed.headers, "m", True, 1, None)
    assert await settled(world, JUST_DONE, again) == Settled("done")
    entry: LedgerEntry = world.ledger.entries[JOB_ID, "work"]
    assert (entry.outcome, entry.replays) == ("done", 1)
    assert json.loads(replayed.body)["job_id"] == JOB_ID
