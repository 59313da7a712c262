"""The checker itself is right: what is done to a finished run behind its back, it finds."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.domain.queue_names import error_queue
from tests.faults.figures import at_most
from tests.faults.raw_amqp import publish_raw, raw_channel, take_all
from tests.kit.checker import Verdict
from tests.kit.deployment import Deployment, Servers
from tests.kit.load import PROCESS, mixed

DEAD = error_queue(PROCESS)


async def test_a_message_dropped_doubled_or_hidden_in_the_broker_is_noticed(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    async with Deployment(servers, tmp_path) as deployment:
        await deployment.workers_ready()
        await deployment.start()
        load = mixed(seed, 40, deployment.outside, bulk=0)
        await deployment.publish(load)
        await deployment.drained()
        verdict = await deployment.verdict()
        assert verdict.clean, str(verdict)
        noticed = [await plant(deployment) for plant in (_hidden, _doubled, _dropped)]
        at_most("R30.unnoticed", "of three ways to falsify a run, not noticed", noticed.count(False), 0, len(noticed))
        assert noticed == [True, True, True]


async def _hidden(deployment: Deployment) -> bool:
    """A message is held where no reader sees it; only the broker's count tells."""
    async with raw_channel(deployment.servers) as channel:
        [held] = await take_all(channel, DEAD, 1)
        verdict = await deployment.verdict()
        await held.nack(requeue=True)
    await _judged(deployment, lambda again: again.clean)
    return [(each.queue, each.total - each.found) for each in verdict.unaccounted] == [(PROCESS, 1)]


async def _doubled(deployment: Deployment) -> bool:
    """A job that is done is put into the error queue as well."""
    done = next(job for job in deployment.jobs if job.kind == "healthy")
    async with raw_channel(deployment.servers) as channel:
        await publish_raw(channel, DEAD, done.body)
        verdict = await _judged(deployment, lambda judged: not judged.unaccounted)
        for message in await take_all(channel, DEAD, verdict_dead(verdict)):
            await (message.ack() if message.body == done.body else message.nack(requeue=True))
    await _judged(deployment, lambda again: again.clean)
    return verdict.double_terminal == (done.key,)


async def _dropped(deployment: Deployment) -> bool:
    """A message disappears."""
    async with raw_channel(deployment.servers) as channel:
        [gone] = await take_all(channel, DEAD, 1)
        await gone.ack()
    verdict = await _judged(deployment, lambda judged: not judged.unaccounted)
    return len(verdict.lost) == 1


def verdict_dead(verdict: Verdict) -> int:
    """How many dead letters the verdict counted."""
    return dict(verdict.counts)["dead"]


async def _judged(deployment: Deployment, enough: Callable[[Verdict], bool]) -> Verdict:
    """The verdict once the broker's count, which is up to two seconds old, is there."""
    deadline = time.monotonic() + 15
    while not enough(verdict := await deployment.verdict()):
        assert time.monotonic() < deadline, str(verdict)
        await asyncio.sleep(0.2)
    return verdict
