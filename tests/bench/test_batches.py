"""How long a batch takes by its size, in every worker, and what it brings that the first one waits for company.

Draws deploy/plots/batches.png.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import psutil
import pytest

from orchestrator.clients.http import open_session
from tests.bench.batch_cores import Core, cores
from tests.bench.batch_plot import Curve, draw
from tests.bench.pictures import jpeg, photograph
from tests.bench.rounds import BENCH, Times
from tests.bench.sides import ROOT
from tests.kit.figures import record
from tests.kit.vector_client import VectorClient
from tests.kit.worker import Worker
from workers.training.text.corpus import short_sentences
from workers.wire import READY_PATH

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

SIZES = (1, 2, 4, 8, 16)
ROUNDS = 7
WINDOWS_MS = (0, 2, 10)
CLIENTS, REQUESTS = 8, 6


def test_batch_size_against_latency() -> None:
    curves = []
    for core in cores():
        times = _measured(core)
        curves.append(Curve(core.worker, core.item, {size: median(each.cpu_s) * 1000 for size, each in times.items()}))
        _row_of(core, times)
    said = f"built-in models, one CPU thread, processor time, medians of {ROUNDS} batches"
    draw(curves, said, ROOT / "deploy/plots/batches.png")


def _measured(core: Core) -> dict[int, Times]:
    core.prepared(1)()
    times = {size: Times() for size in SIZES}
    for number in range(ROUNDS):
        for size in SIZES if number % 2 == 0 else reversed(SIZES):
            times[size].take(core.prepared(size))
    return times


def _row_of(core: Core, times: dict[int, Times]) -> None:
    gains = sorted(one / (many / SIZES[-1]) for one, many in zip(times[1].cpu_s, times[SIZES[-1]].cpu_s, strict=True))
    ms = {size: median(each.cpu_s) * 1000 for size, each in times.items()}
    clock = median(times[SIZES[-1]].wall_s) * 1000
    _record(
        f"batch-{core.worker}",
        f"{core.worker}, {core.item}: processor time of one alone over one of a batch of {SIZES[-1]}",
        round(median(gains), 2),
        f"{gains[0]:.2f} to {gains[-1]:.2f}",
        f"ms by batch size: {', '.join(f'{size}: {each:.1f}' for size, each in ms.items())}; {clock:.0f} by the clock",
        f"{ROUNDS} rounds, 1 thread",
    )


@dataclass(slots=True)
class Window:
    """What clients of a worker saw with one window."""

    latency_s: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    batch: float = 0.0


@pytest.mark.parametrize("family", ["clip", "text"])
async def test_what_waiting_for_company_brings(family: str, tmp_path: Path) -> None:
    seen = {wait_ms: Window() for wait_ms in WINDOWS_MS}
    workers = {wait_ms: _worker(family, wait_ms, tmp_path) for wait_ms in WINDOWS_MS}
    try:
        async with open_session() as session:
            clients = {wait_ms: VectorClient(session, worker.url) for wait_ms, worker in workers.items()}
            for client in clients.values():
                await client.until(READY_PATH, 200)
            for number in range(ROUNDS):
                for wait_ms in WINDOWS_MS if number % 2 == 0 else reversed(WINDOWS_MS):
                    ask = partial(_ask, clients[wait_ms], _bodies(family, number))
                    await _load(ask, workers[wait_ms].process.pid, seen[wait_ms])
            for wait_ms, client in clients.items():
                seen[wait_ms].batch = await client.metric("batch_size_sum") / await client.metric("batch_size_count")
    finally:
        for worker in workers.values():
            worker.stop()
    _row_of_windows(family, seen)


def _worker(family: str, wait_ms: int, folder: Path) -> Worker:
    own = folder / str(wait_ms)
    own.mkdir()
    model, decoders = ("builtin", ("--decoders", "1")) if family == "clip" else ("minilm", ())
    options = ("--model", model, "--threads", "1", "--batch-wait-ms", str(wait_ms), "--max-batch", "8", *decoders)
    return Worker(own, *options, family=family)


def _bodies(family: str, number: int) -> list[bytes | str]:
    wanted = CLIENTS * REQUESTS
    if family == "text":
        return list(short_sentences(number, wanted))
    return [jpeg(photograph(320, 240, number * wanted + index)) for index in range(wanted)]


async def _ask(client: VectorClient, bodies: list[bytes | str], index: int) -> None:
    body = bodies[index]
    await (client.encode(body) if isinstance(body, str) else client.tagged(body))


async def _load(ask: Callable[[int], Awaitable[None]], pid: int, window: Window) -> None:
    """``CLIENTS`` at once, each of them REQUESTS times."""

    async def client(first: int) -> None:
        for index in range(first, first + REQUESTS):
            began = time.perf_counter()
            await ask(index)
            window.latency_s.append(time.perf_counter() - began)

    cpu_s, began = _cpu_s(pid), time.perf_counter()
    await asyncio.gather(*(client(number * REQUESTS) for number in range(CLIENTS)))
    window.rate.append(CLIENTS * REQUESTS / (time.perf_counter() - began))
    window.cpu_ms.append((_cpu_s(pid) - cpu_s) * 1000 / (CLIENTS * REQUESTS))


def _cpu_s(pid: int) -> float:
    """Of the worker and its decoders."""
    process = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True)))


def _row_of_windows(family: str, seen: dict[int, Window]) -> None:
    gains = sorted(a / b for a, b in zip(seen[2].rate, seen[0].rate, strict=True))
    said = "; ".join(
        f"{wait_ms} ms: {each.batch:.1f} a batch, {median(each.rate):.0f}/s, {median(each.latency_s) * 1000:.0f} ms, "
        f"CPU {median(each.cpu_ms):.1f} ms"
        for wait_ms, each in seen.items()
    )
    what = f"{family} over HTTP, {CLIENTS} clients: requests a second with a window of 2 ms over none"
    n = f"{ROUNDS} rounds of {CLIENTS * REQUESTS} requests"
    _record(f"window-{family}", what, round(median(gains), 2), f"{gains[0]:.2f} to {gains[-1]:.2f}", said, n)


def _record(name: str, what: str, value: float, spread: str, peer: str, n: str) -> None:
    target = "none: a curve"
    keys = ("id", "what", "value", "target", "holds", "n", "spread", "peer")
    record(BENCH, dict(zip(keys, (name, what, value, target, True, n, spread, peer), strict=True)))  # type: ignore[arg-type]
