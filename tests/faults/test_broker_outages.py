"""The broker crashes, freezes, vanishes behind a broken route, or drops a consumer: every confirmed job is done."""

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from orchestrator.domain.errors import Unavailable
from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.faultproxy import FaultProxy
from tests.kit.gathering import wrong_ends
from tests.kit.load import BULK, PROCESS, Planned, mixed, planned
from tests.kit.orchestrators import Orchestrator
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.watching import cpu_share, steady, timed_publishes, until

PER_SECOND = 25
AGAIN_LIMIT_S = 15.0
RESUME_LIMIT_S = 10.0
PUBLISH_LIMIT_S = 6.0  # JUSTLENS_PUBLISH_TIMEOUT_S and one second
CPU_LIMIT = 0.05

Act = Callable[[], Awaitable[None]]


async def judged(deployment: Deployment, key: str, jobs: list[Planned], slowest_s: float) -> None:
    """Every job of ``jobs`` has come to the end of its kind, and no publish of the test took too long."""
    await deployment.drained(90 + len(jobs) / 10)
    evidence = await deployment.evidence()
    verdict = check(evidence)
    print(verdict)
    broken = sum(map(len, (verdict.lost, verdict.unexpected, verdict.double_terminal, verdict.duplicate_effects)))
    at_most(f"{key}.broken", "jobs lost or repeated, effects doubled", broken, 0, len(jobs))
    at_most(f"{key}.publish_s", "seconds of the slowest publish", round(slowest_s, 2), PUBLISH_LIMIT_S, len(jobs))
    assert verdict.ok, str(verdict)
    assert wrong_ends(evidence, jobs) == []
    assert slowest_s <= PUBLISH_LIMIT_S


@pytest.mark.parametrize(
    ("kills", "outage_s"), [(1, 5.0), pytest.param(10, 12.0, marks=[pytest.mark.chaos, pytest.mark.timeout(900)])]
)
async def test_a_crash_of_the_broker_loses_no_confirmed_job_and_the_process_waits_for_it(
    servers_with_own_broker: Servers, tmp_path: Path, seed: int, kills: int, outage_s: float
) -> None:
    chance = random.Random(seed)
    node = servers_with_own_broker.rabbitmq
    async with Deployment(servers_with_own_broker, tmp_path, Options(queue={"delivery_limit": 1000})) as deployment:
        await asyncio.to_thread(node.sync)  # what a node knows of new queues is on its disk only after a while
        await deployment.workers_ready()
        orchestrator = await deployment.start()
        plan = planner(deployment, seed)
        shares, again_s = [], []
        with timed_publishes(deployment) as publishes:
            async with steady(deployment, plan, PER_SECOND) as jobs:
                for _ in range(kills):
                    await asyncio.sleep(chance.uniform(0.5, 2))
                    await asyncio.to_thread(node.kill)
                    shares.append(await cpu_share(orchestrator, outage_s))
                    assert orchestrator.alive(), orchestrator.tail()
                    again_s.append(await restarted(node, orchestrator))
        what = f"seconds from the open port until every consumer is attached, the slowest of {kills} crashes"
        at_most(f"R5.again_s.{kills}", what, round(max(again_s), 1), AGAIN_LIMIT_S, kills)
        what = f"share of a core taken while the broker is away, the greatest of {kills} outages of {outage_s:g} s"
        at_most(f"R6.cpu.{kills}", what, round(max(shares), 3), CPU_LIMIT, kills)
        await judged(deployment, f"R5.{kills}", jobs, max(publishes))
        assert max(again_s) <= AGAIN_LIMIT_S
        assert max(shares) <= CPU_LIMIT


@pytest.mark.parametrize(
    ("fault", "outage_s"),
    [
        ("freeze", 8.0),
        pytest.param("freeze", 40.0, marks=[pytest.mark.chaos, pytest.mark.timeout(400)]),
        pytest.param("black_hole", 40.0, marks=[pytest.mark.chaos, pytest.mark.timeout(400)]),
    ],
)
async def test_a_silent_broker_holds_nobody_up_and_is_used_again(
    servers_with_own_broker: Servers, tmp_path: Path, seed: int, fault: str, outage_s: float
) -> None:
    node = servers_with_own_broker.rabbitmq
    async with FaultProxy(node.port) as proxy:
        servers = replace(servers_with_own_broker, amqp_port=proxy.port)
        async with Deployment(servers, tmp_path) as deployment:
            await deployment.workers_ready()
            orchestrator = await deployment.start()
            try:
                with timed_publishes(deployment) as publishes:
                    async with steady(deployment, planner(deployment, seed), PER_SECOND) as jobs:
                        await asyncio.sleep(1.5)
                        await (proxy.black_hole() if fault == "black_hole" else asyncio.to_thread(node.freeze))
                        await asyncio.sleep(outage_s)
                        assert orchestrator.alive(), orchestrator.tail()
                        await (proxy.pass_through() if fault == "black_hole" else asyncio.to_thread(node.thaw))
                        began = time.monotonic()
                        await orchestrator.ready(2 * AGAIN_LIMIT_S)
                        again_s = time.monotonic() - began
            finally:
                node.thaw()
            key = f"R7.{fault}.{outage_s:g}"
            what = f"seconds until every consumer is attached after a broker silent for {outage_s:g} s ({fault})"
            at_most(f"{key}.again_s", what, round(again_s, 1), AGAIN_LIMIT_S, 1)
            await judged(deployment, key, jobs, max(publishes))
            assert again_s <= AGAIN_LIMIT_S


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=[pytest.mark.chaos, pytest.mark.timeout(400)])])
async def test_a_deleted_queue_or_a_closed_connection_does_not_silence_a_consumer(
    servers: Servers, tmp_path: Path, rounds: int
) -> None:
    async with Deployment(servers, tmp_path) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start()
        faults: dict[str, Act] = {
            "a deleted queue": partial(delete_and_recreate, deployment, PROCESS),
            "a closed connection": partial(close_connections, deployment.servers),
        }
        # The queue that is deleted is empty: what is deleted with a queue is lost on an operator's word.
        async with steady(deployment, lambda n: planned(n, "healthy", deployment.outside, queue=BULK), 10) as jobs:
            for what, fault in faults.items():
                resumed_s = []
                for _ in range(rounds):
                    await fault()
                    resumed_s.append(await until(partial(consuming, deployment), 60, f"consumers after {what}"))
                    assert orchestrator.alive(), orchestrator.tail()
                key = f"R9.{what.rpartition(' ')[2]}.{rounds}"
                at_most(key, f"seconds until consuming after {what}", round(max(resumed_s), 1), RESUME_LIMIT_S, rounds)
                assert max(resumed_s) <= RESUME_LIMIT_S
        last = [planned(100_000 + number, "healthy", deployment.outside) for number in range(20)]
        await deployment.publish(last)
        await judged(deployment, f"R9.{rounds}", [*jobs, *last], 0.0)


def planner(deployment: Deployment, seed: int) -> Callable[[int], Planned]:
    """A mix of every kind of job, one after the other, each made at the moment it is published."""
    kinds = [(job.kind, job.queue) for job in mixed(seed, 5000, deployment.outside)]

    def plan(number: int) -> Planned:
        kind, queue = kinds[number % len(kinds)]
        return planned(number, kind, deployment.outside, queue=queue)

    return plan


async def restarted(node: RabbitMQ, orchestrator: Orchestrator) -> float:
    """Start the node; the seconds from its port's opening until the orchestrator is ready."""
    starting = asyncio.create_task(asyncio.to_thread(node.start))
    await until(partial(listens, node.port), 60, "the broker's port")
    opened = time.monotonic()
    await orchestrator.ready(3 * AGAIN_LIMIT_S)
    again_s = time.monotonic() - opened
    await starting
    return again_s


async def listens(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


async def delete_and_recreate(deployment: Deployment, queue: str) -> None:
    """An operator's mistake, and its repair a second later. The broker cancels the consumers of a deleted queue."""
    servers = deployment.servers
    await asyncio.to_thread(servers.rabbitmq.api, "DELETE", f"/api/queues/{servers.vhost}/{queue}")
    await asyncio.sleep(1)
    await deployment.broker.apply_topology(deployment.pipeline)


async def close_connections(servers: Servers) -> None:
    """The broker closes every connection of the vhost, and its channels with it; the test's own are among them."""
    api, path = servers.rabbitmq.api, f"/api/vhosts/{servers.vhost}/connections?columns=name"

    async def all_listed() -> bool:
        return len(await asyncio.to_thread(api, "GET", path)) >= 4

    await until(all_listed, 30, "two connections of the orchestrator and two of the test to be listed")
    for connection in await asyncio.to_thread(api, "GET", path):
        await asyncio.to_thread(api, "DELETE", f"/api/connections/{quote(connection['name'], safe='')}")


async def consuming(deployment: Deployment) -> bool:
    """Whether the broker sees every consumer there should be."""
    wanted = {name: spec.consumers for name, spec in deployment.pipeline.queues.items()}
    with suppress(Unavailable):
        return {name: (await deployment.broker.depth(name)).consumers for name in wanted} == wanted
    return False
