"""A broker that refuses at the start is waited for; closing or SIGTERM ends the wait, whatever the refusal."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.config import load_settings
from orchestrator.domain.errors import Unavailable
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import pipeline
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.orchestrators import Orchestrator
from tests.kit.process import wait_until
from tests.kit.rabbitmq import RabbitMQ

CLOSES = 6
GRACE_S = 10.0

REFUSALS: dict[str, Callable[[RabbitMQ], str]] = {
    "unknown_name": lambda node: "amqp://guest:guest@no-such-host.invalid/",
    "refused_login": lambda node: f"amqp://guest:wrong@127.0.0.1:{node.port}/",
    "missing_vhost": lambda node: f"amqp://guest:guest@127.0.0.1:{node.port}/no-such-vhost",
    "no_tls": lambda node: f"amqps://guest:guest@127.0.0.1:{node.port}/",
    "no_listener": lambda node: "amqp://guest:guest@127.0.0.1:9/",
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_closing_never_waits_for_a_broker_that_refuses(rabbitmq: RabbitMQ, refusal: str) -> None:
    for _ in range(CLOSES):
        broker = RabbitBroker(load_settings(mode="servers", amqp_url=REFUSALS[refusal](rabbitmq)))
        with pytest.raises(Unavailable):
            await broker.verify_topology(pipeline())
        async with asyncio.timeout(GRACE_S):
            await broker.close()
    # The driver shuts a refused connection in tasks of its own, which nobody can wait for but here.
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left, timeout=GRACE_S)


async def test_a_process_whose_broker_refuses_ends_on_sigterm(
    rabbitmq: RabbitMQ, servers: Servers, tmp_path: Path
) -> None:
    """A process for each refusal, all at once."""
    async with Deployment(servers, tmp_path, Options(stub_workers=0)) as deployment:
        urls = {name: url(rabbitmq) for name, url in REFUSALS.items()}
        urls["every_node_refuses"] = ",".join((urls["unknown_name"], urls["refused_login"], urls["no_listener"]))
        processes = {name: await deployment.start(ready=False, amqp_url=url) for name, url in urls.items()}
        for name, process in processes.items():
            await asyncio.to_thread(wait_until, lambda p=process: _waits(p), 40, f"{name}: the process to wait")
        codes = await asyncio.gather(*(process.leave(GRACE_S) for process in processes.values()))
        assert dict(zip(processes, codes, strict=True)) == dict.fromkeys(processes, 0)


async def test_a_process_starts_once_its_vhost_is_there(servers: Servers, tmp_path: Path) -> None:
    async with Deployment(servers, tmp_path, Options(stub_workers=1)) as deployment:
        await deployment.workers_ready()
        url = servers.rabbitmq.amqp_url("late-vhost")
        process = await deployment.start(ready=False, amqp_url=url)
        await asyncio.to_thread(wait_until, lambda: _waits(process), 20, "the process to wait for its broker")
        late = await asyncio.to_thread(servers.rabbitmq.add_vhost, "late-vhost")
        try:
            await process.ready()
            assert await process.leave(GRACE_S) == 0
        finally:
            await asyncio.to_thread(servers.rabbitmq.delete_vhost, late)


def _waits(process: Orchestrator) -> bool:
    return '"waiting"' in process.log.read_text()
