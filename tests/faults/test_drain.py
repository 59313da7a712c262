"""SIGTERM at any moment: the process leaves in time with exit code 0, and no healthy job pays for it."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import peek, wrong_ends
from tests.kit.load import PROCESS, Planned, healthy

DRAIN_S = 4.0
GRACE_S = DRAIN_S + 5.0  # what is left over is released, for which there are five seconds
LEAVING_LIMIT_S = 0.9 * GRACE_S


@pytest.mark.parametrize(
    "restarts",
    [
        pytest.param(15, marks=pytest.mark.timeout(240)),
        pytest.param(50, marks=[pytest.mark.chaos, pytest.mark.timeout(1200)]),
    ],
)
async def test_rolling_restarts_under_load_bury_and_lose_nothing(
    servers: Servers, tmp_path: Path, seed: int, restarts: int
) -> None:
    chance = random.Random(seed)
    # A job that came back from a drain more than twice would end in its error queue, which must stay empty.
    options = Options(worker_latency_s=0.25, queue={"delivery_limit": 2}, environment={"drain_s": str(DRAIN_S)})
    async with Deployment(servers, tmp_path, options) as deployment:
        await deployment.workers_ready()
        load = healthy(restarts * 30, deployment.outside)
        publishing = asyncio.create_task(deployment.publish(load))
        old = await deployment.start()
        leaving_s, in_hand = [], []
        for _ in range(restarts):
            new = await deployment.start()
            await asyncio.sleep(chance.uniform(0, 0.5))
            in_hand.append(await old.jobs_in_progress())
            began = time.monotonic()
            assert await old.leave() == 0, old.tail()
            leaving_s.append(time.monotonic() - began)
            old = new
        await publishing
        await old.ready()
        await deployment.drained(60)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        fetches = sum(len(job.source.asked_at) for job in load if job.source)
        what = f"seconds to leave, the slowest of {restarts} under load, {GRACE_S:g} s of grace"
        at_most(f"R17.leaving_s.{restarts}", what, round(max(leaving_s), 1), LEAVING_LIMIT_S, restarts)
        at_most(f"R11.buried.{restarts}", f"jobs buried by {restarts} drains", len(evidence.dead), 0, len(load))
        repeated = fetches - len(load)
        at_most(f"R17.repeated.{restarts}", "jobs begun again", repeated, sum(in_hand), len(load))
        assert verdict.ok, str(verdict)
        assert wrong_ends(evidence, load) == []
        assert max(leaving_s) <= LEAVING_LIMIT_S
        assert repeated <= sum(in_hand)
        assert sum(in_hand) > restarts  # there was something to drain


async def test_a_job_longer_than_the_drain_is_handed_back_as_if_it_was_never_taken(
    servers: Servers, tmp_path: Path
) -> None:
    async with Deployment(servers, tmp_path) as deployment:
        await deployment.workers_ready()
        [job] = healthy(1, deployment.outside)
        await deployment.publish([job])
        deployment.outside.source_delay_s = 8.0
        orchestrator = await deployment.start(drain_s="0.5")
        await _fetched(job, 1)
        assert await orchestrator.leave() == 0
        [left] = await peek(deployment, PROCESS)
        assert (left.headers["x-attempt"], left.headers["x-releases"], left.delivery_count) == (1, 1, 0)
        assert left.body == job.body
        deployment.outside.source_delay_s = 0.0
        await deployment.start()
        await deployment.drained()
        verdict = await deployment.verdict()
        assert verdict.clean, str(verdict)


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_crash_while_handing_back_loses_nothing(servers: Servers, tmp_path: Path, side: str) -> None:
    async with Deployment(servers, tmp_path) as deployment:
        await deployment.workers_ready()
        [job] = healthy(1, deployment.outside)
        await deployment.publish([job])
        deployment.outside.source_delay_s = 8.0
        point = f"{side}_publish_hand_back"
        orchestrator = await deployment.start(crash_at=point, drain_s="0.5")
        await _fetched(job, 1)
        orchestrator.ask_to_leave()
        deadline = time.monotonic() + 20
        while orchestrator.crashes() != [point]:
            assert time.monotonic() < deadline, orchestrator.tail()
            await asyncio.sleep(0.05)
        deployment.outside.source_delay_s = 0.0
        await deployment.drained()
        verdict = await deployment.verdict()
        assert verdict.ok, str(verdict)


async def _fetched(job: Planned, times: int) -> None:
    assert job.source is not None
    deadline = time.monotonic() + 20
    while len(job.source.asked_at) < times:
        assert time.monotonic() < deadline, "the job was not taken"
        await asyncio.sleep(0.02)
