"""How much of its time a consumer works, when the rest goes into confirm, ledger, ack and the next delivery."""

from pathlib import Path

import pytest

from tests.bench.plan import Plan
from tests.bench.sides import ROOT, Ratios, open_bench
from tests.kit.figures import record
from tests.kit.mongod import Mongod
from tests.kit.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = 7
CONSUMERS = 8


@pytest.mark.parametrize(("work_ms", "jobs", "at_least"), [(50, 300, 0.97), (10, 800, 0.90)])
async def test_the_share_of_its_time_a_consumer_works(
    rabbitmq: RabbitMQ,
    vhost_name: str,
    mongod: Mongod,
    mongo_database: str,
    tmp_path: Path,
    work_ms: int,
    jobs: int,
    at_least: float,
) -> None:
    plan = Plan(
        rabbitmq.amqp_url(vhost_name),
        mongod.url,
        mongo_database,
        worker_url="",
        consumers=CONSUMERS,
        warm_up=10 * CONSUMERS,
        jobs=jobs,
        work_s=work_ms / 1000,
    )
    shares: dict[str, list[float]] = {"ours": [], "bare": []}
    async with open_bench(rabbitmq, vhost_name) as bench:
        for number in range(ROUNDS):
            for side in ("ours", "bare") if number % 2 == 0 else ("bare", "ours"):
                measured = await bench.round(side, plan, tmp_path / f"{side}.log")
                shares[side].append(measured.jobs * work_ms / 1000 / (CONSUMERS * measured.wall_s))
                print(f"{side}: {work_ms} ms jobs, busy {shares[side][-1]:.3f}", flush=True)
    ours, bare = (Ratios(tuple(shares[side])) for side in ("ours", "bare"))
    record(
        ROOT / "build/bench.json",
        {
            "id": f"P4-{work_ms}ms",
            "what": f"busy share of {CONSUMERS} consumers at prefetch 1, jobs of {work_ms} ms",
            "value": round(ours.median, 3),
            "target": f">= {at_least}",
            "holds": ours.median >= at_least,
            "n": f"{ROUNDS} rounds of {jobs} jobs",
            "spread": ours.spread,
            "peer": f"1 would be no overhead at all; a bare loop: {bare.median:.3f} ({bare.spread})",
        },
    )
