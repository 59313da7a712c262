"""What one round of a benchmark asks of a process, how it counts, and what it answers."""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass

WORK_QUEUE = "work"
NEXT_QUEUE = "after"
PICTURE = bytes(range(256)) * 8
"""What is POSTed. Small, so that the round measures the handling of a job and not the copying of a picture."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``jobs`` are measured after ``warm_up`` ones; ``work_s`` None means a POST to the worker, else a sleep."""

    amqp_url: str
    mongo_url: str
    mongo_database: str
    worker_url: str
    consumers: int
    warm_up: int
    jobs: int
    work_s: float | None = None

    def encode(self) -> str:
        """The plan as a command-line argument."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Measured:
    """Processor time of the whole process, all threads, and wall time, both for ``jobs`` jobs."""

    jobs: int
    cpu_s: float
    wall_s: float

    @property
    def cpu_us_per_job(self) -> float:
        """Microseconds of processor time for one job."""
        return self.cpu_s / self.jobs * 1e6

    @property
    def jobs_per_s(self) -> float:
        """Throughput."""
        return self.jobs / self.wall_s


class Meter:
    """Counts jobs where their work ends, and measures from the end of the warm-up to the last job."""

    def __init__(self, plan: Plan) -> None:
        self._first, self._last = plan.warm_up, plan.warm_up + plan.jobs
        self._count = 0
        self._begin = (0.0, 0.0)
        self.result: Measured | None = None
        self.done = asyncio.Event()

    def tick(self) -> None:
        """One more job."""
        self._count += 1
        if self._count == self._first:
            self._begin = (time.process_time(), time.perf_counter())
        elif self._count == self._last:
            cpu_s, wall_s = time.process_time() - self._begin[0], time.perf_counter() - self._begin[1]
            self.result = Measured(self._last - self._first, cpu_s, wall_s)
            self.done.set()


def plan_from_command_line() -> Plan:
    """The plan this process was started with."""
    return Plan(**json.loads(sys.argv[1]))


def report(meter: Meter) -> None:
    """Tell the test what was measured."""
    assert meter.result is not None
    print(json.dumps(asdict(meter.result)), flush=True)
