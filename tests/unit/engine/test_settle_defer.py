"""A job that someone outside asks time for goes back through a retry queue, uncharged, and not without end."""

import pytest

from orchestrator.domain.errors import JobDeferred, JobFailed, Reason
from orchestrator.domain.outcome import Retry
from orchestrator.domain.retrying import MAX_DEFERRED_S, MAX_RETURNS, decide_deferral
from orchestrator.runtime.engine import now_ms
from orchestrator.runtime.execute import handle
from orchestrator.runtime.outcomes import Settled
from tests.kit.fake_stages import Stage
from tests.kit.fakes import bound_queue, delivery_of, new_world
from tests.kit.settling import settled

BUSY = Reason("source_busy", "host asks for 20 s")


@pytest.mark.parametrize(
    ("delay_s", "returns", "age_s", "delays_s", "tier"),
    [
        (1, 0, 0, (5, 30, 300), 5),
        (5, 0, 0, (5, 30, 300), 5),
        (6, 0, 0, (5, 30, 300), 30),
        (600, 0, 0, (5, 30, 300), 300),
        (600, 50 * MAX_RETURNS, MAX_DEFERRED_S - 1, (5, 30), 30),
        (600, MAX_RETURNS - 1, 9 * MAX_DEFERRED_S, (5, 30), 30),
        (600, MAX_RETURNS, MAX_DEFERRED_S, (5, 30), None),
        (1, 0, 0, (), 0),
        (1, MAX_RETURNS, MAX_DEFERRED_S, (), None),
    ],
)
def test_the_tier_is_the_shortest_that_is_long_enough(
    delay_s: float, returns: int, age_s: float, delays_s: tuple[float, ...], tier: float | None
) -> None:
    assert decide_deferral(delay_s, returns, age_s, delays_s) == tier


async def test_a_deferred_job_waits_in_a_tier_with_the_attempt_it_had() -> None:
    world = new_world()
    delivery = delivery_of(x_attempt=2, x_releases=1)
    stage = Stage(JobDeferred(BUSY.code, BUSY.message, 20))
    assert await handle(delivery, bound_queue(stage), world.engine()) == Settled("deferred", BUSY)
    assert world.journal.steps == ["find", "publish retry.work.30000ms", "ack"]
    headers = world.broker.published[0][1].headers
    assert (headers["x-attempt"], headers["x-releases"]) == (2, 2)
    assert world.count("justlens_jobs_total", queue="work", outcome="deferred") == 1
    assert world.count("justlens_dead_letters_total", queue="work", reason=BUSY.code) == 0


async def test_a_job_that_was_deferred_often_and_for_a_day_is_charged() -> None:
    world = new_world()
    stage = Stage(JobDeferred(BUSY.code, BUSY.message, 20))
    first_seen = now_ms() - int(MAX_DEFERRED_S * 1000)
    delivery = delivery_of(x_attempt=1, x_releases=MAX_RETURNS, x_first_seen=first_seen)
    assert await handle(delivery, bound_queue(stage), world.engine()) == Settled("retried", BUSY)
    assert world.broker.published[0][1].headers["x-attempt"] == 2


async def test_a_backlog_that_sends_a_job_back_often_in_an_hour_charges_nothing() -> None:
    world = new_world()
    stage = Stage(JobDeferred(BUSY.code, BUSY.message, 1))
    delivery = delivery_of(x_attempt=1, x_releases=9 * MAX_RETURNS, x_first_seen=now_ms() - 3_600_000)
    assert await handle(delivery, bound_queue(stage), world.engine()) == Settled("deferred", BUSY)
    assert world.broker.published[0][1].headers["x-attempt"] == 1


async def test_a_deferred_job_of_a_queue_without_tiers_goes_back_to_it() -> None:
    world = new_world()
    stage = Stage(JobDeferred(BUSY.code, BUSY.message, 1))
    assert await handle(delivery_of(), bound_queue(stage, retry_delays_s=()), world.engine()) == Settled(
        "deferred", BUSY
    )
    assert world.journal.steps == ["publish work", "ack"]


@pytest.mark.parametrize(("attempt", "end"), [(1, "retried"), (2, "dead")])
async def test_a_failure_may_allow_fewer_attempts_than_its_queue(attempt: int, end: str) -> None:
    reason = Reason("truncated", "why")
    for outcome in (Retry(reason, 2), JobFailed("truncated", "why", max_attempts=2)):
        assert await settled(new_world(), outcome, delivery_of(x_attempt=attempt)) == Settled(end, reason)
