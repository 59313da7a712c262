"""RabbitMQ without the product in between: to publish what the product never would, and to force what it never does."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel

from tests.kit.deployment import Servers
from tests.kit.watching import until


@asynccontextmanager
async def raw_channel(servers: Servers, prefetch: int = 0) -> AsyncIterator[AbstractChannel]:
    """A channel whose publishes are confirmed. What it holds unacked at the end goes back."""
    connection = await aio_pika.connect(servers.rabbitmq.amqp_url(servers.vhost))
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.set_qos(prefetch_count=prefetch)
        yield channel


async def publish_raw(
    channel: AbstractChannel, queue: str, body: bytes, headers: Mapping[str, Any] | None = None, **properties: Any
) -> None:
    """One confirmed publish."""
    message = aio_pika.Message(
        body, headers=dict(headers or {}), delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties
    )
    await channel.default_exchange.publish(message, queue, mandatory=True, timeout=30)


async def take_all(
    channel: AbstractChannel, queue: str, expected: int
) -> Sequence[aio_pika.abc.AbstractIncomingMessage]:
    """``expected`` messages of ``queue``, held unacked by the channel. Raises AssertionError when there are fewer.

    What another channel held is not there again at the moment that channel is closed.
    """
    declared = await channel.get_queue(queue)
    taken: list[aio_pika.abc.AbstractIncomingMessage] = []

    async def complete() -> bool:
        while len(taken) < expected and (message := await declared.get(timeout=10, fail=False)) is not None:
            taken.append(message)
        return len(taken) == expected

    await until(complete, 10, f"{expected} messages of {queue}")
    return taken
