"""Settling what was not run to its end: a job that gets its identity, and jobs released when the process leaves."""

from typing import Any

import pytest

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import PublishUnconfirmed
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.outcome import Outcome
from orchestrator.runtime.execute import handle
from orchestrator.runtime.outcomes import Settled
from orchestrator.runtime.ports import Delivery
from tests.kit.fakes import JOB_ID, JUST_DONE, TRACE, body_of, bound_queue, delivery_of, new_world
from tests.kit.settling import AWAY, EVERYTHING, settled


async def test_a_job_without_identity_is_stamped_once_and_taken_again() -> None:
    world = new_world()
    bare = delivery_of(body_of(job_id=None, submitted_at=None, business_id=" ACME"), tenant="a", traceparent=TRACE)
    assert await settled(world, RuntimeError("the stage must not run"), bare) == Settled("identity_assigned")
    assert world.journal.steps == ["publish work", "ack"]
    ((_, message),) = world.broker.published
    stamped = decode_job(EnhanceJob, message.body)
    assert stamped.has_identity and message.job_id == stamped.job_id and stamped.business_id == "acme"
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
    delivery = delivery_of(x_attempt=2, x_first_seen=1_700_000_000_001, x_releases=1, tenant="a")
    assert await settled(world, JUST_DONE, delivery) == Settled("released")
    assert world.journal.steps == ["publish work", "ack"]
    ((_, message),) = world.broker.published
    assert message.body == delivery.body and message.job_id == JOB_ID
    assert [message.headers[n] for n in ("x-attempt", "x-first-seen", "x-releases", "tenant")] == [
        2,
        1_700_000_000_001,
        2,
        "a",
    ]


async def test_a_hand_back_whose_publish_fails_is_requeued_and_not_acked() -> None:
    world = new_world()
    world.drain.request()
    world.journal.fail("publish", PublishUnconfirmed("broker"))
    assert await settled(world, JUST_DONE) == Settled("released")
    assert world.journal.steps == ["publish work!", "requeue"]


@pytest.mark.parametrize(("outcome", "step"), [(EVERYTHING, "effect"), (EVERYTHING, "ledger")])
async def test_what_is_away_when_the_process_leaves_hands_the_job_back(outcome: Outcome, step: str) -> None:
    world = new_world()

    async def leaving(_job: Any) -> Outcome:
        world.drain.request()
        return outcome

    world.journal.fail(step, AWAY)
    assert await handle(delivery_of(), bound_queue(leaving), world.engine()) == Settled("released")
    assert world.journal.steps[-2:] == ["publish work", "ack"]
    assert world.broker.published[-1][1].headers["x-attempt"] == 1


async def test_a_dead_letter_that_cannot_be_sent_when_the_process_leaves_goes_back_to_its_queue() -> None:
    world = new_world()
    world.drain.request()
    world.journal.fail("publish", AWAY)
    assert await settled(world, JUST_DONE, delivery_of(b"garbage", tenant="a")) == Settled("released")
    assert world.journal.steps == ["publish error.work!", "publish work", "ack"]
    assert world.broker.published[0][1].body == b"garbage" and world.broker.published[0][1].headers["tenant"] == "a"
