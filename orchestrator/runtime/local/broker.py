"""LocalBroker: named queues with confirmed publishing, acks, delayed retry and dead-lettering, in one file."""

import asyncio
import contextlib
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

from orchestrator.config import Pipeline
from orchestrator.domain.errors import Unavailable, Unroutable
from orchestrator.domain.events import event_body
from orchestrator.domain.outcome import Announce
from orchestrator.embedded.json_lines import JsonLines
from orchestrator.embedded.sqlite_thread import SqliteThread
from orchestrator.runtime.local import journal
from orchestrator.runtime.local.alarm import Alarm, now_ms
from orchestrator.runtime.local.rules import QueueRule, queue_rules
from orchestrator.runtime.local.subscription import LocalSubscription, Receipt
from orchestrator.runtime.ports import Delivery, Message, QueueDepth

_TRY_AGAIN_MS = 1000


class LocalBroker:
    """The Broker of an embedded run. One process owns the file; "confirmed" means committed and synced.

    Consumers wait on one semaphore per queue whose value is the number of ready messages, so that every consumer that
    gets past it finds a message and no other one is woken. A message counts as delivered once a consumer has taken
    it: after a kill it is ready again, redelivered, with its delivery count one higher.
    """

    def __init__(self, path: str | os.PathLike[str], pipeline: Pipeline) -> None:
        self._path = path
        events = Path(os.devnull) if path == ":memory:" else Path(path).with_name("events.jsonl")
        self._events = JsonLines(events, dependency="events")
        self._rules = queue_rules(pipeline)
        self._ready: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(0))
        self._subscriptions: set[LocalSubscription] = set()
        self._alarm = Alarm(self._return_due)
        self._thread: SqliteThread | None = None

    async def open(self) -> Self:
        """Open the file (":memory:" for none) and give back what the last process had not acked.

        Raises Unavailable, also when another process has it.
        """
        thread = await SqliteThread.open(self._path, journal.SCHEMA, dependency="broker")
        try:
            self._announce(await thread.run(partial(journal.recover, rules=self._rules)))
        except BaseException:
            await thread.close()
            raise
        self._thread = thread
        await self._return_due()
        return self

    async def publish(self, queue: str, message: Message) -> None:
        """Put ``message`` into ``queue``; return when it is on disk.

        Raises Unroutable for an unknown queue, Unavailable when the queue or the disk is full.
        """
        rule = self._rule(queue)
        published_at = now_ms()
        insert = partial(journal.insert, rule=rule, body=message.body, headers=message.headers, now_ms=published_at)
        await self._journal().run(insert, then=lambda _: self._published(rule, published_at))

    async def announce(self, announce: Announce) -> None:
        """Write the event as a line of JSON beside the broker's file. Raises Unavailable when that cannot be done."""
        await self._events.append(event_body(announce, now_ms()))

    async def subscribe(self, queue: str, *, prefetch: int = 1) -> LocalSubscription:
        """Attach one consumer to a main or an error queue. A retry queue has none: it empties itself."""
        rule = self._rule(queue)
        if rule.returns_to is not None:
            raise ValueError(f"{queue} is a retry queue; its messages come back in {rule.returns_to}")
        self._journal()
        subscription = LocalSubscription(
            queue, prefetch=prefetch, ready=self._ready[queue], take=self._take, let_go=self._let_go
        )
        self._subscriptions.add(subscription)
        return subscription

    async def ack(self, delivery: Delivery) -> None:
        """The delivery is settled. One that was settled or given back before is left alone."""
        receipt: Receipt = delivery.receipt
        if receipt.subscription.holds(receipt.position):
            delete = partial(journal.delete, position=receipt.position)
            await self._journal().run(delete, then=lambda _: receipt.subscription.forget(receipt.position))

    async def requeue(self, delivery: Delivery) -> None:
        """Give the delivery back to its queue, in its old place. It does not count towards the delivery limit."""
        receipt: Receipt = delivery.receipt
        if receipt.subscription.holds(receipt.position):
            await self._give_back(receipt.subscription, [receipt.position], lost=False)

    async def depth(self, queue: str) -> QueueDepth:
        """How many messages ``queue`` holds. Raises Unroutable when it does not exist."""
        rule = self._rule(queue)
        counts = await self._journal().run(partial(journal.count, queue=rule.name))
        ready, unacked = counts.get(0, 0), counts.get(1, 0)
        consumers = sum(subscription.queue == rule.name for subscription in self._subscriptions)
        return QueueDepth(ready, unacked, ready + unacked, consumers)

    def attached(self) -> bool:
        """Whether the broker is open."""
        return self._thread is not None

    async def close(self) -> None:
        """Give back what is unacked and let go of the file. Never raises."""
        if self._thread is None:
            return
        for subscription in tuple(self._subscriptions):
            await subscription.close()
        thread, self._thread = self._thread, None
        await self._alarm.cancel()
        await thread.close()

    def _journal(self) -> SqliteThread:
        if self._thread is None:
            raise Unavailable("broker", "is closed")
        return self._thread

    def _rule(self, queue: str) -> QueueRule:
        if queue not in self._rules:
            raise Unroutable("broker", f"there is no queue {queue}")
        return self._rules[queue]

    def _announce(self, ready: Counter[str]) -> None:
        for queue in ready.elements():
            self._ready[queue].release()

    def _published(self, rule: QueueRule, published_at_ms: int) -> None:
        if rule.returns_to is None:
            self._ready[rule.name].release()
        else:
            self._alarm.set(published_at_ms + rule.delay_ms)

    async def _take(self, queue: str) -> journal.Row:
        row = await self._journal().run(partial(journal.take, queue=queue))
        if row is None:
            raise RuntimeError(f"{queue} was said to hold a message and holds none")
        return row

    async def _give_back(self, subscription: LocalSubscription, positions: Sequence[int], *, lost: bool) -> None:
        def given_back(ready: Counter[str]) -> None:
            for position in positions:
                subscription.forget(position)
            self._announce(ready)

        give_back = partial(journal.give_back, rules=self._rules, positions=positions, lost=lost)
        await self._journal().run(give_back, then=given_back)

    async def _let_go(self, subscription: LocalSubscription, positions: Sequence[int]) -> None:
        self._subscriptions.discard(subscription)
        if positions:
            with contextlib.suppress(Unavailable):  # then the next start finds them unacked and gives them back
                await self._give_back(subscription, positions, lost=True)

    async def _return_due(self) -> None:
        if self._thread is None:
            return
        return_due = partial(journal.return_due, now_ms=now_ms())
        try:
            returned = await self._thread.run(return_due, then=lambda due: self._announce(due.ready))
        except Unavailable:
            self._alarm.set(now_ms() + _TRY_AGAIN_MS)
            return
        if returned.next_due is not None:
            self._alarm.set(returned.next_due)
