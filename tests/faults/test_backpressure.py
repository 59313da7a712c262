"""Much more work than can be done: the broker keeps it, not the process, and a full queue says so to its publisher."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from orchestrator.domain.errors import PublishUnconfirmed, Unavailable
from orchestrator.runtime.ports import Message
from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.load import PROCESS, Planned, healthy
from tests.kit.watching import total, until

GROWTH_LIMIT_MB = 50
MAX_LENGTH = 40


@pytest.mark.parametrize(
    ("jobs", "watched_s"), [(10_000, 5), pytest.param(20_000, 60, marks=[pytest.mark.chaos, pytest.mark.timeout(600)])]
)
async def test_a_long_queue_without_workers_stays_in_the_broker(
    servers: Servers, tmp_path: Path, jobs: int, watched_s: float
) -> None:
    async with Deployment(servers, tmp_path) as deployment:
        for port in deployment.worker_ports:
            deployment.processes.kill_worker(port)
        orchestrator = await deployment.start()
        process = psutil.Process(orchestrator.pid)
        before_bytes = process.memory_info().rss
        load = healthy(jobs, deployment.outside)
        began = time.monotonic()
        await deployment.publish(load, in_flight=512)
        published_s = time.monotonic() - began
        print(f"{jobs:,} jobs published in {published_s:.1f} s")

        async def waiting() -> bool:
            return await total(orchestrator, "justlens_waiting", queue=PROCESS, dependency="enhance") > 0

        await until(waiting, 20, "jobs that wait for a worker")
        unacked = [await unacked_of(deployment, PROCESS)]
        while time.monotonic() - began < published_s + watched_s:
            unacked.append(await unacked_of(deployment, PROCESS))
            await asyncio.sleep(0.2)
        grown_mb = (process.memory_info().rss - before_bytes) / 2**20
        assert await orchestrator.leave() == 0, orchestrator.tail()
        verdict = check(await deployment.evidence())
        print(verdict)
        consumers = deployment.pipeline.queues[PROCESS].consumers
        what = f"MB the orchestrator grew by with {jobs:,} jobs queued and no worker"
        at_most(f"R20.grown_mb.{jobs}", what, round(grown_mb, 1), GROWTH_LIMIT_MB, jobs)
        what = f"jobs out of the queue at once, {consumers} consumers"
        at_most(f"R20.unacked.{jobs}", what, max(unacked), consumers, len(unacked))
        at_most(f"R20.lost.{jobs}", "jobs lost in a long queue", len(verdict.lost), 0, jobs)
        assert verdict.clean, str(verdict)
        assert dict(verdict.counts)["queued"] == jobs
        assert 0 < max(unacked) <= consumers
        assert grown_mb <= GROWTH_LIMIT_MB


async def test_a_full_queue_refuses_its_publisher_and_nothing_is_lost(servers: Servers, tmp_path: Path) -> None:
    async with Deployment(servers, tmp_path, Options(queue={"max_length": MAX_LENGTH})) as deployment:
        await deployment.workers_ready()
        load = healthy(3 * MAX_LENGTH, deployment.outside)
        refused = [job for job in load if not await taken(deployment, job)]
        # The limit is soft: a publish or two more are taken while the queue tells that it is full.
        assert MAX_LENGTH <= len(load) - len(refused) <= MAX_LENGTH + 5
        assert (await deployment.broker.depth(PROCESS)).ready == len(load) - len(refused)
        await deployment.start()
        await deployment.publish(refused)
        await deployment.drained(60)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        at_most("R20.refused_lost", "jobs lost by full queues", len(verdict.lost), 0, len(load))
        assert verdict.clean, str(verdict)
        assert {job.key for job in load} <= evidence.done


async def taken(deployment: Deployment, job: Planned) -> bool:
    """Publish once. A full queue says no, which is another answer than none."""
    try:
        await deployment.broker.publish(PROCESS, Message(job.body, {}, job.job_id))
    except Unavailable as refusal:
        if isinstance(refusal, PublishUnconfirmed) or "full" not in str(refusal):
            raise
        return False
    deployment.jobs.append(job)
    deployment.confirmed.add(job.key)
    return True


async def unacked_of(deployment: Deployment, queue: str) -> int:
    """How many messages of the queue the broker has delivered and not got an answer for, as it last counted."""
    servers = deployment.servers
    path = f"/api/queues/{servers.vhost}/{queue}?columns=messages_unacknowledged"
    found = await asyncio.to_thread(servers.rabbitmq.api, "GET", path)
    # Until the broker has counted for the first time it answers with an empty list.
    return int(found.get("messages_unacknowledged") or 0) if isinstance(found, dict) else 0
