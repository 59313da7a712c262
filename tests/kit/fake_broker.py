"""A broker that is not one, and the journal into which every stand-in writes what happened.

A journal is a list of words in the order in which things happened, such as ``["write source", "publish next",
"ledger done", "ack"]``: one equality then says that the order was kept. A step that fails leaves ``"publish next!"``.
"""

import asyncio
from collections import defaultdict, deque
from dataclasses import replace

from orchestrator.domain.errors import SubscriptionLost
from orchestrator.domain.outcome import Announce
from orchestrator.runtime.ports import Delivery, Message, QueueDepth

QUEUE = "work"


class Journal:
    """What happened, and what is to go wrong: ``fail("publish", Unavailable("broker"))`` for the next publish."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self._failures: defaultdict[str, deque[BaseException | None]] = defaultdict(deque)

    def fail(self, step: str, *errors: BaseException | None) -> None:
        """What the next calls of ``step`` (its first word) raise, in order; None lets one through."""
        self._failures[step].extend(errors)

    def take(self, step: str, what: str = "") -> None:
        """One step. Raises what was scripted for it."""
        line = f"{step} {what}".strip()
        failures = self._failures[step]
        error = failures.popleft() if failures else None
        self.steps.append(line if error is None else f"{line}!")
        if error is not None:
            raise error


class FakeBroker:
    """Records what is published. Deliveries are put in by the test: ``queues[name].append(delivery)``.

    An exception among the deliveries is raised by ``next``; None ends what a consumer is given for good.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.published: list[tuple[str, Message]] = []
        self.queues: defaultdict[str, deque[Delivery | BaseException]] = defaultdict(deque)
        self.unacked: list[Delivery] = []
        self.subscriptions: list[FakeSubscription] = []
        self.seen_consumers: int | None = None
        self.arrived = asyncio.Condition()

    async def publish(self, queue: str, message: Message) -> None:
        self._journal.take("publish", queue)
        self.published.append((queue, message))

    async def announce(self, announce: Announce) -> None:
        self._journal.take("announce", announce.event)

    async def subscribe(self, queue: str, *, prefetch: int = 1) -> "FakeSubscription":
        self._journal.take("subscribe", queue)
        subscription = FakeSubscription(self, queue)
        self.subscriptions.append(subscription)
        return subscription

    async def deliver(self, *deliveries: Delivery | BaseException) -> None:
        async with self.arrived:
            for delivery in deliveries:
                queue = delivery.queue if isinstance(delivery, Delivery) else QUEUE
                self.queues[queue].append(delivery)
            self.arrived.notify_all()

    async def ack(self, delivery: Delivery) -> None:
        self._journal.take("ack")
        self.unacked = [other for other in self.unacked if other is not delivery]

    async def requeue(self, delivery: Delivery) -> None:
        self._journal.take("requeue")
        self.unacked = [other for other in self.unacked if other is not delivery]

    async def depth(self, queue: str) -> QueueDepth:
        self._journal.take("depth", queue)
        ready, unacked = len(self.queues[queue]), sum(d.queue == queue for d in self.unacked)
        attached = sum(s.queue == queue and not (s.closed or s.stopped) for s in self.subscriptions)
        consumers = attached if self.seen_consumers is None else self.seen_consumers
        return QueueDepth(ready, unacked, ready + unacked, consumers)

    def attached(self) -> bool:
        return True

    async def close(self) -> None:
        return


class FakeSubscription:
    """One consumer of a FakeBroker. What was not acked is delivered again, redelivered, when it closes."""

    def __init__(self, broker: FakeBroker, queue: str) -> None:
        self._broker = broker
        self.queue = queue
        self.stopped = False
        self.closed = False

    async def next(self, timeout_s: float | None = None) -> Delivery | None:
        waiting = self._broker.queues[self.queue]
        async with self._broker.arrived:
            waited = self._broker.arrived.wait_for(lambda: waiting or self.stopped or self.closed)
            try:
                await asyncio.wait_for(waited, timeout_s)
            except TimeoutError:
                return None
        if self.closed:
            raise SubscriptionLost("closed")
        if not waiting or self.stopped:
            return None
        delivery = waiting.popleft()
        if isinstance(delivery, BaseException):
            raise delivery
        delivery = replace(delivery, receipt=self)
        self._broker.unacked.append(delivery)
        return delivery

    async def stop(self) -> None:
        self.stopped = True
        await self._broker.deliver()

    async def close(self) -> None:
        self.closed = True
        mine = [delivery for delivery in self._broker.unacked if delivery.receipt is self]
        self._broker.unacked = [delivery for delivery in self._broker.unacked if delivery.receipt is not self]
        again = [replace(d, redelivered=True, delivery_count=d.delivery_count + 1) for d in mine]
        await self._broker.deliver(*again)
