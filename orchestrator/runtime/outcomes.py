"""What the engine may do with a delivery beside a stage's own outcomes: frozen values, as those are."""

from dataclasses import dataclass

from orchestrator.domain.errors import Reason
from orchestrator.domain.jobs import Job
from orchestrator.domain.ledger import DeadLetter


@dataclass(frozen=True, slots=True)
class AssignIdentity:
    """The job has no identity yet: give it one, once, and take it from the queue again."""

    job: Job


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another copy of the job has come to its end, which was ``outcome``."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Release:
    """The job must wait for another process, or another time."""

    cause: str


EngineOutcome = AssignIdentity | Duplicate | Release


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a delivery: done, retried, dead, routed, stamped, duplicate, deferred or released."""

    outcome: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """Send a dead letter to its queue again: the same job, all attempts anew."""

    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class Replace:
    """Send ``job``, which has a new identity, in place of a dead letter."""

    letter: DeadLetter
    job: Job


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove a dead letter for good, on an operator's word."""

    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """Remove a dead letter whose job is done: it is a copy that came to nothing."""

    letter: DeadLetter


DeadLetterAction = Replay | Replace | Drop | AlreadyDone
