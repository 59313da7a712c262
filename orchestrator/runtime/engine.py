"""What the engine works with: the bound queues, its ports, and the context of one delivery."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from orchestrator.domain.errors import JobFailed, Reason
from orchestrator.domain.headers import Envelope
from orchestrator.domain.jobs import Job
from orchestrator.domain.ledger import End, LedgerEntry
from orchestrator.domain.outcome import Outcome
from orchestrator.observe import Metrics
from orchestrator.runtime.delivery_deadline import DeliveryDeadline, Drain
from orchestrator.runtime.ports import Applier, Broker, DeadLetterIndex, Delivery, Ledger, Message


@dataclass(frozen=True, slots=True)
class BoundQueue:
    """A queue with what happens to its jobs: how they are decoded, and the stage that runs.

    ``next_queues`` maps the stage of a next job to its queue; ``decode`` raises JobRefused.
    """

    name: str
    consumers: int
    deadline_s: float
    retry_delays_s: tuple[float, ...]
    next_queues: Mapping[str, str]
    decode: Callable[[bytes], Job]
    run: Callable[[Job], Awaitable[Outcome]]

    def next_queue(self, stage: str) -> str:
        """The queue of the next job's stage. Raises JobFailed: queues.yaml may be corrected by the next attempt."""
        if stage not in self.next_queues:
            raise JobFailed("no_next_queue", f"queues.{self.name}.next: name a queue that runs the stage '{stage}'")
        return self.next_queues[stage]


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything the engine works with."""

    broker: Broker
    ledger: Ledger
    dead_letters: DeadLetterIndex
    applier: Applier
    metrics: Metrics
    drain: Drain
    ack_timeout_s: float


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """One delivery in progress. ``job`` is None when the body could not be decoded. Times: Unix ms, and monotonic s."""

    delivery: Delivery
    queue: BoundQueue
    envelope: Envelope
    job: Job | None
    deadline: DeliveryDeadline
    received_at: int
    started: float

    @property
    def age_s(self) -> float:
        """Seconds from the first time the job was read from this queue to this delivery."""
        return (self.received_at - self.envelope.first_seen) / 1000

    def same_body(self, envelope: Envelope) -> Message:
        """The message as it came, in ``envelope``."""
        return Message(self.delivery.body, envelope.headers(), self.job.job_id if self.job else None)

    def ledger_entry(self, outcome: End, reason: Reason | None) -> LedgerEntry | None:
        """The ledger's line; None for a body that names no job, which only the dead-letter index can know."""
        if self.job is None or self.job.job_id is None:
            return None
        return LedgerEntry(
            job_id=self.job.job_id,
            queue=self.queue.name,
            outcome=outcome,
            attempts=self.envelope.attempt,
            business_id=self.job.business_id,
            image_id=self.job.image_id,
            received_at=self.received_at,
            took_ms=(time.monotonic() - self.started) * 1000,
            reason=reason,
            replays=self.envelope.replays,
        )


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000
