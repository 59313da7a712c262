"""Did every job end, once? Compares what was published with what is found when the system has come to rest.

A job is followed by (job_id, queue). The rules are those of Jepsen's total-queue checker (jepsen.checker/total-queue:
attempts, acknowledged, ok, lost, unexpected, duplicated, recovered), with ends in place of dequeues, with the hops of
the pipeline, and with effects. Pure: nothing here asks a server.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from tests.kit.evidence import Copies, Effect, Evidence, Hop, JobKey, Miscount, present

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, by class; each tuple is sorted and empty when nothing is."""

    lost: tuple[JobKey, ...]
    """Confirmed, or evidently there because its successor is, and now nowhere."""
    missing_next: tuple[Hop, ...]
    """Done, or on a detour, but the job that follows from it is nowhere."""
    unexpected: tuple[JobKey, ...]
    """Found, though nobody published it and it follows from nothing."""
    double_terminal: tuple[JobKey, ...]
    """Two ends, or an end and still to do: done and dead, or dead and queued."""
    duplicate_effects: tuple[Effect, ...]
    """Took effect more often than allowed."""
    missing_effects: tuple[Effect, ...]
    """Owed by a job that is done, and never took effect."""
    unaccounted: tuple[Miscount, ...]
    """The broker's count and the messages found differ: something hides, or was seen twice."""
    redundant: tuple[Copies, ...]
    """Copies that at-least-once delivery allows for a while: not a mistake, but work still to be thrown away."""
    counts: tuple[tuple[str, int], ...]
    """How much was looked at; ``recovered`` are unknown publishes that turned out to be there."""

    @property
    def ok(self) -> bool:
        """Whether every promise was kept. Redundant copies do not break one."""
        return not any(getattr(self, name) for name in _classes() if name != "redundant")

    @property
    def clean(self) -> bool:
        """``ok``, and no copy is left over either."""
        return self.ok and not self.redundant

    def __str__(self) -> str:
        looked_at = ", ".join(f"{number} {name}" for name, number in self.counts)
        return "\n".join([f"{'OK' if self.ok else 'BROKEN'}: {looked_at}", *self._rows()])

    def _rows(self) -> Iterator[str]:
        for name in _classes():
            found = getattr(self, name)
            examples = "; ".join(str(example) for example in found[:_EXAMPLES])
            more = f"; and {len(found) - _EXAMPLES} more" if len(found) > _EXAMPLES else ""
            yield f"  {name:<18}{len(found):>6}  {examples}{more}".rstrip()


def check(evidence: Evidence) -> Verdict:
    """Judge a run."""
    found = evidence.found
    return Verdict(
        lost=tuple(sorted(_lost(evidence, found))),
        missing_next=tuple(sorted(_missing_next(evidence, found))),
        unexpected=tuple(sorted(found - _attempted(evidence))),
        double_terminal=tuple(sorted(present(evidence.dead) & (evidence.done | present(evidence.queued)))),
        duplicate_effects=tuple(effect for effect in evidence.effects if effect.times > effect.allowed),
        missing_effects=tuple(e for e in evidence.effects if e.times < 1 and e.job in evidence.done),
        unaccounted=tuple(_miscounts(evidence)),
        redundant=tuple(_copies(evidence, found)),
        counts=(
            ("confirmed", len(evidence.confirmed)),
            ("unknown", len(evidence.unknown)),
            ("recovered", len(evidence.unknown & found)),
            ("done", len(evidence.done)),
            ("dead", len(present(evidence.dead))),
            ("queued", len(present(evidence.queued))),
            ("effects", len(evidence.effects)),
        ),
    )


def _classes() -> list[str]:
    return [each.name for each in fields(Verdict) if each.name != "counts"]


def _attempted(evidence: Evidence) -> frozenset[JobKey]:
    """What may exist: the publishes from outside and all that can follow from them, done or not yet."""
    reached: set[JobKey] = set()
    frontier = set(evidence.confirmed | evidence.unknown)
    while frontier:
        reached |= frontier
        frontier = {after for key in frontier for after in evidence.followers(key)} - reached
    return frozenset(reached)


def _lost(evidence: Evidence, found: frozenset[JobKey]) -> Iterator[JobKey]:
    """A job that only its predecessor can have published proves that the predecessor was there.

    One on a detour is where the detour leads; whether that is somewhere is a question of what follows.
    """
    published_by_us = found - evidence.confirmed - evidence.unknown
    for key in _attempted(evidence) - found - evidence.routed:
        proofs = published_by_us.intersection(evidence.followers(key))
        if key in evidence.confirmed or proofs:
            yield key


def _missing_next(evidence: Evidence, found: frozenset[JobKey]) -> Iterable[Hop]:
    hops = {Hop(key, after) for key in evidence.done for after in evidence.expected_next.get(key, ())}
    hops |= {Hop(key, evidence.detours[key]) for key in evidence.routed - found}
    return {hop for hop in hops if hop.next not in found}


def _miscounts(evidence: Evidence) -> Iterator[Miscount]:
    for queue, total in sorted(evidence.totals.items()):
        found = sum(
            number
            for copies in (evidence.dead, evidence.queued)
            for key, number in copies.items()
            if key.queue == queue
        )
        if total != found:
            yield Miscount(queue, total, found)


def _copies(evidence: Evidence, found: frozenset[JobKey]) -> Iterator[Copies]:
    for key in sorted(found):
        done, dead, queued = key in evidence.done, evidence.dead.get(key, 0), evidence.queued.get(key, 0)
        if dead > 1 or queued > 1 or (done and queued):
            yield Copies(key, done, dead, queued)
