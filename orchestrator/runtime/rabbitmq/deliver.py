"""Consuming: one subscription is one consumer on one channel, with the deliveries it has not handed out yet."""

import asyncio
from collections import deque
from typing import NamedTuple

import structlog
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq.abc import AbstractChannel as DriverChannel
from aiormq.abc import DeliveredMessage

from orchestrator.domain.errors import JustLensError, SubscriptionLost, Unroutable
from orchestrator.runtime.patience import being_cancelled
from orchestrator.runtime.ports import Delivery
from orchestrator.runtime.rabbitmq.connection import BROKER, TIMEOUT_S, Link, NoAnswer
from orchestrator.runtime.rabbitmq.driver_errors import describe

log = structlog.get_logger(__name__)


class Receipt(NamedTuple):
    """What settles a delivery: its tag means something on its own channel only."""

    channel: DriverChannel
    tag: int


class RabbitSubscription:
    """One consumer. ``name`` is the queue as the broker knows it, ``queue`` as queues.yaml does."""

    def __init__(self, link: Link, queue: str, name: str) -> None:
        self._link = link
        self._queue = queue
        self._name = name
        self._channel: AbstractChannel | None = None
        self._driver_channel: DriverChannel | None = None
        self._consumer_tag = f"justlens-{id(self):x}"
        self._buffer: deque[Delivery] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._lost: str | None = None
        self._stopped = False

    async def attach(self, prefetch: int) -> None:
        """Open the channel and consume. Raises Unroutable when the queue does not exist, else Unavailable."""
        self._channel = await self._link.open_channel()
        try:
            await self._link.call(self._consume(self._channel, prefetch), f"consuming {self._name}")
        except ChannelNotFoundEntity:
            raise Unroutable(BROKER, f"there is no queue {self._name}") from None
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
            raise SubscriptionLost(f"consumer of {self._name}: {self._lost}")
        return None

    async def stop(self) -> None:
        """Ask for no more deliveries. Those already here are still handed out by ``next``; acks still work."""
        channel = self._driver_channel
        if channel is not None and self._lost is None and not self._stopped:
            # The answer comes after the last delivery, so from here on the buffer only shrinks.
            try:
                await self._link.call(channel.basic_cancel(self._consumer_tag), f"cancelling {self._name}")
            except JustLensError as error:
                self._lose(str(error))
        self._stopped = True
        self._wake()

    async def close(self) -> None:
        """Detach. Deliveries that were not acked go back to the queue. Never raises."""
        self._lose("closed")
        if self._channel is not None and not self._channel.is_closed:
            try:
                await self._link.call(self._channel.close(), f"closing a channel of {self._name}")
            except JustLensError as error:
                log.debug("channel_close_failed", queue=self._queue, detail=str(error))

    async def _consume(self, channel: AbstractChannel, prefetch: int) -> None:
        driver_channel = await channel.get_underlay_channel()
        self._driver_channel = driver_channel
        driver_channel.on_consumer_cancel_callbacks.add(self._on_cancel)
        channel.close_callbacks.add(self._on_close)
        await driver_channel.basic_qos(prefetch_count=prefetch)
        # The driver's own consume: a task less for each delivery than aio_pika's, and nothing to unpack twice.
        await driver_channel.basic_consume(self._name, self._on_message, consumer_tag=self._consumer_tag)

    async def _on_message(self, message: DeliveredMessage) -> None:
        if self._lost is None:
            self._buffer.append(_delivery(self._queue, message))
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


def _delivery(queue: str, message: DeliveredMessage) -> Delivery:
    properties = message.header.properties
    headers = properties.headers or {}
    count = headers.get("x-delivery-count", 0)
    return Delivery(
        queue=queue,
        body=message.body,
        headers=headers,
        message_id=properties.message_id,
        redelivered=bool(message.redelivered),
        delivery_count=count if isinstance(count, int) else 0,
        receipt=Receipt(message.channel, message.delivery_tag or 0),  # a delivery always has one, from 1 on
    )


async def settle(delivery: Delivery, *, ack: bool) -> None:
    """Ack, or give back with a nack (never a reject, which newer brokers count as a failed delivery).

    Neither is answered by the broker. On a channel that has gone this does nothing: the message comes again.
    """
    receipt: Receipt = delivery.receipt
    channel, tag = receipt
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await (channel.basic_ack(tag, wait=False) if ack else channel.basic_nack(tag, requeue=True, wait=False))
    except asyncio.CancelledError:
        if being_cancelled():
            raise
        log.debug("not_settled", queue=delivery.queue, ack=ack, detail="channel closed meanwhile")
    except Exception as error:
        log.debug("not_settled", queue=delivery.queue, ack=ack, detail=describe(error))
