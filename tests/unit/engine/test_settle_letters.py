"""An operator's word on a dead letter: replay it, send it replaced, or drop it."""

import json
from typing import Any

import pytest

from orchestrator.domain.deadletters import read_letter
from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import Reason, Unavailable
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.ledger import LedgerEntry
from orchestrator.domain.outcome import Reject
from orchestrator.runtime.outcomes import Drop, Replace, Replay, Settled
from orchestrator.runtime.ports import Delivery, Message
from orchestrator.runtime.settle import settle_dead_letter
from tests.kit.fakes import JOB_ID, JUST_DONE, World, body_of, new_world
from tests.kit.settling import settled


def letter_delivery(world: World, **headers: Any) -> Delivery:
    named = {"x-error-code": "bug", "x-error-at": 1_700_000_000_002, "x-attempt": 3, **headers}
    return Delivery("error.work", body_of(), named, "m", False, 0, None)


def letter_of(delivery: Delivery) -> Any:
    return read_letter("work", delivery.body, delivery.headers, 1_700_000_000_003)


async def end_letter(world: World, delivery: Delivery, end: Any) -> None:
    await settle_dead_letter(delivery, end, broker=world.broker, ledger=world.ledger, index=world.index)


async def test_a_replay_is_the_same_job_with_all_attempts_anew() -> None:
    world = new_world()
    delivery = letter_delivery(world, tenant="a", **{"x-replays": 1, "x-releases": 2, "x-first-seen": 7})
    await end_letter(world, delivery, Replay(letter_of(delivery)))
    assert world.journal.steps == ["forget work", "publish work", "ack"]
    headers = {"tenant": "a", "x-attempt": 1, "x-first-seen": 7, "x-replays": 2}
    assert world.broker.published == [("work", Message(delivery.body, headers, JOB_ID))]


async def test_an_edit_sends_a_new_job_and_records_what_became_of_the_old_one() -> None:
    world = new_world()
    delivery = letter_delivery(world)
    new = decode_job(EnhanceJob, body_of(job_id="018bcfe5-6800-7000-8000-000000000001"))
    await end_letter(world, delivery, Replace(letter_of(delivery), new))
    assert world.journal.steps == ["forget work", "publish work", "ledger dropped", "ack"]
    ((_, message),) = world.broker.published
    assert (message.body, message.job_id) == (new.encode(), new.job_id)
    assert world.ledger.entries[JOB_ID, "work"].reason == Reason("replaced", f"replaced by job {new.job_id}")


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
        await end_letter(world, delivery, Replace(letter_of(delivery), new))
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
