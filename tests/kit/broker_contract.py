"""What the tests of every broker share: a pipeline with short delays, and waiting for what its queues hold."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from orchestrator.config import Pipeline, parse_pipeline
from orchestrator.domain.errors import Unavailable
from orchestrator.runtime.ports import Broker, Message

LIMIT = 3
SHORT_S = 0.3
LONG_S = 1.5
WAIT_S = 10.0
PIPELINE = f"""
version: 1
defaults: {{stage: work, delivery_limit: {LIMIT}, retry_delays_s: [{SHORT_S}, {LONG_S}]}}
queues:
  jobs: {{}}
  other: {{}}
  small: {{max_length: 3}}
"""


def pipeline() -> Pipeline:
    return parse_pipeline(PIPELINE, frozenset({"work"}))


def message(body: bytes = b"{}", **headers: str | int) -> Message:
    return Message(body, headers, "job-1")


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not await condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.05)


async def depth_becomes(broker: Broker, queue: str, *, ready: int, unacked: int) -> None:
    """Poll until it is so. RabbitMQ tells ``unacked`` seconds later: most tests look at what is ready instead."""

    async def reached() -> bool:
        depth = await broker.depth(queue)
        return (depth.ready, depth.unacked, depth.total) == (ready, unacked, ready + unacked)

    await eventually(reached)


async def ready_becomes(broker: Broker, queue: str, ready: int) -> None:
    async def reached() -> bool:
        return (await broker.depth(queue)).ready == ready

    await eventually(reached)


async def has_nothing(broker: Broker, queue: str) -> bool:
    """Whether a new consumer gets nothing: no message is ready, nor was one given back."""
    subscription = await broker.subscribe(queue)
    delivery = await subscription.next(0.3)
    await subscription.close()
    return delivery is None


async def accepts(broker: Broker, body: bytes) -> bool:
    try:
        await broker.publish("small", message(body))
    except Unavailable:
        return False
    return True
