"""Confirmed publishing: a publish returns when the broker took responsibility, and raises in every other case."""

import asyncio
from collections.abc import Callable
from typing import NoReturn
from uuid import uuid4

from aio_pika import DeliveryMode
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from orchestrator.domain.errors import JustLensError, PublishUnconfirmed, Unavailable, Unroutable
from orchestrator.runtime.delivery_deadline import being_cancelled
from orchestrator.runtime.ports import Message
from orchestrator.runtime.rabbitmq.connection import BROKER, Link
from orchestrator.runtime.rabbitmq.driver_errors import describe

REFUSED_RETRY_AFTER_S = 5.0


class Publisher:
    """Publishes over one channel, which any number of coroutines share; their confirms are pipelined.

    The driver finds the publish that a returned message belongs to by its message_id. Each attempt has a fresh one:
    with two alike in flight, an unroutable message can be reported as delivered.

    Without ``exchange`` messages go to queues by name and must arrive in one. On an exchange a message that nobody
    has bound a queue for is dropped by the broker, as it is meant.

    ``on_silence`` is called when nothing at all was confirmed for as long as a publish was given.
    """

    def __init__(
        self,
        link: Link,
        prefix: str,
        timeout_s: float,
        exchange: str = "",
        on_silence: Callable[[], None] = lambda: None,
    ) -> None:
        self._link = link
        self._prefix = prefix
        self._exchange = exchange
        self._timeout_s = timeout_s
        self._on_silence = on_silence
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()
        self._confirms = 0

    async def publish(self, queue: str, message: Message) -> None:
        """Put ``message`` into ``queue``, within the timeout.

        Raises Unroutable when no such queue exists, PublishUnconfirmed when the message may or may not be there, and
        plain Unavailable when it surely is not: the broker is away, blocked by an alarm, or the queue refused it.
        """
        channel: AbstractChannel | None = None
        confirms_before = self._confirms
        try:
            async with asyncio.timeout(self._timeout_s):
                channel = await self._usable_channel()
                driver_channel = await channel.get_underlay_channel()
                # Not waiting for the bytes to leave, the confirm says more, lets others publish meanwhile.
                await driver_channel.basic_publish(
                    message.body,
                    exchange=self._exchange,
                    routing_key=self._prefix + queue,
                    properties=_properties(message),
                    mandatory=not self._exchange,
                    wait=False,  # type: ignore[call-arg]  # the driver's channel has it, its abstract class forgot
                )
            self._confirms += 1
        except PublishError:
            raise Unroutable(BROKER, f"there is no queue {self._prefix}{queue}") from None
        except DeliveryError as error:
            # A nack: the message is not stored. With reject-publish that is how a queue says that it is full.
            detail = f"queue {self._prefix}{queue} refused the message: it is full, or has no leader"
            raise Unavailable(BROKER, detail, retry_after_s=REFUSED_RETRY_AFTER_S) from error
        except (JustLensError, TypeError, ValueError):
            raise
        except TimeoutError:
            if channel is not None and self._confirms == confirms_before:
                self._on_silence()
            self._give_up(channel)
        except asyncio.CancelledError as error:
            if being_cancelled():
                raise
            self._unsure(error)
        except Exception as error:
            self._unsure(error)

    def _unsure(self, error: BaseException) -> NoReturn:
        raise PublishUnconfirmed(BROKER, f"publish cut off: {describe(error)}") from error

    def _give_up(self, channel: AbstractChannel | None) -> NoReturn:
        """A publish timed out. Its channel takes no more and is closed once the others on it have ended.

        A broker that does not answer then fails at opening the next channel, before another copy is sent to it.
        """
        waited = f"no answer within {self._timeout_s:g} s"
        if channel is None:
            raise Unavailable(BROKER, f"{waited}: the broker is silent, or blocks publishers (memory or disk alarm)")
        if channel is self._channel:
            self._channel = None
            asyncio.get_running_loop().call_later(self._timeout_s, self._retire, channel)
        raise PublishUnconfirmed(BROKER, waited)

    def _retire(self, channel: AbstractChannel) -> None:
        if not channel.is_closed:
            self._link.leave_behind(channel.close())

    async def _usable_channel(self) -> AbstractChannel:
        channel = self._channel
        if channel is None or channel.is_closed or not self._link.is_open:
            channel = await self._fresh_channel()
        # While an alarm blocks the connection a publish would lie in the socket, and each try would add a copy.
        await self._link.unblocked()
        return channel

    async def _fresh_channel(self) -> AbstractChannel:
        async with self._opening:
            channel = self._channel
            if channel is not None and not channel.is_closed and self._link.is_open:
                return channel
            connection = await self._link.connection()
            await self._link.unblocked()
            try:
                self._channel = await self._link.open_channel(confirms=True)
            except BaseException:
                self._link.drop(connection)  # not blocked, and yet no answer
                raise
            return self._channel


def _properties(message: Message) -> Basic.Properties:
    return Basic.Properties(
        headers=dict(message.headers),
        content_type="application/json",
        delivery_mode=DeliveryMode.PERSISTENT,
        correlation_id=message.job_id,
        message_id=uuid4().hex,
    )
