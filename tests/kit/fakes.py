"""Small hand-written stand-ins for what the engine works with. All of them write into one journal.

A journal is a list of words in the order in which things happened, such as ``["write source", "publish next",
"ledger done", "ack"]``: one equality then says that the order was kept. A step that fails leaves ``"publish next!"``.
"""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import structlog

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import SubscriptionLost
from orchestrator.domain.jobs import EnhanceJob, Job
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import Done, Effect, Outcome, PurgeUrl, PutObject, SetSection, Write
from orchestrator.observe import Metrics
from orchestrator.runtime.lane import Engine, Lane
from orchestrator.runtime.patience import Drain
from orchestrator.runtime.ports import Broker, Delivery, Message, QueueDepth

JOB_ID = "018bcfe5-6800-7000-8000-00000000abcd"
SUBMITTED_AT = 1_700_000_000_000
QUEUE = "work"
NEXT_QUEUE = "after"


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
        return QueueDepth(ready, unacked, ready + unacked, await self.consumers_attached(queue))

    async def consumers_attached(self, queue: str) -> int:
        attached = sum(s.queue == queue and not (s.closed or s.stopped) for s in self.subscriptions)
        return attached if self.seen_consumers is None else self.seen_consumers

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


class FakeLedger:
    """The ledger's rule in memory: nothing replaces ``done``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.entries: dict[tuple[str, str], LedgerEntry] = {}

    async def record_job(self, entry: LedgerEntry) -> None:
        self._journal.take("ledger", entry.outcome)
        known = self.entries.get((entry.job_id, entry.queue))
        if known is None or known.outcome != "done":
            self.entries[entry.job_id, entry.queue] = entry

    async def find_job(self, job_id: str, queue: str) -> LedgerEntry | None:
        self._journal.take("find")
        return self.entries.get((job_id, queue))


class FakeIndex:
    """The index of dead letters in memory."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.letters: dict[tuple[str, str], DeadLetter] = {}

    async def index_dead_letter(self, letter: DeadLetter) -> None:
        self._journal.take("index", letter.reason.code)
        self.letters[letter.queue, letter.letter_id] = letter

    async def find_dead_letters(self, wanted: DeadLetterFilter, *, limit: int | None = None) -> Sequence[DeadLetter]:
        found = [letter for letter in self.letters.values() if wanted.matches(letter, SUBMITTED_AT)]
        return found[:limit]

    async def forget_dead_letter(self, queue: str, letter_id: str) -> None:
        self._journal.take("forget", queue)
        self.letters.pop((queue, letter_id), None)


class FakeApplier:
    """Remembers every write and effect that was carried out."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.writes: list[Write] = []
        self.effects: list[Effect] = []

    async def write(self, write: Write) -> None:
        self._journal.take("write", write.key if isinstance(write, PutObject) else write.section)
        self.writes.append(write)

    async def effect(self, effect: Effect) -> None:
        self._journal.take("effect", effect.url)
        self.effects.append(effect)


@dataclass(frozen=True)
class World:
    """Everything fake around one engine. ``run`` is what the lane's stage answers."""

    journal: Journal
    broker: FakeBroker
    ledger: FakeLedger
    index: FakeIndex
    applier: FakeApplier
    drain: Drain = field(default_factory=Drain)
    metrics: Metrics = field(default_factory=Metrics)
    ack_timeout_s: float = 1800

    def engine(self, broker: Broker | None = None) -> Engine:
        """The engine that works with these, or with another broker."""
        return Engine(
            broker=broker or self.broker,
            ledger=self.ledger,
            dead_letters=self.index,
            applier=self.applier,
            metrics=self.metrics,
            drain=self.drain,
            ack_timeout_s=self.ack_timeout_s,
        )

    def count(self, name: str, **labels: str) -> float:
        """The value of a metric, 0 when it was never touched."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def new_world(**changes: Any) -> World:
    """A world in which nothing goes wrong until the test says so. Needs a running loop."""
    journal = Journal()
    parts = (FakeBroker(journal), FakeLedger(journal), FakeIndex(journal), FakeApplier(journal))
    return World(journal, *parts, **changes)


def body_of(**changes: Any) -> bytes:
    """The body of a stamped job; None leaves a field out."""
    fields = {
        "business_id": "acme",
        "image_id": "7",
        "image_url": "https://x/7.png",
        "job_id": JOB_ID,
        "submitted_at": SUBMITTED_AT,
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def delivery_of(body: bytes | None = None, *, redelivered: bool = False, **headers: Any) -> Delivery:
    """A delivery of QUEUE; underscores in the names of ``headers`` stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery(QUEUE, body_of() if body is None else body, named, "m", redelivered, int(redelivered), None)


def lane_of(run: Callable[[Job], Awaitable[Outcome]], **changes: Any) -> Lane:
    """A lane of QUEUE with two retry tiers whose stage is ``run``."""
    fields: dict[str, Any] = {
        "queue": QUEUE,
        "consumers": 1,
        "deadline_s": 30.0,
        "retry_delays_s": (5.0, 30.0),
        "successors": {"follow": NEXT_QUEUE},
        "decode": lambda body: decode_job(EnhanceJob, body),
        "run": run,
    }
    return Lane(**{**fields, **changes})


def answering(*outcomes: Outcome | BaseException) -> Callable[[Job], Awaitable[Outcome]]:
    """A stage that answers, or raises, one after the other; the last one for ever."""
    left = deque(outcomes)

    async def run(_job: Job) -> Outcome:
        outcome = left.popleft() if len(left) > 1 else left[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return run


def section(name: str, value: Mapping[str, Any] | None = None) -> SetSection:
    """A write."""
    return SetSection("acme", "7", name, f"{SUBMITTED_AT}-{JOB_ID}", value or {})


ONE_PURGE = PurgeUrl("https://cdn/7.png")
JUST_DONE = Done()


@contextmanager
def quick_and_quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait a millisecond wherever the engine would back off, and render no logs."""
    for module in ("patience", "consume"):
        monkeypatch.setattr(f"orchestrator.runtime.{module}.backoff_s", lambda *_, **__: 0.001)
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
    try:
        yield
    finally:
        structlog.reset_defaults()


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Let the loop run until ``condition`` holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.002)
