"""How much of its time a consumer works, when the rest goes into confirm, ledger, ack and the next delivery.

Each of the three is on disk before it is answered, so the time of an fsync bounds what any consumer can reach here.
"""

import os
import time
from pathlib import Path
from statistics import median

import pytest

from tests.bench.plan import Plan
from tests.bench.sides import ROOT, Ratios, open_bench
from tests.kit.figures import record
from tests.kit.mongod import Mongod
from tests.kit.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = 7


@pytest.mark.parametrize(("work_ms", "consumers", "jobs", "at_least"), [(50, 8, 300, 0.97), (10, 2, 300, 0.90)])
async def test_the_share_of_its_time_a_consumer_works(
    rabbitmq: RabbitMQ,
    vhost_name: str,
    mongod: Mongod,
    mongo_database: str,
    tmp_path: Path,
    work_ms: int,
    consumers: int,
    jobs: int,
    at_least: float,
) -> None:
    urls = (rabbitmq.amqp_url(vhost_name), mongod.url, mongo_database)
    plan = Plan(*urls, "", consumers=consumers, warm_up=10 * consumers, jobs=jobs, work_s=work_ms / 1000)
    shares: dict[str, list[float]] = {"ours": [], "bare": []}
    async with open_bench(rabbitmq, vhost_name) as bench:
        for number in range(ROUNDS):
            for side in ("ours", "bare") if number % 2 == 0 else ("bare", "ours"):
                measured = await bench.round(side, plan, tmp_path / f"{side}.log")
                shares[side].append(measured.jobs * work_ms / 1000 / (consumers * measured.wall_s))
                print(f"{side}: {work_ms} ms jobs, busy {shares[side][-1]:.3f}", flush=True)
    ours, bare = (Ratios(tuple(shares[side])) for side in ("ours", "bare"))
    record(
        ROOT / "build/bench.json",
        {
            "id": f"P4-{work_ms}ms",
            "what": f"busy share of {consumers} consumers at prefetch 1, jobs of {work_ms} ms",
            "value": round(ours.median, 3),
            "target": f">= {at_least}",
            "holds": ours.median >= at_least,
            "n": f"{ROUNDS} rounds of {jobs} jobs",
            "spread": ours.spread,
            "peer": f"a bare loop: {bare.median:.3f} ({bare.spread}); one fsync: {_fsync_ms(tmp_path):.1f} ms",
        },
    )


def _fsync_ms(folder: Path) -> float:
    """The median time, in milliseconds, of writing a little to a file and having it on disk."""
    taken = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(b"x" * 512)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - started)
    return median(taken) * 1000
