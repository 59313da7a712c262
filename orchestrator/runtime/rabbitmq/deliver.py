"""Consuming: one subscription is one consumer on one channel, with the deliveries it has not handed out yet."""

import asyncio
from collections import deque

import structlog
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq.abc import AbstractChannel as DriverChannel
from aiormq.abc import DeliveredMessage

from orchestrator.domain.errors import JustLensError, SubscriptionLost, Unroutable
from orchestrator.runtime.ports import Delivery
from orchestrator.runtime.rabbitmq.connection import BROKER, Link
from orchestrator.runtime.rabbitmq.driver_errors import NoAnswer, describe
from orchestrator.runtime.rabbitmq.settling import read_delivery

log = structlog.get_logger(__name__)


class RabbitSubscription:
    """One consumer. ``name`` is the queue as the broker knows it, ``queue`` as queues.yaml does."""

    def __init__(self, link: Link, queue: str, name: str) -> None:
        self._link = link
        self._queue = queue
        self.name = name
        self._channel: AbstractChannel | None = None
        self._driver_channel: DriverChannel | None = None
        self._consumer_tag = f"justlens-{id(self):x}"
        self._buffer: deque[Delivery] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._lost: str | None = None
        self._stopped = False

    @property
    def is_waiting(self) -> bool:
        """Whether somebody waits for a delivery that has not come."""
        return self._waiter is not None and not self._waiter.done()

    async def attach(self, prefetch: int) -> None:
        """Open the channel and consume. Raises Unroutable when the queue does not exist, else Unavailable."""
        self._channel = await self._link.open_channel()
        try:
            await self._link.call(self._consume(self._channel, prefetch), f"consuming {self.name}")
        except ChannelNotFoundEntity:
            raise Unroutable(BROKER, f"there is no queue {self.name}") from None
        except BaseException as error:
            self._link.leave_behind(self._channel.close())
            if isinstance(error, NoAnswer):  # a node that lost the rest of its cluster answers pings, and not this
                self._link.leave_behind(self._link.leave_silent_node())
            raise

    async def next(self, timeout_s: float | None = None) -> Delivery | None:
        """The next delivery. None after ``stop()`` once nothing is left over, or when ``timeout_s`` passed.

        Raises SubscriptionLost when the consumer was cancelled or its channel closed; what was not handed out comes
        again.
        """
        if not self._buffer and self._lost is None and not self._stopped:
            await self._wait(timeout_s)
        if self._buffer:
            return self._buffer.popleft()
        if self._lost is not None and not self._stopped:
            raise SubscriptionLost(f"consumer of {self.name}: {self._lost}")
        return None

    async def stop(self) -> None:
        """Ask for no more deliveries. Those already here are still handed out by ``next``; acks still work."""
        channel = self._driver_channel
        if channel is not None and self._lost is None and not self._stopped:
            # The answer comes after the last delivery, so from here on the buffer only shrinks.
            try:
                await self._link.call(channel.basic_cancel(self._consumer_tag), f"cancelling {self.name}")
            except JustLensError as error:
                self._lose(str(error))
        self._stopped = True
        self._wake()

    async def close(self) -> None:
        """Detach. Deliveries that were not acked go back to the queue. Never raises."""
        self._lose("closed")
        if self._channel is not None and not self._channel.is_closed:
            try:
                await self._link.call(self._channel.close(), f"closing a channel of {self.name}")
            except JustLensError as error:
                log.debug("channel_close_failed", queue=self._queue, detail=str(error))

    async def _consume(self, channel: AbstractChannel, prefetch: int) -> None:
        driver_channel = await channel.get_underlay_channel()
        self._driver_channel = driver_channel
        driver_channel.on_consumer_cancel_callbacks.add(self._on_cancel)
        channel.close_callbacks.add(self._on_close)
        await driver_channel.basic_qos(prefetch_count=prefetch)
        # The driver's own consume: a task less for each delivery than aio_pika's, and nothing to unpack twice.
        await driver_channel.basic_consume(self.name, self._on_message, consumer_tag=self._consumer_tag)

    async def _on_message(self, message: DeliveredMessage) -> None:
        if self._lost is None:
            self._buffer.append(read_delivery(self._queue, message))
            self._wake()

    def _on_cancel(self, _frame: object) -> None:
        self._lose("cancelled by the broker (queue deleted, or its leader lost)")

    def _on_close(self, _channel: object, error: BaseException | None) -> None:
        self._lose(f"channel closed: {describe(error)}" if error is not None else "channel closed")

    def _lose(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
            self._buffer.clear()
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, timeout_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(timeout_s, self._wake) if timeout_s is not None else None
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
