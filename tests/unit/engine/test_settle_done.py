"""Settling what is done: the order is the promise, and what fails before the ack leaves the delivery unacked."""

import pytest

from orchestrator.domain.errors import JobFailed, JobRefused, PublishUnconfirmed, Reason, Unroutable
from orchestrator.domain.outcome import Done, Next, Outcome, Reject
from orchestrator.runtime.outcomes import Settled
from tests.kit.fakes import JOB_ID, JUST_DONE, TRACE, delivery_of, new_world, section
from tests.kit.settling import AWAY, EVERYTHING, FOLLOWING, IN_ORDER, settled


async def test_done_is_writes_then_effects_then_next_jobs_then_ledger_then_ack() -> None:
    world = new_world()
    assert await settled(world, EVERYTHING) == Settled("done")
    assert world.journal.steps == IN_ORDER
    assert tuple(world.applier.writes) == EVERYTHING.writes and tuple(world.applier.effects) == EVERYTHING.effects
    assert world.count("justlens_jobs_total", queue="work", outcome="done") == 1
    assert world.count("justlens_jobs_in_progress", queue="work") == 0


async def test_the_next_job_starts_its_own_first_attempt_in_the_same_trace() -> None:
    world = new_world()
    delivery = delivery_of(x_attempt=2, x_releases=3, x_replays=1, traceparent=TRACE, tenant="a")
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


async def test_an_effect_that_fails_costs_an_attempt() -> None:
    world = new_world()
    world.journal.fail("effect", JobFailed("purge_failed", "the CDN said 500"))
    assert (await settled(world, EVERYTHING)).outcome == "retried"
    assert world.journal.steps[-2:] == ["publish retry.work.5000ms", "ack"]


@pytest.mark.parametrize("outcome", [EVERYTHING, Reject(Reason("bad", ""))])
async def test_a_record_that_a_store_refuses_undoes_nothing(outcome: Outcome) -> None:
    world = new_world()
    world.journal.fail("ledger", JobRefused("odd", "no such value"))
    world.journal.fail("index", JobFailed("odd", "no such value"))
    assert (await settled(world, outcome)).outcome == ("done" if outcome is EVERYTHING else "dead")
    assert world.journal.steps.count("ack") == 1 and len(world.broker.published) == 1


async def test_a_successor_that_queues_yaml_does_not_name_writes_nothing_and_costs_an_attempt() -> None:
    world = new_world()
    outcome = Done(writes=(section("source"),), publish=(Next("elsewhere", FOLLOWING),))
    result = await settled(world, outcome)
    assert result.outcome == "retried" and result.reason is not None and result.reason.code == "no_next_queue"
    assert world.journal.steps == ["publish retry.work.5000ms", "ack"]


async def test_a_duplicate_is_acked_and_nothing_else() -> None:
    world = new_world()
    await settled(world, EVERYTHING)
    world.journal.steps.clear()
    assert await settled(world, EVERYTHING, delivery_of(redelivered=True)) == Settled("duplicate")
    assert world.journal.steps == ["find", "ack"]
