"""Who pays for what a stage raises, and what travels on with the job."""

import time

import pytest

from orchestrator.domain.errors import JobFailed, JobRefused, Reason
from orchestrator.runtime.execute import handle
from orchestrator.runtime.outcomes import Settled
from tests.kit.fake_stages import Stage
from tests.kit.fakes import TRACE, bound_queue, delivery_of, new_world


@pytest.mark.parametrize(
    ("error", "settled"),
    [
        (
            JobRefused("not_a_picture", "cannot be decoded"),
            Settled("dead", Reason("not_a_picture", "cannot be decoded")),
        ),
        (JobFailed("http_500", "the source said 500"), Settled("retried", Reason("http_500", "the source said 500"))),
    ],
)
async def test_a_job_s_own_fault_says_so(error: Exception, settled: Settled) -> None:
    assert await handle(delivery_of(), bound_queue(Stage(error)), new_world().engine()) == settled


@pytest.mark.parametrize("error", [KeyError("canary-5ecret"), TimeoutError("canary-5ecret"), RecursionError()])
async def test_a_bug_costs_an_attempt_and_its_frames_travel_without_its_text(error: Exception) -> None:
    world = new_world()
    settled = await handle(delivery_of(x_attempt=3), bound_queue(Stage(error)), world.engine())
    assert settled.outcome == "dead" and settled.reason is not None and settled.reason.code == "bug"
    assert settled.reason.message == f"{type(error).__name__} in the stage; see the log"
    assert "run (fakes.py:" in settled.reason.stack
    assert "canary" not in str(dict(world.broker.published[0][1].headers))


@pytest.mark.parametrize("trace", [TRACE, "", "garbage", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 10_000])
async def test_what_is_sent_on_always_carries_one_valid_trace(trace: str) -> None:
    world = new_world()
    failure = Stage(JobFailed("http_500", ""))
    await handle(delivery_of(traceparent=trace), bound_queue(failure), world.engine())
    version, trace_id, span_id, _flags = str(world.broker.published[0][1].headers["traceparent"]).split("-")
    assert version == "00" and int(trace_id, 16) and int(span_id, 16)
    assert (trace_id == "a" * 32) == (trace == TRACE)


async def test_the_first_time_a_job_is_seen_stays_with_it() -> None:
    world = new_world()
    before = time.time_ns() // 1_000_000
    await handle(delivery_of(), bound_queue(Stage(JobFailed("x", ""))), world.engine())
    assert before <= int(world.broker.published[0][1].headers["x-first-seen"]) <= time.time_ns() // 1_000_000
