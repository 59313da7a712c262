"""What waiting for the broker's confirm costs a publisher: nothing much, as long as the waits overlap."""

import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from orchestrator.runtime.ports import Message
from tests.bench.plan import WORK_QUEUE
from tests.bench.sides import ROOT, Bench, Ratios, fresh_job, open_bench, publish_all
from tests.kit.figures import record
from tests.kit.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = 7
PIPELINED = 2000
ONE_BY_ONE = 300
OVER_ONE_BY_ONE = 8.0
OVER_UNCONFIRMED = 0.8


async def test_pipelined_confirms_against_one_by_one_and_none(rabbitmq: RabbitMQ, vhost_name: str) -> None:
    rates: dict[str, list[float]] = {"ours": [], "one by one": [], "unconfirmed": []}
    async with open_bench(rabbitmq, vhost_name) as bench, await aio_pika.connect(bench.amqp_url) as connection:
        confirmed = await connection.channel(publisher_confirms=True, on_return_raises=True)
        unconfirmed = await connection.channel(publisher_confirms=False)

        async def pipelined(messages: list[Message]) -> None:
            await publish_all(bench.broker, WORK_QUEUE, messages)

        async def one_by_one(messages: list[Message]) -> None:
            await _publish_in_turn(confirmed, messages)

        async def without(messages: list[Message]) -> None:
            await _publish_in_turn(unconfirmed, messages)
            await _until_there(unconfirmed, len(messages))

        await _rate(bench, pipelined, PIPELINED)  # opens the channel
        ways = {"ours": (pipelined, PIPELINED), "one by one": (one_by_one, ONE_BY_ONE), "unconfirmed": (without, 2000)}
        for number in range(ROUNDS):
            for way in list(ways)[:: 1 if number % 2 == 0 else -1]:
                rates[way].append(await _rate(bench, *ways[way]))
                print(f"{way}: {rates[way][-1]:.0f} messages/s", flush=True)
    _record("P5-one-by-one", "confirm by confirm", rates["ours"], rates["one by one"], OVER_ONE_BY_ONE)
    _record("P5-unconfirmed", "no confirms", rates["ours"], rates["unconfirmed"], OVER_UNCONFIRMED)


async def _rate(bench: Bench, publish: Callable[[list[Message]], Awaitable[None]], number: int) -> float:
    bench.purge()
    messages = [fresh_job(n) for n in range(number)]
    started = time.perf_counter()
    await publish(messages)
    rate = number / (time.perf_counter() - started)
    assert (await bench.broker.depth(WORK_QUEUE)).ready == number
    return rate


async def _publish_in_turn(channel: AbstractChannel, messages: list[Message]) -> None:
    for message in messages:
        await channel.default_exchange.publish(
            aio_pika.Message(
                message.body,
                headers=dict(message.headers),
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                correlation_id=message.job_id,
                message_id=uuid4().hex,
            ),
            WORK_QUEUE,
            mandatory=True,
        )


async def _until_there(channel: AbstractChannel, number: int) -> None:
    """A publish without confirm ends before the broker has the message: time runs until the queue holds them all."""
    found = 0
    while found < number:
        queue = await channel.declare_queue(WORK_QUEUE, passive=True)
        found = queue.declaration_result.message_count or 0


def _record(name: str, against: str, ours: list[float], peer: list[float], at_least: float) -> None:
    ratios = Ratios(tuple(mine / other for mine, other in zip(ours, peer, strict=True)))
    record(
        ROOT / "build/bench.json",
        {
            "id": name,
            "what": f"messages per second with pipelined confirms, over {against}",
            "value": round(ratios.median, 2),
            "target": f">= {at_least:g}",
            "holds": ratios.median >= at_least,
            "n": f"{ROUNDS} rounds of {PIPELINED} and {ONE_BY_ONE if at_least > 1 else PIPELINED} messages",
            "spread": ratios.spread,
            "peer": f"aio-pika, one publisher: {sorted(peer)[len(peer) // 2]:.0f} messages/s",
        },
    )
