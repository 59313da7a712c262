"""What the engine asks of a broker and of the stores. Each Protocol has two live implementations: servers, embedded.

Every method raises ``Unavailable`` when the thing behind it is away, and returns or raises within its own timeout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import Announce, Effect, Write

HeaderValue = str | int


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: the body, our headers, and the job it belongs to. The broker adds a fresh message_id."""

    body: bytes = field(repr=False)
    headers: Mapping[str, HeaderValue]
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it arrived. ``queue`` is the name in queues.yaml, without prefix.

    ``delivery_count`` is how often the broker delivered it before and got it back (x-delivery-count). ``receipt``
    belongs to the broker that made the delivery; nobody else looks inside.
    """

    queue: str
    body: bytes = field(repr=False)
    headers: Mapping[str, Any]
    message_id: str | None
    redelivered: bool
    delivery_count: int
    receipt: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Messages in a queue: ``ready`` to be delivered, ``unacked`` at consumers, ``total`` with those in transit."""

    ready: int
    unacked: int
    total: int
    consumers: int


class Subscription(Protocol):
    """One consumer on its own channel. Not shared between coroutines."""

    async def next(self, timeout_s: float | None = None) -> Delivery | None:
        """The next delivery. None after ``stop()`` once nothing is left over, or when ``timeout_s`` passed.

        Raises SubscriptionLost when the consumer is no longer attached.
        """

    async def stop(self) -> None:
        """Ask for no more deliveries. Those already here are still handed out by ``next``; acks still work."""

    async def close(self) -> None:
        """Detach. Deliveries that were not acked go back to the queue. Never raises."""


class Broker(Protocol):
    """Named queues of bytes with confirmed publishing, explicit acks, delayed retry and dead-lettering."""

    async def publish(self, queue: str, message: Message) -> None:
        """Put ``message`` into ``queue``; return only when the broker answered for it.

        Raises PublishUnconfirmed when unknown, Unroutable when no such queue exists.
        """

    async def subscribe(self, queue: str, *, prefetch: int = 1) -> Subscription:
        """Attach one consumer to ``queue``."""

    async def announce(self, announce: Announce) -> None:
        """Tell whoever listens to completion events. Returns when the broker took it; nobody needs to listen."""

    async def ack(self, delivery: Delivery) -> None:
        """The delivery is settled. On a channel that has gone this does nothing: the message comes again."""

    async def requeue(self, delivery: Delivery) -> None:
        """Give the delivery back to its queue (a nack). Counts towards the delivery limit in RabbitMQ 3 only."""

    async def depth(self, queue: str) -> QueueDepth:
        """How many messages ``queue`` holds. Raises Unroutable when it does not exist."""

    def attached(self) -> bool:
        """Whether the broker answers at this moment, both for publishing and for consuming."""

    async def close(self) -> None:
        """Let go of the broker. Never raises."""


class Ledger(Protocol):
    """What became of each job."""

    async def record_job(self, entry: LedgerEntry) -> None:
        """Write down a job's end. Nothing replaces ``done``; any end replaces ``dead`` and ``dropped``."""

    async def find_job(self, job_id: str, queue: str) -> LedgerEntry | None:
        """The end of this job in this queue, or None if it has none yet."""


class DeadLetterIndex(Protocol):
    """What lies in the error queues, for reading without touching them."""

    async def index_dead_letter(self, letter: DeadLetter) -> None:
        """Write down a dead letter; the same letter again replaces itself."""

    async def find_dead_letters(self, wanted: DeadLetterFilter, *, limit: int | None = None) -> Sequence[DeadLetter]:
        """The letters meant, newest first."""

    async def forget_dead_letter(self, queue: str, letter_id: str) -> None:
        """Remove a letter that left its error queue; one that is not there is no error."""


class Applier(Protocol):
    """Carries out what a stage answered. Both methods are idempotent."""

    async def write(self, write: Write) -> None:
        """Carry out one write. Raises JobRefused when the store refuses the value itself."""

    async def effect(self, effect: Effect) -> None:
        """Carry out one effect."""
