"""What the checker compares: the jobs that were published, and what is found of them in the end. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class JobKey(NamedTuple):
    """One job in one queue, named as in queues.yaml."""

    job_id: str
    queue: str

    def __str__(self) -> str:
        return f"{self.job_id}@{self.queue}"


class Hop(NamedTuple):
    """The job ``done`` in one queue implies the job ``next`` in another."""

    done: JobKey
    next: JobKey

    def __str__(self) -> str:
        return f"{self.done} -> {self.next}"


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that happened outside: an object under its key, a section in its version, a purge of a URL.

    ``times`` is how often it took effect, ``allowed`` how often it may. ``job``, if given, is the job that owes it.
    """

    identity: str
    times: int
    allowed: int = 1
    job: JobKey | None = None

    def __str__(self) -> str:
        return f"{self.identity} ({self.times} times, {self.allowed} allowed)"


@dataclass(frozen=True, slots=True)
class Miscount:
    """The broker counts ``total`` messages of a queue where ``found`` were seen."""

    queue: str
    total: int
    found: int

    def __str__(self) -> str:
        return f"{self.queue} (total {self.total}, found {self.found})"


@dataclass(frozen=True, slots=True)
class Copies:
    """A job that is there more than once, in places that at-least-once delivery allows for a while."""

    key: JobKey
    done: bool
    dead: int
    queued: int

    def __str__(self) -> str:
        return f"{self.key} ({'done, ' if self.done else ''}dead {self.dead}, queued {self.queued})"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was tried, and what is there at the end.

    ``confirmed`` and ``unknown`` are the publishes from outside: answered with yes, and not answered. ``done`` are
    the ledger's entries. ``dead`` counts the messages in error.<queue>, ``queued`` those still in a main queue, in
    its retry tiers or held in transit. ``expected_next`` names, for a job in a queue, the jobs that follow from it
    being done. ``detours`` names, for a job that may have to go through another queue first, the job it is there;
    ``routed`` are the jobs of which the ledger says that they are on that way. ``totals`` is the broker's own count
    per queue, over its main queue, retry tiers and error queue, taken at the moment ``dead`` and ``queued`` describe;
    a queue left out is not counted.
    """

    confirmed: frozenset[JobKey]
    unknown: frozenset[JobKey] = frozenset()
    done: frozenset[JobKey] = frozenset()
    dead: Mapping[JobKey, int] = field(default_factory=dict)
    queued: Mapping[JobKey, int] = field(default_factory=dict)
    expected_next: Mapping[JobKey, tuple[JobKey, ...]] = field(default_factory=dict)
    detours: Mapping[JobKey, JobKey] = field(default_factory=dict)
    routed: frozenset[JobKey] = frozenset()
    effects: tuple[Effect, ...] = ()
    totals: Mapping[str, int] = field(default_factory=dict)

    @property
    def found(self) -> frozenset[JobKey]:
        """Every job that is somewhere."""
        return self.done | present(self.dead) | present(self.queued)

    def followers(self, key: JobKey) -> tuple[JobKey, ...]:
        """Every job that this one can publish."""
        away = self.detours.get(key)
        return (*self.expected_next.get(key, ()), *(() if away is None else (away,)))


def present(copies: Mapping[JobKey, int]) -> frozenset[JobKey]:
    """The jobs of which there is at least one copy."""
    return frozenset(key for key, number in copies.items() if number > 0)
