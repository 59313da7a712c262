"""Whatever moment an orchestrator of both roads is killed at: every job ends in one place, its effects once."""

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import wrong_ends
from tests.kit.load import Planned, mixed
from tests.kit.relevance_catalogue import seed_catalogue
from tests.kit.relevance_load import relevance_jobs, wrong_ends_of

DRAIN_LIMIT_S = 60.0
PATIENCE_S = 900.0
"""Late is a missed figure, never is a lost job: the test waits long enough to tell one from the other."""
CI_KILLS = 8


@pytest.mark.parametrize(
    ("jobs", "kills"),
    [
        pytest.param(300, CI_KILLS, marks=pytest.mark.timeout(240)),
        pytest.param(3_000, 60, marks=[pytest.mark.chaos, pytest.mark.timeout(3600)]),
    ],
)
async def test_no_kill_loses_or_repeats_anything_in_any_of_the_six_queues(
    all_servers: Servers, tmp_path: Path, seed: int, jobs: int, kills: int
) -> None:
    chance = random.Random(seed)
    await seed_catalogue(all_servers)
    # A kill costs each job in hand one delivery. The limit is there for jobs that kill the process; these do not.
    options = Options(roads=("enhance", "relevance"), stub_workers=1, consumers=4, queue={"delivery_limit": 1000})
    async with Deployment(all_servers, tmp_path, options) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start(crash_at="")
        described = relevance_jobs(seed, jobs * 2 // 3, deployment.outside)
        enhanced = mixed(seed, jobs - len(described), deployment.outside)
        load = chance.sample([*described, *enhanced], jobs)
        publishing = asyncio.create_task(publish_in_waves(deployment, load, waves=kills))
        killed = 0
        while killed < kills:
            if chance.random() < 0.75:  # the others hit it while it starts
                await orchestrator.ready()
            await asyncio.sleep(chance.uniform(0, 0.9))
            killed += orchestrator.kill_life()
        last_kill = time.monotonic()
        await publishing
        await orchestrator.ready()
        await deployment.drained(PATIENCE_S if kills > CI_KILLS else DRAIN_LIMIT_S)
        drained_s = time.monotonic() - last_kill
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        for name in ("lost", "missing_next", "unexpected", "double_terminal", "duplicate_effects", "missing_effects"):
            what = f"{name.replace('_', ' ')} over six queues after {kills} kills of the orchestrator"
            at_most(f"R1.relevance.{name}.{kills}", what, len(getattr(verdict, name)), 0, jobs)
        what = f"seconds until all six queues were drained after the last of {kills} kills"
        at_most(f"R1.relevance.drained_s.{kills}", what, round(drained_s, 1), DRAIN_LIMIT_S, jobs)
        assert verdict.ok, str(verdict)
        assert wrong_ends(evidence, enhanced) == []
        assert wrong_ends_of(evidence, described) == []


async def publish_in_waves(deployment: Deployment, load: Sequence[Planned], waves: int) -> None:
    size = max(1, len(load) // waves)
    for start in range(0, len(load), size):
        await deployment.publish(load[start : start + size])
        await asyncio.sleep(0.5)
