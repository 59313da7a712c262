"""Which endpoint is used next, and when one is not used at all: pure decisions, times are monotonic seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Policy = Literal["round_robin", "least_in_flight"]
PERSISTENTLY_BUSY_S = 60.0
"""An endpoint that has said nothing but "busy" for this long has failed, whatever its reason."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit breaker: closed (in use), open (ejected), half_open (one request is finding out).

    Source: M. Nygard, "Release It!", 2007, section "Circuit Breaker". ``failures`` are consecutive; ``opened_at`` is
    when it opened last, ``busy_since`` when the present run of busy answers began.
    """

    state: Literal["closed", "open", "half_open"] = "closed"
    failures: int = 0
    opened_at: float = 0.0
    busy_since: float | None = None


CLOSED = Circuit()


def on_failure(circuit: Circuit, *, now: float, eject_after: int, last_in_use: bool) -> Circuit:
    """After a request that the endpoint failed.

    A failed probe opens the circuit again. A closed circuit opens at the ``eject_after``-th failure in a row, unless
    it is ``last_in_use``: a pool that ejected its last endpoint would be down for certain.
    """
    failures = circuit.failures + 1
    if circuit.state == "closed" and (failures < eject_after or last_in_use):
        return replace(circuit, failures=failures)
    opened_at = circuit.opened_at if circuit.state == "open" else now
    return Circuit("open", failures, opened_at, circuit.busy_since)


def on_busy(circuit: Circuit, *, now: float, eject_after: int, last_in_use: bool) -> Circuit:
    """After a 503. It is no failure until the endpoint has said so for PERSISTENTLY_BUSY_S.

    A busy probe has found out nothing: the circuit stays open and the next request may probe.
    """
    since = now if circuit.busy_since is None else circuit.busy_since
    noted = replace(circuit, busy_since=since, state="closed" if circuit.state == "closed" else "open")
    if circuit.state == "closed" and now - since >= PERSISTENTLY_BUSY_S:
        return on_failure(noted, now=now, eject_after=eject_after, last_in_use=last_in_use)
    return noted


def on_probe(circuit: Circuit) -> Circuit:
    """A request that is to find out is on its way; until it is back there is no other."""
    return replace(circuit, state="half_open")


def on_no_answer(circuit: Circuit) -> Circuit:
    """After a request that was given up on this side: a probe has found out nothing, the next may go at once."""
    return replace(circuit, state="open") if circuit.state == "half_open" else circuit


def lets_through(circuit: Circuit, *, now: float, probe_after_s: float) -> bool:
    """Whether a request may go: always while closed, as a probe ``probe_after_s`` after it opened, else not."""
    if circuit.state == "open":
        return now >= circuit.opened_at + probe_after_s
    return circuit.state == "closed"


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
