"""What became of every job: the ledger's entry and the dead letter's, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.domain.errors import Reason

End = Literal["done", "dead", "dropped", "routed"]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The end of one job in one queue. Keyed by (job_id, queue); nothing replaces ``done``, anything replaces the rest.

    ``dropped`` is a dead letter an operator removed. ``routed`` is no end yet: the job went through another queue and
    comes back. ``attempts`` counts this one, ``replays`` how often an operator
    sent the job again. Times are Unix milliseconds, ``took_ms`` is from delivery to just before the ack.
    """

    job_id: str
    queue: str
    outcome: End
    attempts: int
    business_id: str
    image_id: str
    received_at: int
    took_ms: float
    reason: Reason | None = None
    replays: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of an error queue, as the index knows it.

    ``queue`` is where the job failed (without ``error.``). ``letter_id`` is unique within the queue: the job_id, or
    for a body that names none ``raw-`` and the beginning of the body's SHA-256; copies of one job share it.
    ``first_seen`` and ``died_at`` are Unix milliseconds; ``died_at`` 0 is unknown, and counts as long ago. ``headers``
    are as found on the message.
    """

    queue: str
    letter_id: str
    reason: Reason
    attempts: int
    replays: int
    first_seen: int
    died_at: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str | int] = field(default_factory=dict)
    job_id: str | None = None
    business_id: str | None = None
    image_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters are meant; what is None does not matter. Ages in seconds since the letter died."""

    queue: str | None = None
    reason: str | None = None
    business_id: str | None = None
    letter_id: str | None = None
    older_than_s: float | None = None
    newer_than_s: float | None = None

    def matches(self, letter: DeadLetter, now_ms: int) -> bool:
        """Whether ``letter`` is one of those meant."""
        age_s = (now_ms - letter.died_at) / 1000
        return (
            self.queue in (None, letter.queue)
            and self.reason in (None, letter.reason.code)
            and self.business_id in (None, letter.business_id)
            and self.letter_id in (None, letter.letter_id)
            and (self.older_than_s is None or age_s >= self.older_than_s)
            and (self.newer_than_s is None or age_s <= self.newer_than_s)
        )
