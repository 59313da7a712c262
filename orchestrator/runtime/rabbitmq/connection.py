"""One AMQP connection: opened when first needed, opened again when it was lost, every wait bounded.

A process has two, because a memory or disk alarm stops the broker from reading a connection that publishes: deliveries
and acks must not wait behind that. Nothing here restores channels or consumers; whoever used them starts over.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel
from aio_pika.connection import make_url
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.retrying import backoff_s
from orchestrator.runtime.rabbitmq.driver_errors import NoAnswer, describe, describe_host
from orchestrator.runtime.rabbitmq.opening import Opening, is_open, open_channel

T = TypeVar("T")

BROKER = "rabbitmq"
HEARTBEAT_S = 5  # the driver gives up after three missed ones: a half-open connection is noticed within 20 s
TIMEOUT_S = 5.0
REOPEN_CAP_S = 2.0
BLOCKED_AFTER_S = 0.1  # a connection that no alarm blocks says so at once

log = structlog.get_logger(__name__)


class Link:
    """One connection to the broker, shared by all channels of one purpose.

    ``urls`` are the broker's, one for each node of a cluster: the first that answers has the connection, and the one
    after it is the first to be asked when that is lost. ``name`` is what the broker shows for it. ``timeout_s`` bounds
    the answer of a node and every call over the connection.
    """

    def __init__(self, urls: Sequence[str], name: str, timeout_s: float = TIMEOUT_S) -> None:
        parsed = [make_url(url) for url in urls]
        self._urls = [url if "heartbeat" in url.query else url.update_query(heartbeat=HEARTBEAT_S) for url in parsed]
        self._name = name
        self._timeout_s = timeout_s
        self._connection: aio_pika.Connection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._failures = 0
        self._not_before = 0.0
        self._last_error = ""
        self._closed = False
        self._leftovers: set[asyncio.Future[Any]] = set()

    @property
    def is_open(self) -> bool:
        """Whether the connection is up as far as the driver knows."""
        return self._connection is not None and is_open(self._connection)

    @property
    def has_other_nodes(self) -> bool:
        """Whether there are other nodes to turn to."""
        return len(self._urls) > 1

    @property
    def node(self) -> str:
        """The node that has, or last had, the connection."""
        return describe_host(self._urls[-1])

    async def connection(self) -> aio_pika.Connection:
        """The open connection. Raises Unavailable, within the timeout, while the broker is away.

        After a failed attempt the next one waits for a back-off; calls in between fail at once.
        """
        if self._connection is not None and is_open(self._connection):
            return self._connection
        if self._opening is None:
            self._refuse_while_resting()
            self._opening = asyncio.create_task(self._open(), name=f"open-{self._name}")
            self._opening.add_done_callback(self._opened)
        # The attempt is shared: a caller that gives up does not end it for the others.
        await asyncio.wait({self._opening}, timeout=self._timeout_s)
        if self._connection is not None and is_open(self._connection):
            return self._connection
        nodes = ", ".join(describe_host(url) for url in self._urls)
        raise Unavailable(BROKER, self._last_error or f"{nodes}: no answer within {self._timeout_s:g} s")

    async def open_channel(self, *, confirms: bool = False) -> AbstractChannel:
        """A fresh channel; with ``confirms``, publishes on it are confirmed and unroutable ones raise."""
        connection = await self.connection()
        return await self.call(open_channel(connection, confirms), "opening a channel")

    async def unblocked(self) -> None:
        """Return once no memory or disk alarm blocks the connection. The caller bounds the wait."""
        transport = (await self.connection()).transport
        if transport is not None:
            await transport.ready()

    async def call(self, work: Awaitable[T], doing: str, timeouts: int = 1) -> T:
        """The result of ``work``, or Unavailable when it fails or takes longer than ``timeouts`` times the timeout.

        It runs in a task of its own: the driver's answer to a cancelled call is a write that may be stuck itself, so
        a cancelled call is left behind rather than waited for; and a CancelledError the driver raises stays in there.
        ChannelNotFoundEntity and ChannelPreconditionFailed come through, because they say something about a queue.
        """
        task = asyncio.ensure_future(work)
        self._leftovers.add(task)
        task.add_done_callback(self._ended)
        timeout_s = self._timeout_s * timeouts
        try:
            done, _ = await asyncio.wait({task}, timeout=timeout_s)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            raise NoAnswer(BROKER, f"{doing}: no answer within {timeout_s:g} s")
        if task.cancelled():
            raise Unavailable(BROKER, f"{doing}: cut off")
        try:
            return task.result()
        except (ChannelNotFoundEntity, ChannelPreconditionFailed, Unavailable):
            raise
        except Exception as error:
            raise Unavailable(BROKER, f"{doing}: {describe(error)}") from error

    def leave_behind(self, work: Awaitable[Any]) -> None:
        """Run ``work`` in the background, bounded by the timeout, its failure of no interest."""

        async def bounded() -> None:
            async with asyncio.timeout(self._timeout_s):
                await work

        task = asyncio.create_task(bounded())
        self._leftovers.add(task)
        task.add_done_callback(self._ended)

    def drop(self, connection: aio_pika.Connection) -> None:
        """Give up a connection that does not answer; the next call opens another."""
        if self._connection is connection:
            self._connection = None
        self.leave_behind(connection.close())

    async def leave_silent_node(self) -> None:
        """Give up a node that does not answer, if the cluster has others and no alarm is the reason.

        Without others the driver's heartbeat decides, which takes some 20 s.
        """
        if not self.has_other_nodes or self._connection is None or not is_open(self._connection):
            return
        connection = self._connection
        with suppress(TimeoutError):
            async with asyncio.timeout(BLOCKED_AFTER_S):
                await self.unblocked()
            log.warning("broker_node_silent", connection=self._name, node=self.node)
            self.drop(connection)

    async def close(self) -> None:
        """Close the connection and wait, bounded, for what still runs. Never raises."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening}, timeout=self._timeout_s)
        if self._connection is not None:
            self.drop(self._connection)
        if self._leftovers:
            await asyncio.wait(set(self._leftovers), timeout=self._timeout_s)

    def _refuse_while_resting(self) -> None:
        if self._closed:
            raise Unavailable(BROKER, "this client was closed")
        wait_s = self._not_before - asyncio.get_running_loop().time()
        if wait_s > 0:
            raise Unavailable(BROKER, self._last_error, retry_after_s=wait_s)

    async def _open(self) -> None:
        if self._connection is not None:
            self.drop(self._connection)
        try:
            url, self._connection = await Opening(self._urls, self._name, self._timeout_s, self.leave_behind).connect()
        except BaseException as error:
            self._connection = None
            self._last_error = str(error)
            self._not_before = asyncio.get_running_loop().time() + backoff_s(self._failures, cap_s=REOPEN_CAP_S)
            self._failures += 1
            raise
        following = self._urls.index(url) + 1
        self._urls = self._urls[following:] + self._urls[:following]
        if self._failures or len(self._urls) > 1:
            event = "broker_back" if self._failures else "broker_node_chosen"
            log.info(event, connection=self._name, node=describe_host(url), failed_attempts=self._failures)
        self._failures = 0

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening = None
        if not task.cancelled() and task.exception() is not None:
            log.warning("broker_away", connection=self._name, detail=self._last_error)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._leftovers.discard(task)
        if not task.cancelled():
            task.exception()  # read once, or asyncio reports it as never retrieved
