"""What the engine costs over a hand-written loop that makes the same remote calls."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.bench.plan import Measured, Plan
from tests.bench.sides import ROOT, Ratios, open_bench
from tests.kit.figures import record
from tests.kit.mongod import Mongod
from tests.kit.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = 7
CONSUMERS = 16
WARM_UP = 300
JOBS = 1200
CPU_AT_MOST = 1.15
RATE_AT_LEAST = 0.90


@pytest.fixture
def stub_worker() -> Iterator[str]:
    """The URL of a worker that answers at once."""
    command = [sys.executable, "-m", "tests.bench.stub_worker"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["listening"]
        finally:
            process.kill()


async def test_what_a_job_costs_over_a_bare_loop(
    rabbitmq: RabbitMQ, vhost_name: str, mongod: Mongod, mongo_database: str, stub_worker: str, tmp_path: Path
) -> None:
    plan = Plan(
        rabbitmq.amqp_url(vhost_name), mongod.url, mongo_database, stub_worker, CONSUMERS, warm_up=WARM_UP, jobs=JOBS
    )
    ours: list[Measured] = []
    bare: list[Measured] = []
    async with open_bench(rabbitmq, vhost_name) as bench:
        for number in range(ROUNDS):
            # A-B, B-A, A-B: neither side always has the warmer machine.
            for side in ("ours", "bare") if number % 2 == 0 else ("bare", "ours"):
                measured = await bench.round(side, plan, tmp_path / f"{side}.log")
                (ours if side == "ours" else bare).append(measured)
                print(f"{side}: {measured.cpu_us_per_job:.0f} us/job, {measured.jobs_per_s:.0f} jobs/s", flush=True)
    _record(ours, bare)


def _record(ours: list[Measured], bare: list[Measured]) -> None:
    pairs = list(zip(ours, bare, strict=True))
    cpu = Ratios(tuple(a.cpu_us_per_job / b.cpu_us_per_job for a, b in pairs))
    rate = Ratios(tuple(a.jobs_per_s / b.jobs_per_s for a, b in pairs))
    jobs = f"{ROUNDS} rounds of {JOBS} jobs"
    record(
        ROOT / "build/bench.json",
        {
            "id": "P1-cpu",
            "what": "processor time of a job, over a bare loop",
            "value": round(cpu.median, 3),
            "target": f"<= {CPU_AT_MOST}",
            "holds": cpu.median <= CPU_AT_MOST,
            "n": jobs,
            "spread": cpu.spread,
            "peer": f"aio-pika + aiohttp + motor by hand: {median(b.cpu_us_per_job for b in bare):.0f} us a job",
        },
    )
    record(
        ROOT / "build/bench.json",
        {
            "id": "P1-rate",
            "what": f"jobs per second with {CONSUMERS} consumers, over a bare loop",
            "value": round(rate.median, 3),
            "target": f">= {RATE_AT_LEAST}",
            "holds": rate.median >= RATE_AT_LEAST,
            "n": jobs,
            "spread": rate.spread,
            "peer": f"the same loop: {median(b.jobs_per_s for b in bare):.0f} jobs/s",
        },
    )
