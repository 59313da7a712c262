"""A job that someone outside asks time for goes back through a retry queue, uncharged, and not without end."""

import pytest

from orchestrator.domain.errors import JobDeferred, JobFailed, Reason
from orchestrator.domain.outcome import Retry
from orchestrator.domain.retrying import MAX_RETURNS, decide_deferral
from orchestrator.runtime.ends import Settled
from orchestrator.runtime.execute import handle
from tests.kit.fake_stages import Stage
from tests.kit.fakes import delivery_of, lane_of, new_world
from tests.kit.settling import settled

BUSY = Reason("source_busy", "host asks for 20 s")


@pytest.mark.parametrize(
    ("delay_s", "returns", "delays_s", "tier"),
    [
        (1, 0, (5, 30, 300), 5),
        (5, 0, (5, 30, 300), 5),
        (6, 0, (5, 30, 300), 30),
        (600, 0, (5, 30, 300), 300),
        (600, MAX_RETURNS - 1, (5, 30), 30),
        (600, MAX_RETURNS, (5, 30), None),
        (1, 0, (), None),
    ],
)
def test_the_tier_is_the_shortest_that_is_long_enough(
    delay_s: float, returns: int, delays_s: tuple[float, ...], tier: float | None
) -> None:
    assert decide_deferral(delay_s, returns, delays_s) == tier


async def test_a_deferred_job_waits_in_a_tier_with_the_attempt_it_had() -> None:
    world = new_world()
    delivery = delivery_of(x_attempt=2, x_hand_backs=1)
    stage = Stage(JobDeferred(BUSY.code, BUSY.message, 20))
    assert await handle(delivery, lane_of(stage), world.engine()) == Settled("deferred", BUSY)
    assert world.journal.steps == ["find", "publish retry.work.30000ms", "ack"]
    headers = world.broker.published[0][1].headers
    assert (headers["x-attempt"], headers["x-hand-backs"]) == (2, 2)
    assert world.count("justlens_jobs_total", queue="work", end="deferred") == 1


async def test_a_job_that_was_deferred_too_often_is_charged() -> None:
    world = new_world()
    stage = Stage(JobDeferred(BUSY.code, BUSY.message, 20))
    delivery = delivery_of(x_attempt=1, x_hand_backs=MAX_RETURNS)
    assert await handle(delivery, lane_of(stage), world.engine()) == Settled("retried", BUSY)
    assert world.broker.published[0][1].headers["x-attempt"] == 2


@pytest.mark.parametrize(("attempt", "end"), [(1, "retried"), (2, "dead")])
async def test_a_failure_may_allow_fewer_attempts_than_its_queue(attempt: int, end: str) -> None:
    reason = Reason("truncated", "why")
    for outcome in (Retry(reason, 2), JobFailed("truncated", "why", max_attempts=2)):
        assert await settled(new_world(), outcome, delivery_of(x_attempt=attempt)) == Settled(end, reason)
