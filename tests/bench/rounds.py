"""Sides that do the same work, taken in turns, and the rows that come of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.bench.sides import ROOT, Ratios
from tests.kit.figures import record

BENCH = ROOT / "build/bench.json"


@dataclass(slots=True)
class Times:
    """Seconds of every round: as the clock has it, and of all processors together."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def take(self, work: Callable[[], object]) -> None:
        """Do ``work`` and note how long it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self.cpu_s.append(time.process_time() - cpu)
        self.wall_s.append(time.perf_counter() - wall)


def interleaved(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """A-B, B-A, A-B: no side always has the warmer machine."""
    times = {name: Times() for name in sides}
    for number in range(rounds):
        for name in sides if number % 2 == 0 else reversed(sides):
            times[name].take(sides[name])
    return times


@dataclass(frozen=True, slots=True)
class Faster:
    """How many times as fast ``ours`` is as ``theirs``."""

    ours: Times
    theirs: Times

    @property
    def cpu(self) -> Ratios:
        """In processor time, which other work on the machine hardly changes."""
        return _ratios(self.ours.cpu_s, self.theirs.cpu_s)

    @property
    def wall(self) -> Ratios:
        """By the clock."""
        return _ratios(self.ours.wall_s, self.theirs.wall_s)

    def said(self) -> str:
        """What belongs beside the median of processor time."""
        least = min(self.theirs.cpu_s) / min(self.ours.cpu_s)
        return (
            f"{len(self.ours.cpu_s)} rounds, CPU time; least to least {least:.2f}, by the clock {self.wall.median:.2f}"
        )


def _ratios(ours: list[float], theirs: list[float]) -> Ratios:
    return Ratios(tuple(b / a for a, b in zip(ours, theirs, strict=True)))


@dataclass(frozen=True, slots=True)
class Figure:
    """A row before it is measured: its id, what it is, the least that is asked, and what else must hold."""

    id: str
    what: str
    at_least: float
    also: str = ""


def note(figure: Figure, faster: Faster, peer: str, also: bool = True) -> None:
    """Record the row. ``also`` is whether the other condition holds."""
    measured = faster.cpu.median
    target = f">= {figure.at_least:g}" + (f", {figure.also}" if figure.also else "")
    record(
        BENCH,
        {
            "id": figure.id,
            "what": figure.what,
            "value": round(measured, 2),
            "target": target,
            "holds": bool(measured >= figure.at_least and also),
            "n": faster.said(),
            "spread": faster.cpu.spread,
            "peer": peer,
        },
    )
