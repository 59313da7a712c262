"""Retries come when queues.yaml says, and no way out of a queue drops a message."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.rabbitmq import wanted_queues
from tests.faults.figures import at_most
from tests.faults.raw_amqp import publish_raw, raw_channel, take_all
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import peek, read_ledger, wrong_ends
from tests.kit.load import PROCESS, UPDATE, planned

QUEUES = (PROCESS, UPDATE)


@pytest.mark.parametrize(
    ("jobs", "delays_s"),
    [(60, (0.3, 0.6, 1.2)), pytest.param(300, (0.5, 2.0, 5.0), marks=[pytest.mark.chaos])],
)
async def test_retries_come_in_time_and_end_after_the_last_tier(
    servers: Servers, tmp_path: Path, jobs: int, delays_s: tuple[float, ...]
) -> None:
    options = Options(consumers=8, queue={"retry_delays_s": list(delays_s)})
    async with Deployment(servers, tmp_path, options) as deployment:
        await deployment.start()
        load = [planned(number, "failing_source", deployment.outside) for number in range(1, jobs + 1)]
        for start in range(0, jobs, 10):  # not all at once: waiting for a free consumer is not what is measured
            await deployment.publish(load[start : start + 10])
            await asyncio.sleep(0.2)
        await deployment.drained(60)
        late_s, early_s, attempts = [0.0], [0.0], []
        for job in load:
            assert job.source is not None
            attempts.append(len(job.source.asked_at))
            gaps = [later - earlier for earlier, later in pairwise(job.source.asked_at)]
            for gap_s, delay_s in zip(gaps, delays_s, strict=True):
                early_s.append(delay_s - gap_s)
                late_s.append(gap_s - 1.1 * delay_s)
        at_most(f"R12.late_s.{jobs}", "seconds a retry came after its delay + 10 %", round(max(late_s), 2), 1.0, jobs)
        at_most(f"R12.attempts.{jobs}", "attempts of a job that always fails", max(attempts), len(delays_s) + 1, jobs)
        assert set(attempts) == {len(delays_s) + 1}
        assert max(early_s) < 0.05
        assert max(late_s) <= 1.0
        assert wrong_ends(await deployment.evidence(), load) == []
        ledger = await asyncio.to_thread(read_ledger, deployment)
        assert {(row["outcome"], row["attempts"]) for row in ledger} == {("dead", len(delays_s) + 1)}
        for letter in await peek(deployment, error_queue(PROCESS)):
            assert not [name for name in letter.headers if name.startswith(("x-death", "x-first-death"))]


@pytest.mark.parametrize("messages", [20, pytest.param(200, marks=[pytest.mark.chaos])])
async def test_no_way_out_of_a_queue_drops_a_message(servers: Servers, tmp_path: Path, messages: int) -> None:
    limit, tiers = 3, [60.0, 120.0, 1.0]
    options = Options(queue={"delivery_limit": limit, "retry_delays_s": sorted(tiers)})
    async with Deployment(servers, tmp_path, options) as deployment:
        vanished = 0
        for queue in QUEUES:
            for force in (_over_the_delivery_limit, _rejected, _expired):
                vanished += messages - await force(deployment, queue, messages, limit)
            for delay_s in tiers:
                vanished += messages - await _leaves_the_tier(deployment, queue, delay_s, messages)
        forced = len(QUEUES) * (3 + len(tiers)) * messages
        at_most(
            f"R13.vanished.{messages}", "messages gone when limit, reject or expiry was forced", vanished, 0, forced
        )
        assert vanished == 0


async def _over_the_delivery_limit(deployment: Deployment, queue: str, messages: int, limit: int) -> int:
    async with raw_channel(deployment.servers) as channel:
        await _put(channel, queue, messages)
        for _ in range(limit + 1):
            async with raw_channel(deployment.servers) as lost:  # a nack counts in RabbitMQ 3 only
                await take_all(lost, queue, messages)
        return await _moved(channel, error_queue(queue), messages, "delivery_limit")


async def _rejected(deployment: Deployment, queue: str, messages: int, limit: int) -> int:
    async with raw_channel(deployment.servers) as channel:
        await _put(channel, queue, messages)
        for message in await take_all(channel, queue, messages):
            await message.reject(requeue=False)
        return await _moved(channel, error_queue(queue), messages, "rejected")


async def _expired(deployment: Deployment, queue: str, messages: int, limit: int) -> int:
    async with raw_channel(deployment.servers) as channel:
        await _put(channel, queue, messages, expiration=0.05)
        return await _moved(channel, error_queue(queue), messages, "expired")


async def _leaves_the_tier(deployment: Deployment, queue: str, delay_s: float, messages: int) -> int:
    """Short tiers let their messages expire; of long ones they are rejected. Either way they come to the queue."""
    tier = retry_queue(queue, delay_s)
    async with raw_channel(deployment.servers) as channel:
        await _put(channel, tier, messages)
        if delay_s > 1:
            for message in await take_all(channel, tier, messages):
                await message.reject(requeue=False)
        return await _moved(channel, queue, messages, "rejected" if delay_s > 1 else "expired")


async def _put(channel: aio_pika.abc.AbstractChannel, queue: str, messages: int, **properties: Any) -> None:
    for number in range(messages):
        await publish_raw(channel, queue, str(number).encode(), **properties)


async def _moved(channel: aio_pika.abc.AbstractChannel, queue: str, messages: int, cause: str) -> int:
    """How many different ones arrive in ``queue`` for that cause; they are taken away."""
    declared = await channel.get_queue(queue)
    found = set[bytes]()
    deadline = time.monotonic() + 15
    while len(found) < messages and time.monotonic() < deadline:
        message = await declared.get(fail=False)
        if message is None:
            await asyncio.sleep(0.05)
            continue
        await message.ack()
        deaths = message.headers["x-death"]
        assert isinstance(deaths, list) and isinstance(deaths[0], dict)
        if deaths[0]["reason"] == cause:
            found.add(message.body)
    return len(found)


async def test_a_delivery_limit_leads_to_no_queue_with_a_ttl_and_no_queue_drops(
    servers: Servers, tmp_path: Path
) -> None:
    async with Deployment(
        servers, tmp_path, Options(stub_workers=0, worker_urls=("http://127.0.0.1:1",))
    ) as deployment:
        declared = {queue.name: queue.arguments for queue in wanted_queues(deployment.pipeline, "")}
        for name, arguments in declared.items():
            target = arguments.get("x-dead-letter-routing-key")
            assert arguments["x-overflow"] == "reject-publish"
            if target is None:
                assert name.startswith("error.")
                assert arguments.keys() == {"x-queue-type", "x-overflow", "x-delivery-limit"}
                assert arguments["x-delivery-limit"] > 10**9  # a queue that names none has one of 20 in RabbitMQ 4
                continue
            assert arguments["x-dead-letter-strategy"] == "at-least-once"
            assert target in declared
            if "x-delivery-limit" in arguments:
                assert "x-message-ttl" not in declared[str(target)]
