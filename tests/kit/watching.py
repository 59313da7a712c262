"""What fault tests do while something is broken: keep publishing, and watch what the system says and costs."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.runtime.ports import Message
from tests.kit.load import UPDATE, Planned
from tests.kit.orchestrators import Orchestrator

if TYPE_CHECKING:
    from tests.kit.deployment import Deployment


@contextlib.asynccontextmanager
async def steady(
    deployment: "Deployment", plan: Callable[[int], Planned], per_second: float, start: int = 1
) -> AsyncIterator[list[Planned]]:
    """Publish ``plan(start)``, ``plan(start + 1)`` and so on at a constant rate while the context lasts.

    The rate does not wait for answers, so an outage does not thin the load out. At the end every publish has been
    answered. Yields the list of what was published so far.
    """
    made: list[Planned] = []
    leaving = asyncio.Event()

    async def pace() -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as publishes:
            while not leaving.is_set():
                made.append(plan(start + len(made)))
                publishes.create_task(deployment.publish([made[-1]]))
                await asyncio.sleep(max(0.0, began + len(made) / per_second - time.monotonic()))

    pacing = asyncio.create_task(pace())
    try:
        yield made
        leaving.set()
        await pacing
    finally:
        pacing.cancel()
        await asyncio.gather(pacing, return_exceptions=True)


@contextlib.contextmanager
def timed_publishes(deployment: "Deployment") -> Iterator[list[float]]:
    """How many seconds each publish of the test's own broker took, whether it returned or raised."""
    broker, publish = deployment.broker, deployment.broker.publish
    seconds: list[float] = []

    async def timed(queue: str, message: Message) -> None:
        began = time.monotonic()
        try:
            await publish(queue, message)
        finally:
            seconds.append(time.monotonic() - began)

    broker.publish = timed  # type: ignore[method-assign]
    try:
        yield seconds
    finally:
        broker.publish = publish  # type: ignore[method-assign]


async def until(check: Callable[[], Awaitable[bool]], timeout_s: float, what: str) -> float:
    """Poll until ``check()`` is true; the seconds that took. Raises AssertionError naming ``what``."""
    began = time.monotonic()
    while not await check():
        assert time.monotonic() - began < timeout_s, f"waited {timeout_s:g} s for {what}"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def total(orchestrator: Orchestrator, sample: str, **labels: str) -> float:
    """The sum of the samples called ``sample`` in /metrics that have these labels."""
    return sum_of(await orchestrator.metrics(), sample, **labels)


def sum_of(text: str, sample: str, **labels: str) -> float:
    """The sum of the samples called ``sample`` in the text of /metrics that have these labels."""
    return sum(
        found.value
        for family in text_string_to_metric_families(text)
        for found in family.samples
        if found.name == sample and labels.items() <= found.labels.items()
    )


async def cpu_share(orchestrator: Orchestrator, seconds: float) -> float:
    """The share of one core that the process takes over the next ``seconds``."""
    process = psutil.Process(orchestrator.pid)
    before, began = process.cpu_times(), time.monotonic()
    await asyncio.sleep(seconds)
    after, ended = process.cpu_times(), time.monotonic()
    used_s: float = after.user + after.system - before.user - before.system
    return used_s / (ended - began)


def job_times_s(ledger: Sequence[Mapping[str, Any]], jobs: Iterable[Planned]) -> list[float]:
    """Seconds from each job's submission to the end of the job that follows from it, from the ledger's entries.

    Jobs without such an end are left out: that there are none is for the checker to say.
    """
    ended_at = {row["job_id"]: row["received_at"] + row["took_ms"] for row in ledger if row["queue"] == UPDATE}
    return [
        (ended_at[job.job_id] - int(job.version.partition("-")[0])) / 1000
        for job in jobs
        if job.version and job.job_id in ended_at
    ]


def quantile(values: Iterable[float], share: float) -> float:
    """The nearest-rank quantile: the least value that at least ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
