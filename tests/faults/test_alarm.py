"""A memory alarm of the broker: publishers end in time, nothing is lost, and afterwards all is as before."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Servers
from tests.kit.gathering import wrong_ends
from tests.kit.load import Planned, planned
from tests.kit.outside import Outside
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.watching import steady, timed_publishes, until

PER_SECOND = 20
PUBLISH_LIMIT_S = 6.0  # JUSTLENS_PUBLISH_TIMEOUT_S and one second
RECOVERY_LIMIT_S = 10.0


@pytest.mark.parametrize("alarm_s", [6.0, pytest.param(60.0, marks=[pytest.mark.chaos, pytest.mark.timeout(300)])])
async def test_an_alarm_ends_publishes_in_time_and_loses_nothing(
    servers_with_own_broker: Servers, tmp_path: Path, seed: int, alarm_s: float
) -> None:
    node = servers_with_own_broker.rabbitmq
    async with Deployment(servers_with_own_broker, tmp_path) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start()
        plan = partial(healthy_job, deployment.outside)
        with timed_publishes(deployment) as publishes:
            async with steady(deployment, plan, PER_SECOND) as jobs:
                await asyncio.sleep(random.Random(seed).uniform(0.5, 1.5))
                async with memory_alarm(node):
                    held_from = len(deployment.confirmed)
                    await asyncio.sleep(alarm_s)
                    held = len(deployment.confirmed) - held_from
                    assert orchestrator.alive(), orchestrator.tail()
                began, before = time.monotonic(), len(deployment.confirmed)
                await until(partial(has_confirmed, deployment, before + PER_SECOND), 60, "publishes that are confirmed")
                await orchestrator.ready()
                recovery_s = time.monotonic() - began
        await deployment.drained(60 + 2 * alarm_s)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        key = f"R28.{alarm_s:g}s"
        what = "seconds of the slowest publish during a memory alarm"
        at_most(f"{key}.publish_s", what, round(max(publishes), 2), PUBLISH_LIMIT_S, len(jobs))
        what = "seconds until publishes are confirmed and consumers attached after the alarm"
        at_most(f"{key}.recovery_s", what, round(recovery_s, 1), RECOVERY_LIMIT_S, 1)
        at_most(f"{key}.lost", "jobs lost in a memory alarm", len(verdict.lost), 0, len(jobs))
        assert held <= PER_SECOND, "the alarm did not hold publishers up"
        assert verdict.ok, str(verdict)
        assert wrong_ends(evidence, jobs) == []
        assert max(publishes) <= PUBLISH_LIMIT_S
        assert recovery_s <= RECOVERY_LIMIT_S


def healthy_job(outside: Outside, number: int) -> Planned:
    return planned(number, "healthy", outside)


@asynccontextmanager
async def memory_alarm(node: RabbitMQ) -> AsyncIterator[None]:
    """The broker takes itself to be out of memory while the context lasts."""
    await asyncio.to_thread(node.rabbitmqctl, "set_vm_memory_high_watermark", "0.000001")
    try:
        yield
    finally:
        await asyncio.to_thread(node.rabbitmqctl, "set_vm_memory_high_watermark", "0.4")


async def has_confirmed(deployment: Deployment, number: int) -> bool:
    """Whether more publishes than ``number`` have been confirmed so far."""
    return len(deployment.confirmed) > number
