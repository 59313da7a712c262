"""``python -m tests.faults.relevance.stopping run``: the orchestrator, stopping at named points.

STOP_AT=hot/r1:before_write_relevance,hot/r2:after_tag   each once, on the way of the job of that image

It stops as one does whose machine hangs: SIGSTOP, with every connection open. SIGCONT lets it go on in the middle of
what it was about to do.
"""

import os
import signal

from structlog.contextvars import get_contextvars

from orchestrator.cli import main as command_line
from tests.faults import crashing
from tests.faults.crashing import wrap
from tests.faults.relevance.crashing import POINTS, PORTS


class StopPoints:
    """Stops the process once at each point of the order."""

    def __init__(self, order: str) -> None:
        self._left = {tuple(each.split(":")) for each in order.split(",") if each}
        if unknown := {point for _, point in self._left} - {*POINTS, *crashing.POINTS}:
            raise SystemExit(f"STOP_AT: no points {', '.join(sorted(unknown))}")

    def passed(self, name: str) -> None:
        """Called at every point."""
        here = (get_contextvars().get("image"), name)
        if here in self._left:
            self._left.discard(here)
            os.write(2, f"STOPPED AT {name}\n".encode())
            os.kill(os.getpid(), signal.SIGSTOP)


def main() -> None:
    """Run the command line with every port wrapped."""
    points = StopPoints(os.environ.get("STOP_AT", ""))
    for port in PORTS:
        wrap(*port, points.passed)
    command_line()


if __name__ == "__main__":
    main()
