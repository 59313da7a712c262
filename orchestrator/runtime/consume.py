"""One consumer: its own channel, strictly one job at a time. A queue's concurrency is its number of consumers."""

import asyncio
from contextlib import suppress

import structlog

from orchestrator.domain.errors import SubscriptionLost, Unavailable
from orchestrator.domain.retrying import backoff_s
from orchestrator.runtime.delivery_deadline import being_cancelled
from orchestrator.runtime.engine import BoundQueue, Engine
from orchestrator.runtime.execute import handle
from orchestrator.runtime.ports import Subscription

log = structlog.get_logger(__name__)

STEADY_S = 10.0
"""Attached for so long, a consumer has left its failures behind, even if no delivery came."""


class Consumer:
    """Attaches to a queue, and again whenever it is no longer attached, until the process drains."""

    def __init__(self, queue: BoundQueue, number: int, engine: Engine) -> None:
        self.queue = queue
        self.name = f"{queue.name}#{number}"
        self.busy = False
        self._failures = 0
        self._engine = engine
        self._subscription: Subscription | None = None

    @property
    def attached(self) -> bool:
        """Whether this consumer believes that the broker delivers to it."""
        return self._subscription is not None

    async def run(self) -> None:
        """Consume until the drain is requested and the delivery in hand is settled."""
        while not self._engine.drain.requested.is_set():
            try:
                await self._attach_and_work()
            except (SubscriptionLost, Unavailable) as away:
                log.warning("detached", consumer=self.name, detail=str(away))
            except (Exception, asyncio.CancelledError):
                if being_cancelled():
                    raise
                # The delivery in hand was not acked: detaching gives it back, and the delivery limit bounds how often.
                log.exception("consumer_failed", consumer=self.name)
            await self._rest(self._failures)
            self._failures += 1

    async def stop(self) -> None:
        """Take no new delivery."""
        if self._subscription is not None:
            await self._subscription.stop()

    async def detach(self) -> None:
        """Let go of the subscription, so that ``run`` attaches anew."""
        if self._subscription is not None:
            await self._subscription.close()

    async def _attach_and_work(self) -> None:
        subscription = await self._engine.broker.subscribe(self.queue.name)
        self._subscription = subscription
        steady_at = asyncio.get_running_loop().time() + STEADY_S
        try:
            with self._engine.metrics.attached(self.queue.name):
                log.debug("attached", consumer=self.name)
                if self._engine.drain.requested.is_set():
                    await subscription.stop()
                while (delivery := await subscription.next()) is not None:
                    self.busy = True
                    await handle(delivery, self.queue, self._engine)
                    self.busy = False
                    self._failures = 0
        finally:
            if asyncio.get_running_loop().time() >= steady_at:
                self._failures = 0
            self.busy = False
            self._subscription = None
            await subscription.close()

    async def _rest(self, failures: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(backoff_s(failures, cap_s=5)):
                await self._engine.drain.requested.wait()
