"""Small hand-written stand-ins for what the engine works with: one world, its jobs, queues and stages."""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.jobs import EnhanceJob, Job
from orchestrator.domain.outcome import Done, Outcome, PurgeUrl, SetSection
from orchestrator.observe import Metrics
from orchestrator.runtime.delivery_deadline import Drain
from orchestrator.runtime.engine import BoundQueue, Engine
from orchestrator.runtime.ports import Broker, Delivery
from tests.kit.fake_broker import QUEUE, FakeBroker, Journal
from tests.kit.fake_stores import SUBMITTED_AT, FakeApplier, FakeIndex, FakeLedger

JOB_ID = "018bcfe5-6800-7000-8000-00000000abcd"
NEXT_QUEUE = "after"
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@dataclass(frozen=True)
class World:
    """Everything fake around one engine. ``run`` is what the queue's stage answers."""

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


def job_id(number: int) -> str:
    """The number-th of many job ids."""
    return f"018bcfe5-6800-7000-8000-{number:012d}"


def body_of(**changes: Any) -> bytes:
    """The body of a job with an identity; None leaves a field out."""
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


def bound_queue(run: Callable[[Job], Awaitable[Outcome]], **changes: Any) -> BoundQueue:
    """A queue of QUEUE with two retry tiers whose stage is ``run``."""
    fields: dict[str, Any] = {
        "name": QUEUE,
        "consumers": 1,
        "deadline_s": 30.0,
        "retry_delays_s": (5.0, 30.0),
        "next_queues": {"follow": NEXT_QUEUE},
        "decode": lambda body: decode_job(EnhanceJob, body),
        "run": run,
    }
    return BoundQueue(**{**fields, **changes})


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
    for module in ("delivery_deadline", "consume"):
        monkeypatch.setattr(f"orchestrator.runtime.{module}.backoff_s", lambda *_, **__: 0.001)
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
