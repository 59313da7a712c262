"""Workers die, hang or fail: the jobs do not notice."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from aiohttp import web

from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import read_ledger, wrong_ends
from tests.kit.load import Planned, planned
from tests.kit.orchestrators import Orchestrator
from tests.kit.outside import Outside
from tests.kit.ports import free_port
from tests.kit.stub_worker import StubWorker
from tests.kit.watching import job_times_s, quantile, steady, total, until

PER_SECOND = 18
KILL_EVERY_S = 2.0
SLOWER_LIMIT = 3.0
EJECT_AFTER, PROBE_AFTER_S = 3, 1.0


def healthy_job(outside: Outside, number: int) -> Planned:
    return planned(number, "healthy", outside)


@pytest.mark.parametrize(
    ("calm_s", "storm_s"), [(3, 8), pytest.param(30, 60, marks=[pytest.mark.chaos, pytest.mark.timeout(400)])]
)
async def test_the_death_of_a_worker_every_two_seconds_loses_and_buries_nothing(
    servers: Servers, tmp_path: Path, seed: int, calm_s: float, storm_s: float
) -> None:
    chance = random.Random(seed)
    pool = {"eject_after": EJECT_AFTER, "probe_after_s": PROBE_AFTER_S, "max_in_flight": 4}
    options = Options(stub_workers=3, worker_latency_s=0.05, pool=pool)
    async with Deployment(servers, tmp_path, options) as deployment:
        await deployment.workers_ready()
        await deployment.start()
        plan, kills = partial(healthy_job, deployment.outside), int(storm_s / KILL_EVERY_S)
        async with steady(deployment, plan, PER_SECOND) as calm:
            await asyncio.sleep(calm_s)
        async with steady(deployment, plan, PER_SECOND, start=len(calm) + 1) as storm:
            for _ in range(kills):
                deployment.processes.start_worker(chance.choice(deployment.worker_ports), options.worker_latency_s)
                await asyncio.sleep(KILL_EVERY_S)
        await deployment.drained(60)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        ledger = await asyncio.to_thread(read_ledger, deployment)
        p99_s = [quantile(job_times_s(ledger, jobs), 0.99) for jobs in (calm, storm)]
        what = f"jobs in error queues after {kills} deaths of one of 3 workers"
        at_most(f"R4.buried.{kills}", what, len(evidence.dead), 0, len(storm))
        what = f"p99 of a job's time while workers die ({p99_s[1]:.2f} s), times that without ({p99_s[0]:.2f} s)"
        at_most(f"R4.p99_ratio.{kills}", what, round(p99_s[1] / p99_s[0], 2), SLOWER_LIMIT, len(storm))
        assert verdict.clean, str(verdict)
        assert wrong_ends(evidence, [*calm, *storm]) == []


class MoodyWorker(StubWorker):
    """A worker that answers every question about its health, and does its work only when it is well."""

    def __init__(self) -> None:
        super().__init__(latency_s=0.0)
        self.mood: Literal["well", "failing", "hanging"] = "well"
        self.asked: Counter[str] = Counter()

    async def enhance(self, request: web.Request) -> web.Response:
        self.asked[self.mood] += 1
        if self.mood == "hanging":
            await asyncio.sleep(3600)
        if self.mood == "failing":
            return web.Response(status=500)
        return await super().enhance(request)


@asynccontextmanager
async def moody_worker(port: int) -> AsyncIterator[MoodyWorker]:
    worker = MoodyWorker()
    runner = web.AppRunner(worker.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield worker
    finally:
        await runner.cleanup()


async def test_a_worker_that_fails_or_hangs_is_ejected_and_comes_back_when_it_is_well(
    servers: Servers, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # Every visit to the sick one costs an attempt; its probes must not use up those of one job.
    options = Options(
        pool={"eject_after": EJECT_AFTER, "probe_after_s": PROBE_AFTER_S, "timeout_s": 1.0},
        queue={"retry_delays_s": [0.1, 0.2, 0.3, 0.5, 0.7, 1]},
    )
    async with moody_worker(port) as worker, Deployment(servers, tmp_path, options) as deployment:
        await deployment.workers_ready()
        urls = [*(f"http://127.0.0.1:{each}" for each in deployment.worker_ports), url]
        orchestrator = await deployment.start(endpoints=json.dumps({"enhance": urls}))
        async with steady(deployment, partial(healthy_job, deployment.outside), PER_SECOND) as jobs:
            await until(partial(in_state, orchestrator, url, "ready"), 10, "the worker to be used")
            for mood in ("failing", "hanging"):
                worker.mood = mood
                sick_s = await until(partial(in_state, orchestrator, url, "ejected"), 15, f"a {mood} one's ejection")
                calls = worker.asked[mood]
                at_most(f"R18.ejected_s.{mood}", f"seconds until a {mood} worker was ejected", round(sick_s, 2), 5.0, 1)
                await asyncio.sleep(PROBE_AFTER_S)
                worker.mood = "well"
                well_s = await until(partial(in_state, orchestrator, url, "ready"), 15, f"a {mood} one's return")
                at_most(f"R18.back_s.{mood}", f"seconds until a {mood} worker was back", round(well_s, 2), 35.0, 1)
                assert sick_s <= 5.0 or calls <= 5
        await deployment.drained(60)
        verdict = await deployment.verdict()
        print(verdict)
        assert verdict.clean, str(verdict)
        assert wrong_ends(await deployment.evidence(), jobs) == []


async def in_state(orchestrator: Orchestrator, url: str, state: str) -> bool:
    """Whether the orchestrator says of the worker that it is in this state."""
    return await total(orchestrator, "justlens_worker_state", endpoint=url, state=state) == 1
