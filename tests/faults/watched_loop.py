"""``python -m tests.faults.watched_loop run``: the orchestrator, with its event loop under watch.

Once a second it writes the worst lateness of a timer that is due every 5 ms: as it was, and without the time in which
the thread could have run and some other process had the CPU. The kernel counts that time: the second figure of
/proc/<pid>/task/<tid>/schedstat, see Documentation/scheduler/sched-stats.rst.
"""

import asyncio
import os
import re
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from orchestrator.cli import main as command_line
from orchestrator.runtime.lifecycle import Consumers

PERIOD_S = 0.005
REPORT_S = 1.0


class Lag(NamedTuple):
    """Lateness in ms: as it was, and without the waiting for a CPU."""

    raw_ms: float
    own_ms: float


def waited_for_cpu_s() -> float:
    """How long this thread has been ready to run while something else ran."""
    path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
    return int(Path(path).read_text().split()[1]) / 1e9


async def watch() -> None:
    """Report for ever."""
    loop = asyncio.get_running_loop()
    while True:
        worst, reported = Lag(0.0, 0.0), loop.time()
        while loop.time() < reported + REPORT_S:
            waited_s, due = waited_for_cpu_s(), loop.time() + PERIOD_S
            await asyncio.sleep(PERIOD_S)
            late_s = loop.time() - due
            own_s = max(0.0, late_s - (waited_for_cpu_s() - waited_s))
            worst = Lag(max(worst.raw_ms, late_s * 1000), max(worst.own_ms, own_s * 1000))
        os.write(2, f"LOOP LAG {worst.raw_ms:.1f} {worst.own_ms:.1f}\n".encode())


def lags(log: str) -> list[Lag]:
    """What was reported, one value a second."""
    return [Lag(float(raw), float(own)) for raw, own in re.findall(r"^LOOP LAG (\S+) (\S+)$", log, re.MULTILINE)]


def main() -> None:
    """Run the command line; the watch begins with the consumers, when everything has been imported and connected."""
    start, tasks = Consumers.start, []

    def started(self: Consumers) -> None:
        start(self)
        tasks.append(asyncio.create_task(watch(), name="loop-watch"))

    Consumers.start = started  # type: ignore[method-assign]
    sys.argv[0] = "justlens"
    command_line()


if __name__ == "__main__":
    main()
