"""A RabbitMQ cluster of three nodes loses its leader, a node's answers, a road or one node after the other."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import require
from tests.faults.figures import at_most
from tests.faults.test_broker_outages import judged, planner
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import read_ledger
from tests.kit.load import BULK, PROCESS, UPDATE, Planned, planned
from tests.kit.mongod import Mongod
from tests.kit.rabbitmq_cluster import Cluster, ClusterNode
from tests.kit.s3 import S3Server
from tests.kit.watching import steady, timed_publishes, until

PER_SECOND = 15
AGAIN_LIMIT_S = 15.0
"""The target. The test does not insist: when a silent node is noticed and another leader elected is up to RabbitMQ."""
STUCK_S = 90.0
FAULT_LASTS_S = 12.0
ROUNDS = 5
QUEUES = (PROCESS, BULK, UPDATE)

Fault = Callable[[Cluster, ClusterNode], Callable[[], None]]
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


def kill(_: Cluster, node: ClusterNode) -> Callable[[], None]:
    node.kill()
    return node.start


def pause(_: Cluster, node: ClusterNode) -> Callable[[], None]:
    node.freeze()
    return node.thaw


def part(cluster: Cluster, node: ClusterNode) -> Callable[[], None]:
    cluster.isolate(node)
    return cluster.heal


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    require(Cluster.missing())
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def servers_with_cluster(
    cluster: Cluster, mongod: Mongod, mongo_database: str, s3_server: S3Server, bucket: str
) -> Servers:
    """The run's real servers, with a cluster in the broker's place."""
    return Servers(cluster, cluster.add_vhost(), mongod, mongo_database, s3_server, bucket)


@asynccontextmanager
async def deployed(servers: Servers, folder: Path) -> AsyncIterator[Deployment]:
    """A deployment whose queues are replicated on every node, with an orchestrator that works."""
    async with Deployment(servers, folder, Options(queue={"delivery_limit": 1000})) as deployment:
        await whole(deployment)
        await deployment.workers_ready()
        await deployment.start()
        yield deployment


async def whole(deployment: Deployment) -> None:
    """Return when every node has caught up with every queue that jobs go through."""
    cluster, vhost = deployment.servers.rabbitmq, deployment.servers.vhost
    assert isinstance(cluster, Cluster)

    async def everywhere() -> bool:
        members = [await asyncio.to_thread(cluster.members_of, vhost, queue) for queue in QUEUES]
        return all(len(names) == len(cluster.nodes) for names in members)

    await until(everywhere, 180, "every queue to be on every node")


async def done_again_s(deployment: Deployment, number: int) -> float:
    """How many seconds it takes until a job that is published now is done, in both queues that it goes through."""
    began = time.monotonic()
    probe = planned(number, "healthy", deployment.outside)

    async def is_done() -> bool:
        ledger = await asyncio.to_thread(read_ledger, deployment)
        return any((row["job_id"], row["queue"]) == (probe.job_id, UPDATE) for row in ledger)

    await deployment.publish([probe])
    await until(is_done, 120, "a job published during the fault to be done")
    return time.monotonic() - began


@pytest.mark.parametrize("fault", [kill, pause, part])
async def test_a_cluster_that_loses_its_leader_goes_on_without_losing_a_job(
    servers_with_cluster: Servers, cluster: Cluster, tmp_path: Path, seed: int, fault: Fault
) -> None:
    async with deployed(servers_with_cluster, tmp_path) as deployment:
        again_s = []
        with timed_publishes(deployment) as publishes:
            async with steady(deployment, planner(deployment, seed), PER_SECOND) as jobs:
                for number in range(ROUNDS):
                    await asyncio.sleep(1)
                    leader = await asyncio.to_thread(cluster.leader_of, servers_with_cluster.vhost, PROCESS)
                    restore = await asyncio.to_thread(fault, cluster, leader)
                    broken_at = time.monotonic()
                    try:
                        again_s.append(await done_again_s(deployment, 200_000 + number))
                        print(f"{fault.__name__}: again after {again_s[-1]:.1f} s", flush=True)
                        await asyncio.sleep(max(0.0, broken_at + FAULT_LASTS_S - time.monotonic()))
                    finally:
                        await asyncio.to_thread(restore)
                    await whole(deployment)
        await concluded(deployment, fault.__name__, jobs, publishes, again_s)


async def test_a_rolling_restart_under_load_loses_no_job(
    servers_with_cluster: Servers, cluster: Cluster, tmp_path: Path, seed: int
) -> None:
    async with deployed(servers_with_cluster, tmp_path) as deployment:
        again_s = []
        with timed_publishes(deployment) as publishes:
            async with steady(deployment, planner(deployment, seed), PER_SECOND) as jobs:
                for number in range(ROUNDS):
                    node = cluster.nodes[number % len(cluster.nodes)]
                    stopping = asyncio.create_task(asyncio.to_thread(node.stop))
                    again_s.append(await done_again_s(deployment, 200_000 + number))
                    await stopping
                    await asyncio.to_thread(node.start)
                    await whole(deployment)
        await concluded(deployment, "restart", jobs, publishes, again_s)


async def concluded(
    deployment: Deployment, fault: str, jobs: list[Planned], publishes: list[float], again_s: list[float]
) -> None:
    """Note the figures, and judge."""
    key = f"R31.{fault}.{len(again_s)}"
    what = f"seconds until a job published during the fault is done, nodes of RabbitMQ 4, {len(again_s)} x {fault}"
    at_most(f"{key}.again_s", what, round(max(again_s), 1), AGAIN_LIMIT_S, len(again_s))
    await judged(deployment, key, jobs, max(publishes))
    assert max(again_s) <= STUCK_S
