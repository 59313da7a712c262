"""Where a job is and what became of it: pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

from orchestrator.api.schemas import JobEnd, JobLetter, JobReport, Reason
from orchestrator.domain import errors
from orchestrator.domain.ledger import DeadLetter, LedgerEntry

State = Literal["nothing_recorded", "in_progress", "done", "dead", "dropped"]
Successors = Mapping[str, tuple[str, ...]]


def report(
    job_id: str, entries: Sequence[LedgerEntry], letters: Sequence[DeadLetter], next_queues: Successors
) -> JobReport:
    """What the ledger and the index of dead letters say of one job."""
    ends = sorted(entries, key=lambda entry: (entry.received_at, entry.queue))
    waiting = awaited(ends, next_queues)
    first = next(iter(ends), None) or next(iter(letters), None)
    return JobReport(
        job_id=job_id,
        state=_state(ends, letters, waiting),
        business_id=first.business_id if first else None,
        image_id=first.image_id if first else None,
        ends=tuple(map(_end, ends)),
        awaiting=waiting,
        dead_letters=tuple(map(_letter, letters)),
    )


def awaited(ends: Sequence[LedgerEntry], next_queues: Successors) -> tuple[str, ...]:
    """The queues that follow what is done and have recorded no end.

    A successor that leads back to where the job was is a detour, taken or not: it is awaited only when nothing else
    follows. A job that took one is awaited where it comes back to.
    """
    ended = {entry.queue for entry in ends if entry.outcome != "routed"}
    found = {entry.queue: None for entry in ends if entry.outcome == "routed"}
    for entry in ends:
        if entry.outcome == "done":
            following = next_queues.get(entry.queue, ())
            onward = [queue for queue in following if entry.queue not in _reachable(queue, next_queues)]
            found.update(dict.fromkeys(onward or following))
    return tuple(queue for queue in found if queue not in ended)


def _reachable(queue: str, next_queues: Successors) -> set[str]:
    seen: set[str] = set()
    ahead = [queue]
    while ahead:
        for following in next_queues.get(ahead.pop(), ()):
            if following not in seen:
                seen.add(following)
                ahead.append(following)
    return seen


def _state(ends: Sequence[LedgerEntry], letters: Sequence[DeadLetter], waiting: Sequence[str]) -> State:
    outcomes = {entry.outcome for entry in ends}
    if letters or "dead" in outcomes:
        return "dead"
    if "dropped" in outcomes:
        return "dropped"
    if not ends:
        return "nothing_recorded"
    return "in_progress" if waiting else "done"


def _end(entry: LedgerEntry) -> JobEnd:
    return JobEnd(
        queue=entry.queue,
        outcome=entry.outcome,
        attempts=entry.attempts,
        replays=entry.replays,
        received_at=entry.received_at,
        took_ms=entry.took_ms,
        reason=_reason(entry.reason) if entry.reason else None,
    )


def _letter(letter: DeadLetter) -> JobLetter:
    return JobLetter(
        queue=letter.queue,
        reason=_reason(letter.reason),
        attempts=letter.attempts,
        replays=letter.replays,
        died_at=letter.died_at,
    )


def _reason(reason: errors.Reason) -> Reason:
    # The stack of a bug is for operators: `justlens dlq show` has it.
    return Reason(code=reason.code, message=reason.message)
