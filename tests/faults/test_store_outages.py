"""A store is away for a while: jobs wait where they are, no attempt is charged, and the stores agree afterwards."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.evidence import JobKey
from tests.kit.faultproxy import FaultProxy
from tests.kit.gathering import read_ledger, wrong_ends
from tests.kit.load import Kind, Naming, mixed
from tests.kit.orchestrators import Orchestrator
from tests.kit.watching import total, until

JOBS = 200
MIX: dict[Kind, float] = {
    "healthy": 0.7,
    "unstamped": 0.05,
    "hashed": 0.05,
    "flaky_source": 0.08,
    "not_a_picture": 0.06,
    "failing_source": 0.06,
}
RETRY_DELAYS_S = (0.2, 0.5, 1.0)
ATTEMPTS: dict[Kind, int] = {"flaky_source": 3, "failing_source": len(RETRY_DELAYS_S) + 1}

Outage = Callable[[Servers, FaultProxy, float], Coroutine[Any, Any, None]]


async def mongo_frozen_then_killed(servers: Servers, _proxy: FaultProxy, seconds: float) -> None:
    mongod = servers.mongod
    mongod.freeze()
    await asyncio.sleep(seconds / 2)
    mongod.thaw()
    await asyncio.sleep(0.5)
    mongod.kill()
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(mongod.start)


async def proxy_silent_then_down(_servers: Servers, proxy: FaultProxy, seconds: float) -> None:
    await proxy.black_hole()
    await asyncio.sleep(seconds / 2)
    await proxy.pass_through()
    await asyncio.sleep(0.5)
    await proxy.down()
    await asyncio.sleep(seconds / 2)
    await proxy.pass_through()


@asynccontextmanager
async def around_s3(servers: Servers) -> AsyncIterator[tuple[Servers, FaultProxy]]:
    """The servers, with a proxy before S3: the server itself holds everything in memory and must not be killed."""
    async with FaultProxy(servers.s3.port) as proxy:
        yield replace(servers, s3_port=proxy.port), proxy


@pytest.mark.parametrize(
    ("outage_s", "times"), [(8.0, 1), pytest.param(30.0, 3, marks=[pytest.mark.chaos, pytest.mark.timeout(600)])]
)
@pytest.mark.parametrize(
    ("store", "outage"), [("mongodb", mongo_frozen_then_killed), ("s3", proxy_silent_then_down)], ids=["mongodb", "s3"]
)
async def test_jobs_wait_for_a_store_and_no_attempt_is_charged(
    servers: Servers, tmp_path: Path, seed: int, store: str, outage: Outage, outage_s: float, times: int
) -> None:
    options = Options(queue={"retry_delays_s": list(RETRY_DELAYS_S)}, environment={"store_timeout_s": "2"})
    async with around_s3(servers) as (proxied, proxy), Deployment(proxied, tmp_path, options) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start()
        load = mixed(seed, JOBS, deployment.outside, MIX)
        for turn in range(times):
            away = asyncio.create_task(outage(servers, proxy, outage_s))
            await asyncio.sleep(0.2)
            await deployment.publish(load[turn * JOBS // times : (turn + 1) * JOBS // times])
            await until(partial(waits_for, orchestrator, store), outage_s, f"jobs that wait for {store}")
            await away
        waited_s = await deployment.drained(60)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        charged = await wrongly_charged(deployment)
        key, n = f"R24.{store}.{times}x{outage_s:g}s", len(load)
        lost = len(verdict.lost) + len(verdict.duplicate_effects) + len(verdict.missing_effects)
        buried = len(evidence.dead) - sum(not job.ends_well for job in load)
        at_most(f"{key}.broken", f"jobs lost, effects doubled or missing, {store} away", lost, 0, n)
        at_most(f"{key}.buried", f"jobs in error queues that do not belong there, {store} away", buried, 0, n)
        at_most(f"{key}.charged", f"jobs charged an attempt while {store} was away", len(charged), 0, n)
        at_most(f"{key}.drained_s", f"seconds until drained with {store} back", round(waited_s, 1), 60, n)
        assert verdict.clean, str(verdict)
        assert wrong_ends(evidence, load) == []
        assert charged == {}


async def waits_for(orchestrator: Orchestrator, store: str) -> bool:
    """Whether the orchestrator says that jobs wait for the store."""
    return await total(orchestrator, "justlens_waiting", dependency=store) > 0


async def wrongly_charged(deployment: Deployment) -> dict[JobKey, int]:
    """Every job whose number of attempts is not the one its kind means."""
    naming = Naming(deployment.jobs)
    meant = {job.key: ATTEMPTS.get(job.kind, 1) for job in deployment.jobs}
    rows = await asyncio.to_thread(read_ledger, deployment)
    taken = {naming.key(row["queue"], row["job_id"], row["image_id"]): row["attempts"] for row in rows}
    return {key: attempts for key, attempts in taken.items() if attempts != meant.get(key, 1)}
