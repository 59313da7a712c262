"""RabbitMQ without the product in between: to publish what the product never would, and to force what it never does."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel

from tests.kit.deployment import Servers


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
    """``expected`` messages of ``queue``, held unacked by the channel. Raises QueueEmpty when there are fewer."""
    declared = await channel.get_queue(queue)
    return [await declared.get(timeout=10, fail=True) for _ in range(expected)]
