"""One consumer of the embedded broker."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from orchestrator.domain.errors import SubscriptionLost
from orchestrator.runtime.local.journal import Row
from orchestrator.runtime.ports import Delivery


@dataclass(frozen=True, slots=True)
class Receipt:
    """Which message a delivery is, and whose."""

    subscription: "LocalSubscription"
    position: int


class LocalSubscription:
    """Takes at most ``prefetch`` messages that are not settled yet.

    Taking goes on in a task of its own, so that a caller that gives up waiting loses nothing: what the task took is
    what the next call of ``next`` answers.
    """

    def __init__(
        self,
        queue: str,
        *,
        prefetch: int,
        ready: asyncio.Semaphore,
        take: Callable[[str], Awaitable[Row]],
        let_go: Callable[["LocalSubscription", Sequence[int]], Awaitable[None]],
    ) -> None:
        self.queue = queue
        self._slots = asyncio.Semaphore(prefetch)
        self._ready = ready
        self._take = take
        self._let_go = let_go
        self._held: set[int] = set()
        self._taking: asyncio.Task[Delivery] | None = None
        self._waiting = False
        self._stopped = False
        self._closed = False

    async def next(self, timeout_s: float | None = None) -> Delivery | None:
        """The next delivery. None after ``stop()`` once nothing is left over, or when ``timeout_s`` passed.

        Raises SubscriptionLost after ``close()``, also to a call that was waiting then, and Unavailable.
        """
        if self._taking is None and not self._stopped:
            self._waiting = True
            self._taking = asyncio.create_task(self._next())
        taking = self._taking
        if taking is not None:
            await asyncio.wait({taking}, timeout=timeout_s)
        if self._closed:
            raise SubscriptionLost(f"the consumer of {self.queue} is closed")
        if taking is None or not taking.done():
            return None
        self._taking = None
        return None if taking.cancelled() else taking.result()

    async def _next(self) -> Delivery:
        await self._slots.acquire()
        await self._ready.acquire()
        self._waiting = False
        try:
            row = await self._take(self.queue)
        except Exception:
            self._ready.release()
            self._slots.release()
            raise
        self._held.add(row.position)
        return Delivery(
            queue=self.queue,
            body=row.body,
            headers=row.headers,
            message_id=row.message_id,
            redelivered=row.redelivered,
            delivery_count=row.delivery_count,
            receipt=Receipt(self, row.position),
        )

    def holds(self, position: int) -> bool:
        """Whether the message was taken here and is not settled."""
        return position in self._held

    def forget(self, position: int) -> None:
        """The message is settled: there is room for another one."""
        if position in self._held:
            self._held.remove(position)
            self._slots.release()

    async def stop(self) -> None:
        """Ask for no more deliveries. One that is being taken is still handed out by ``next``; acks still work."""
        self._stopped = True
        if self._taking is not None and self._waiting:
            self._taking.cancel()

    async def close(self) -> None:
        """Detach. Deliveries that were not acked go back to the queue. Never raises."""
        if self._closed:
            return
        self._closed = True
        await self.stop()
        if self._taking is not None:
            await asyncio.wait({self._taking})
            if not self._taking.cancelled():
                self._taking.exception()  # whatever went wrong is of no interest any more
        await self._let_go(self, sorted(self._held))
        self._held.clear()
