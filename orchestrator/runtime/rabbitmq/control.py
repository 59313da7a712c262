"""Questions and declarations over AMQP, one at a time on a channel of their own."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from orchestrator.domain.errors import Unavailable, Unroutable
from orchestrator.runtime.rabbitmq.connection import BROKER, Link

PATIENCE = 2
"""Timeouts that a look into a queue may take: while it elects another leader every node leaves it open."""


class Declared(NamedTuple):
    """What the broker answers to a declaration: messages ready to be delivered, consumers attached."""

    ready: int
    consumers: int


class NotTheSame(Exception):
    """A queue or exchange of this name exists with other properties; the text is the broker's."""


class Control:
    """A channel for calls that are answered. The broker closes it on a mistake, so calls never overlap on it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = asyncio.Lock()
        self._channel: AbstractChannel | None = None

    async def inspect(self, name: str) -> Declared:
        """The queue called ``name``. Raises Unroutable when it does not exist, Unavailable."""
        async with self._lock:
            channel = await self._usable_channel()
            try:
                return await self._link.call(_declare(channel, name, None), f"asking for {name}")
            except ChannelNotFoundEntity:
                raise Unroutable(BROKER, f"there is no queue {name}") from None

    async def declare(self, name: str, arguments: Mapping[str, str | int]) -> Declared:
        """Make sure that the durable queue ``name`` exists with these arguments. Raises NotTheSame, Unavailable."""
        async with self._lock:
            channel = await self._usable_channel()
            try:
                return await self._link.call(_declare(channel, name, dict(arguments)), f"declaring {name}")
            except ChannelPreconditionFailed as error:
                raise NotTheSame(str(error)) from None
            except ChannelNotFoundEntity as error:
                raise Unavailable(BROKER, f"declaring {name}: {error}") from error

    async def declare_exchange(self, name: str) -> None:
        """Make sure that the durable topic exchange ``name`` exists. Raises NotTheSame, Unavailable."""
        async with self._lock:
            channel = await self._usable_channel()
            declaring = channel.declare_exchange(name, ExchangeType.TOPIC, durable=True)
            try:
                await self._link.call(declaring, f"declaring {name}")
            except ChannelPreconditionFailed as error:
                raise NotTheSame(str(error)) from None

    async def ping(self) -> None:
        """One round trip, in which the broker has to read from the connection. Raises Unavailable."""
        async with self._lock:
            channel = await self._usable_channel()
            await self._link.call(channel.set_qos(prefetch_count=1), "asking for a sign of life")

    async def look_into(self, name: str) -> None:
        """Take a message from the queue called ``name``, if there is one, and give it back where it was.

        Only a queue that has the majority of its replicas can tell. Raises Unavailable.
        """
        async with self._lock:
            channel = await (await self._usable_channel()).get_underlay_channel()
            got = await self._link.call(channel.basic_get(name), f"looking into {name}", PATIENCE)
            if got.delivery_tag is not None:
                await channel.basic_nack(got.delivery_tag, requeue=True, wait=False)

    async def _usable_channel(self) -> AbstractChannel:
        if self._channel is None or self._channel.is_closed or not self._link.is_open:
            self._channel = await self._link.open_channel()
        return self._channel


async def _declare(channel: AbstractChannel, name: str, arguments: dict[str, str | int] | None) -> Declared:
    passive = arguments is None
    queue = await channel.declare_queue(name, durable=True, passive=passive, arguments=arguments)  # type: ignore[arg-type]
    result = queue.declaration_result
    return Declared(result.message_count or 0, result.consumer_count or 0)
