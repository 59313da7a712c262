"""MariaDB or Milvus is away for a while: jobs wait, no attempt is charged, and all stores agree afterwards."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
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
from tests.kit.gathering import read_ledger
from tests.kit.load import Naming
from tests.kit.orchestrators import Orchestrator
from tests.kit.process import Server
from tests.kit.relevance_catalogue import seed_catalogue
from tests.kit.relevance_load import PlannedRelevance, RelevanceKind, relevance_jobs, wrong_ends_of
from tests.kit.watching import total, until

JOBS = 90
MIX: dict[RelevanceKind, float] = {
    "healthy": 0.7,
    "unstamped": 0.05,
    "flaky_clip": 0.06,
    "flaky_vlm": 0.06,
    "not_a_picture": 0.05,
    "failing_source": 0.04,
    "failing_vlm": 0.04,
}
RETRY_DELAYS_S = (0.2, 0.5, 1.0)

Outage = Callable[[Servers, FaultProxy, float], Coroutine[Any, Any, None]]


async def frozen_then_killed(server: Server, seconds: float) -> None:
    """The process stops for half of the time, then it is killed and started again after the other half."""
    server.freeze()
    await asyncio.sleep(seconds / 2)
    server.thaw()
    await asyncio.sleep(0.5)
    server.kill()
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(server.start)


async def mariadb_frozen_then_killed(servers: Servers, _proxy: FaultProxy, seconds: float) -> None:
    assert servers.mariadb is not None
    await frozen_then_killed(servers.mariadb, seconds)


async def milvus_frozen_then_killed(servers: Servers, _proxy: FaultProxy, seconds: float) -> None:
    assert servers.milvus is not None
    await frozen_then_killed(servers.milvus, seconds)


async def milvus_silent_then_down(_servers: Servers, proxy: FaultProxy, seconds: float) -> None:
    await proxy.black_hole()
    await asyncio.sleep(seconds / 2)
    await proxy.pass_through()
    await asyncio.sleep(0.5)
    await proxy.down()
    await asyncio.sleep(seconds / 2)
    await proxy.pass_through()


@asynccontextmanager
async def around_milvus(servers: Servers) -> AsyncIterator[tuple[Servers, FaultProxy]]:
    """The servers, with a proxy before Milvus: its process takes half a minute to come back after a kill."""
    assert servers.milvus is not None
    async with FaultProxy(servers.milvus.port) as proxy:
        yield replace(servers, milvus_port=proxy.port), proxy


LONG = [pytest.mark.chaos, pytest.mark.timeout(900)]


SQL = ("sql", mariadb_frozen_then_killed)
MILVUS = ("milvus", milvus_silent_then_down)


@pytest.mark.parametrize(
    ("outages", "outage_s"),
    [
        pytest.param([SQL, MILVUS], 8.0, id="both-once"),
        pytest.param([SQL] * 3, 30.0, id="mariadb", marks=LONG),
        pytest.param([MILVUS] * 3, 30.0, id="milvus-unreachable", marks=LONG),
        pytest.param([("milvus", milvus_frozen_then_killed)] * 3, 30.0, id="milvus-killed", marks=LONG),
    ],
)
async def test_jobs_wait_for_a_store_of_the_relevance_road_and_no_attempt_is_charged(
    all_servers: Servers, tmp_path: Path, seed: int, outages: Sequence[tuple[str, Outage]], outage_s: float
) -> None:
    await seed_catalogue(all_servers)
    options = Options(
        roads=("relevance",), queue={"retry_delays_s": list(RETRY_DELAYS_S)}, environment={"store_timeout_s": "2"}
    )
    async with around_milvus(all_servers) as (proxied, proxy), Deployment(proxied, tmp_path, options) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start()
        load = relevance_jobs(seed, JOBS, deployment.outside, MIX)
        size = JOBS // len(outages)
        for turn, (store, outage) in enumerate(outages):
            part = load[turn * size : (turn + 1) * size]
            await deployment.publish(part[: size // 2])  # these are on their way when the store goes
            await asyncio.sleep(0.5)
            away = asyncio.create_task(outage(all_servers, proxy, outage_s))
            await asyncio.sleep(0.2)
            await deployment.publish(part[size // 2 :])
            await until(partial(waits_for, orchestrator, store), outage_s, f"jobs that wait for {store}")
            await away
        waited_s = await deployment.drained(90)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        charged = await wrongly_charged(deployment)
        away_s = f"{' and '.join(sorted({store for store, _ in outages}))} away {len(outages)} x {outage_s:g} s"
        key = f"R24.{'.'.join(sorted({outage.__name__ for _, outage in outages}))}.{len(outages)}x{outage_s:g}s"
        broken = len(verdict.lost) + len(verdict.duplicate_effects) + len(verdict.missing_effects)
        buried = len(evidence.dead) - sum(not job.ends_well for job in load)
        at_most(f"{key}.broken", f"jobs lost, effects doubled or missing, {away_s}", broken, 0, JOBS)
        at_most(f"{key}.buried", f"jobs in error queues that do not belong there, {away_s}", buried, 0, JOBS)
        at_most(f"{key}.charged", f"jobs charged an attempt, {away_s}", len(charged), 0, JOBS)
        at_most(f"{key}.drained_s", f"seconds until drained, {away_s}", round(waited_s, 1), 90, JOBS)
        assert verdict.clean, str(verdict)
        assert wrong_ends_of(evidence, load) == []
        assert charged == {}


async def waits_for(orchestrator: Orchestrator, store: str) -> bool:
    """Whether the orchestrator says that jobs wait for the store."""
    return await total(orchestrator, "justlens_waiting", dependency=store) > 0


async def wrongly_charged(deployment: Deployment) -> dict[JobKey, int]:
    """Every job whose number of attempts in a queue is not the one its kind means."""
    naming = Naming(deployment.jobs)
    jobs = {job.key.job_id: job for job in deployment.jobs if isinstance(job, PlannedRelevance)}
    rows = await asyncio.to_thread(read_ledger, deployment)
    taken = {naming.key(row["queue"], row["job_id"], row["image_id"]): row["attempts"] for row in rows}
    return {
        key: attempts
        for key, attempts in taken.items()
        if attempts != jobs[key.job_id].attempts_at(key.queue, len(RETRY_DELAYS_S))
    }
