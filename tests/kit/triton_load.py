"""Load for a tritonserver: so many clients that ask one after the other, and what they and the server saw of it."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from PIL import Image
from tritonclient.grpc.aio import InferenceServerClient

from tests.kit.image_files import encoded

LEAST_CALLS = 4
"""Of each client."""
Ask = Callable[[], Awaitable[object]]


class Point(TypedDict):
    """One measurement. ``rows`` per request; ``batch`` is the mean number of rows that went through the model together,
    ``queue_ms`` how long a request waited for that, both as the server counted."""

    model: str
    rows: int
    clients: int
    rows_per_s: float
    p50_ms: float
    p99_ms: float
    batch: float
    queue_ms: float
    requests: int


@dataclass(frozen=True, slots=True)
class _Counts:
    requests: int
    rows: int
    batches: int
    queued_ns: int


async def measured(
    server: InferenceServerClient, model: str, ask: Ask, *, rows: int, clients: int, seconds: float
) -> Point:
    """``clients`` call ``ask``, which sends ``rows`` rows to ``model``, for ``seconds``; what began is waited for."""
    before = await _counts(server, model)
    began = time.monotonic()
    taken = [
        ms for part in await asyncio.gather(*(_client(ask, began + seconds) for _ in range(clients))) for ms in part
    ]
    elapsed_s = time.monotonic() - began
    now = await _settled(server, model, before.requests + len(taken))
    return Point(
        model=model,
        rows=rows,
        clients=clients,
        rows_per_s=round(len(taken) * rows / elapsed_s, 1),
        p50_ms=round(float(np.percentile(taken, 50)), 1),
        p99_ms=round(float(np.percentile(taken, 99)), 1),
        batch=round((now.rows - before.rows) / (now.batches - before.batches), 1),
        queue_ms=round((now.queued_ns - before.queued_ns) / len(taken) / 1e6, 1),
        requests=len(taken),
    )


async def _client(ask: Ask, until: float) -> list[float]:
    """Milliseconds of every call."""
    taken = []
    while len(taken) < LEAST_CALLS or time.monotonic() < until:
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


async def _settled(server: InferenceServerClient, model: str, requests: int) -> _Counts:
    """The counts when ``requests`` are among them: the server counts an answer after it has sent it."""
    async with asyncio.timeout(20):
        while (found := await _counts(server, model)).requests < requests:
            await asyncio.sleep(0.05)
    return found


async def _counts(server: InferenceServerClient, model: str) -> _Counts:
    (found,) = (await server.get_inference_statistics(model)).model_stats
    done = found.inference_stats
    return _Counts(done.success.count, found.inference_count, found.execution_count, done.queue.ns)


def different_pictures(count: int, width: int = 320, height: int = 240) -> Iterator[bytes]:
    """JPEG files, over and over; all of them are made at once."""
    numbers = np.random.default_rng(0)
    cells = numbers.integers(0, 256, (count, height // 20, width // 20, 3), np.uint8)
    return itertools.cycle([encoded(Image.fromarray(each).resize((width, height)), "JPEG") for each in cells])
