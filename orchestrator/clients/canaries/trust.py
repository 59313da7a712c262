"""What calls have told about one endpoint or model: whether jobs may be sent to it, and whose fault a failure is."""

from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from orchestrator.clients.circuit_breaker import CLOSED, Circuit, on_busy, on_failure, on_no_answer, on_probe

V = TypeVar("V")

REMEMBERED_JOBS = 256
"""Failed jobs, by their hash, that are told apart."""
ALONE_S = 60.0
"""So long a job may find no memory while no other one is served; then a canary tells whether others would be."""


@dataclass(frozen=True, slots=True)
class _Shortage:
    served_before: int
    since: float


class Trust:
    """The circuit of one endpoint or model, and the jobs that it failed.

    Jobs are told apart by a hash of what was sent. Those that failed before a canary was answered have failed where
    others are served: they are known, and their next failures are their own.
    """

    __slots__ = ("_eject_after", "_known", "_probe_after_s", "_short", "circuit", "served")

    def __init__(self, eject_after: int = 3, probe_after_s: float = 10.0) -> None:
        self.circuit: Circuit = CLOSED
        self.served = 0
        self._eject_after = eject_after
        self._probe_after_s = probe_after_s
        self._known: OrderedDict[int, None] = OrderedDict()
        self._short: OrderedDict[int, _Shortage] = OrderedDict()

    @property
    def holds(self) -> bool:
        """Whether jobs may be sent, and are charged for failing."""
        return self.circuit.state == "closed"

    def note_served(self) -> None:
        """A job was done. While the circuit is open that is a straggler from before, which proves nothing."""
        self.served += 1
        if self.holds:
            self.circuit = CLOSED

    def note_failure(self, job: int, *, last_in_use: bool) -> bool:
        """A job failed. Returns whether that was the failure that ended the trust."""
        held = self.holds
        if held and job in self._known:
            return False
        self.circuit = on_failure(
            self.circuit,
            job,
            now=monotonic(),
            eject_after=self._eject_after,
            probe_after_s=self._probe_after_s,
            last_in_use=last_in_use,
        )
        return held and not self.holds

    def note_busy(self, *, last_in_use: bool) -> bool:
        """It had no time. Returns whether that ended the trust."""
        held = self.holds
        self.circuit = on_busy(
            self.circuit, now=monotonic(), probe_after_s=self._probe_after_s, last_in_use=last_in_use
        )
        return held and not self.holds

    def note_shortage(self, job: int) -> bool:
        """It had no memory for the job. Returns whether the job is to blame: others were served since the first time
        that it was short of memory."""
        shortage = self._short.get(job)
        if shortage is None:
            _keep(self._short, job, _Shortage(self.served, monotonic()))
            return False
        return self.served > shortage.served_before

    def forget_shortage(self, job: int) -> None:
        """The job was charged for it; its next attempt begins anew."""
        self._short.pop(job, None)

    def is_alone(self, job: int) -> bool:
        """Whether the job has been short of memory for ALONE_S with no other job served to compare it with."""
        shortage = self._short.get(job)
        return shortage is not None and monotonic() - shortage.since >= ALONE_S

    def begin_probe(self) -> None:
        """A canary is on its way."""
        self.circuit = on_probe(self.circuit)

    def end_probe(self, *, answered: bool, again_in_s: float | None = None) -> None:
        """The canary is back; without an answer the next one is due after ``again_in_s`` (None: the usual time)."""
        if answered:
            for job in self.circuit.failed:
                _keep(self._known, job, None)
            self.served += 1
            self.circuit = CLOSED
        else:
            wait_s = self._probe_after_s if again_in_s is None else again_in_s
            self.circuit = on_no_answer(self.circuit, probe_at=monotonic() + wait_s)


def _keep(memory: OrderedDict[int, V], key: int, value: V) -> None:
    memory[key] = value
    while len(memory) > REMEMBERED_JOBS:
        memory.popitem(last=False)
