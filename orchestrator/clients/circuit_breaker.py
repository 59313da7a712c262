"""Which endpoint is used next, and when one is not used at all: pure decisions, times are monotonic seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Policy = Literal["round_robin", "least_in_flight"]
PERSISTENTLY_BUSY_S = 60.0
"""An endpoint that has said nothing but "busy" for this long has failed, whatever its reason."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit breaker: closed (in use), open (ejected), half_open (a canary request is finding out).

    Source: M. Nygard, "Release It!", 2007, section "Circuit Breaker". What finds out here is never a job. ``failed``
    are the jobs that failed since one was served, each counted once: an image that fails every time says nothing of
    the endpoint. ``probe_at`` is when the next canary is due, ``busy_since`` when the present run of busy answers
    began.
    """

    state: Literal["closed", "open", "half_open"] = "closed"
    failed: frozenset[int] = frozenset()
    probe_at: float = 0.0
    busy_since: float | None = None


CLOSED = Circuit()


def on_failure(
    circuit: Circuit, job: int, *, now: float, eject_after: int, probe_after_s: float, last_in_use: bool
) -> Circuit:
    """After ``job`` failed on the endpoint.

    A closed circuit opens when ``eject_after`` different jobs have failed. The endpoint then rests for
    ``probe_after_s``, unless it is ``last_in_use``: jobs are waiting for it, so it is asked at once.
    """
    failed = circuit.failed | {job}
    if circuit.state != "closed" or len(failed) < eject_after:
        return replace(circuit, failed=failed)
    return Circuit("open", failed, now if last_in_use else now + probe_after_s, circuit.busy_since)


def on_busy(circuit: Circuit, *, now: float, probe_after_s: float, last_in_use: bool) -> Circuit:
    """After a 503. It is no failure until the endpoint has said so for PERSISTENTLY_BUSY_S.

    One that is ``last_in_use`` is never ejected for it: no job is charged for a 503.
    """
    since = now if circuit.busy_since is None else circuit.busy_since
    if circuit.state == "closed" and now - since >= PERSISTENTLY_BUSY_S and not last_in_use:
        return Circuit("open", circuit.failed, now + probe_after_s, since)
    return replace(circuit, busy_since=since)


def on_probe(circuit: Circuit) -> Circuit:
    """A canary is on its way; until it is back there is no other."""
    return replace(circuit, state="half_open")


def on_no_answer(circuit: Circuit, *, probe_at: float) -> Circuit:
    """After a canary that was not answered; the next one is due at ``probe_at``."""
    return replace(circuit, state="open", probe_at=probe_at)


def choose(loads: Sequence[int | None], policy: Policy, cursor: int) -> int | None:
    """The index of the endpoint for the next request, or None when there is none.

    ``loads`` are the requests in flight per endpoint, None for one that is not eligible. Round robin takes the first
    eligible one from ``cursor`` on; least in flight takes the smallest load, and the first from ``cursor`` on among
    equals. The caller moves the cursor to one past the answer.
    """
    order = [index % len(loads) for index in range(cursor, cursor + len(loads))]
    eligible = [(load, index) for index in order if (load := loads[index]) is not None]
    if not eligible:
        return None
    if policy == "round_robin":
        return eligible[0][1]
    return min(eligible, key=lambda pair: pair[0])[1]
