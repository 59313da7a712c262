"""Opening a connection to the first of a cluster's nodes that answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel
from yarl import URL

from orchestrator.runtime.rabbitmq.driver_errors import describe_refusal
from orchestrator.runtime.rabbitmq.tolerant_decoding import install_tolerant_decoders

NEXT_NODE_AFTER_S = 1.0
"""How long a node may be silent before the next one is tried beside it."""


class NoNodeAnswers(ConnectionError):
    """No node took the connection; the text has each one's reason."""


class Opening:
    """One round over the nodes at ``urls``, each of which has ``timeout_s`` seconds to answer.

    The next one is tried when one refused, or was silent for a second: a node that is frozen, or behind a firewall,
    costs that and not its whole timeout. ``discard`` closes in the background what is not needed.
    """

    def __init__(
        self, urls: Sequence[URL], name: str, timeout_s: float, discard: Callable[[Awaitable[Any]], None]
    ) -> None:
        self._urls = urls
        self._name = name
        self._timeout_s = timeout_s
        self._discard = discard
        self._attempts: dict[asyncio.Task[aio_pika.Connection], URL] = {}
        self._refusals: list[str] = []

    async def connect(self) -> tuple[URL, aio_pika.Connection]:
        """Return the first connection that is open, and where it leads to. Raises NoNodeAnswers."""
        try:
            for url in self._urls:
                self._attempts[asyncio.create_task(self._connect(url), name=f"open-{self._name}")] = url
                last = url is self._urls[-1]
                if opened := await self._wait(None if last else NEXT_NODE_AFTER_S):
                    return opened
        finally:
            for attempt in self._attempts:
                self._discard(_abandon(attempt))
        raise NoNodeAnswers("; ".join(self._refusals))

    async def _wait(self, timeout_s: float | None) -> tuple[URL, aio_pika.Connection] | None:
        """Wait for an attempt that succeeds; None once all have failed, or no other ended in ``timeout_s``."""
        while self._attempts:
            done, _ = await asyncio.wait(self._attempts, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            for attempt in done:
                url = self._attempts.pop(attempt)
                error = asyncio.CancelledError() if attempt.cancelled() else attempt.exception()
                if error is None:
                    return url, attempt.result()
                self._refusals.append(describe_refusal(error, url, self._timeout_s))
            if not done:
                break
        return None

    async def _connect(self, url: URL) -> aio_pika.Connection:
        install_tolerant_decoders()
        connection = aio_pika.Connection(url, client_properties={"connection_name": self._name})
        try:
            async with asyncio.timeout(self._timeout_s):
                await connection.connect()
        except BaseException:
            # Only an object that was closed stays quiet when it is collected.
            self._discard(connection.close())
            raise
        return connection


async def _abandon(attempt: asyncio.Task[aio_pika.Connection]) -> None:
    """Cancel an attempt that is not needed, or close what it has opened."""
    attempt.cancel()
    await asyncio.wait({attempt})
    if not attempt.cancelled() and attempt.exception() is None:
        await attempt.result().close()


def is_open(connection: aio_pika.Connection) -> bool:
    """Whether the connection is up as far as the driver knows."""
    # aio_pika's own is_closed tells only whether close() was called; the transport knows of lost connections.
    transport = connection.transport
    return transport is not None and transport.connection.is_opened


async def open_channel(connection: aio_pika.Connection, confirms: bool) -> AbstractChannel:
    """A fresh channel of the connection; with ``confirms``, unroutable publishes on it raise."""
    channel = connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
    await channel.initialize()
    return channel
