"""How long the broker waits for an ack before it takes a delivery back (``consumer_timeout``), as far as it tells.

The management API shows it for each consumer, from RabbitMQ 3.12 on; a policy can set it for some queues. Nothing else
that is reachable over the network shows it.
"""

import asyncio
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from orchestrator.domain.errors import Unavailable
from orchestrator.runtime.rabbitmq.connection import Link
from orchestrator.runtime.rabbitmq.management import Management

_TOLD_FROM = (3, 12)
_LOOKS = 28  # the management API learns of a consumer within its statistics interval, 5 s
_BETWEEN_LOOKS_S = 0.25


async def read_consumer_timeouts(
    link: Link, management: Management, queues: Collection[str], prefix: str
) -> Mapping[str, float]:
    """Seconds by queue, of those with consumers; without any, of a queue of our own that is gone afterwards.

    Empty when the broker does not tell, or does not let us make a queue. A queue without a limit is left out. Raises
    Unavailable.
    """
    if await management.version() < _TOLD_FROM:
        return {}
    found = _seconds(await management.consumers(), queues)
    if found:
        return found
    name = f"{prefix}doctor.{uuid.uuid4().hex}"
    channel = await link.open_channel()
    try:
        await link.call(_consume_nothing(channel, name), f"consuming {name}")
        for _ in range(_LOOKS):
            consumers = await management.consumers()
            if any(consumer["queue"]["name"] == name for consumer in consumers):
                return _seconds(consumers, {name})
            await asyncio.sleep(_BETWEEN_LOOKS_S)
    except Unavailable:  # the user may not make queues of other names than ours
        pass
    finally:
        link.leave_behind(channel.close())
    return {}


def _seconds(consumers: Collection[Mapping[str, Any]], queues: Collection[str]) -> dict[str, float]:
    return {
        consumer["queue"]["name"]: consumer["consumer_timeout"] / 1000
        for consumer in consumers
        if consumer["queue"]["name"] in queues and isinstance(consumer.get("consumer_timeout"), int)
    }


async def _consume_nothing(channel: AbstractChannel, name: str) -> None:
    async def ignore(_: AbstractIncomingMessage) -> None:
        """Nobody publishes to this queue."""

    queue = await channel.declare_queue(name, exclusive=True, auto_delete=True)
    await queue.consume(ignore)
