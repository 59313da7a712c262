"""Whatever moment an orchestrator is killed at: every confirmed job ends in exactly one place, its effects once."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import wrong_ends
from tests.kit.load import Planned, mixed

DRAIN_LIMIT_S = 60.0
PATIENCE_S = 600.0
"""Late is a missed figure, never is a lost job: the test waits long enough to tell one from the other."""


@pytest.mark.parametrize(
    ("jobs", "kills"),
    [
        pytest.param(1_000, 20, marks=pytest.mark.timeout(240)),
        pytest.param(10_000, 200, marks=[pytest.mark.chaos, pytest.mark.timeout(3600)]),
    ],
)
async def test_no_kill_of_an_orchestrator_loses_or_repeats_anything(
    servers: Servers, tmp_path: Path, seed: int, jobs: int, kills: int
) -> None:
    chance = random.Random(seed)
    # A kill costs each job in hand one delivery. The limit is there for jobs that kill the process; these do not.
    options = Options(consumers=8, queue={"delivery_limit": 1000})
    async with Deployment(servers, tmp_path, options) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start(crash_at="")
        load = mixed(seed, jobs, deployment.outside)
        publishing = asyncio.create_task(_publish_in_waves(deployment, load, waves=kills))
        killed = 0
        while killed < kills:
            if chance.random() < 0.75:  # the others hit it while it starts
                await orchestrator.ready()
            await asyncio.sleep(chance.uniform(0, 0.7))
            killed += orchestrator.kill_life()
        last_kill = time.monotonic()
        await publishing
        await orchestrator.ready()
        await deployment.drained(PATIENCE_S if kills > 20 else DRAIN_LIMIT_S)
        drained_s = time.monotonic() - last_kill
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        for name in ("lost", "unexpected", "double_terminal", "duplicate_effects"):
            what = f"{name.replace('_', ' ')} after {kills} kills of the orchestrator"
            at_most(f"R1.{name}.{kills}", what, len(getattr(verdict, name)), 0, jobs)
        what = f"seconds until drained after the last of {kills} kills"
        at_most(f"R1.drained_s.{kills}", what, round(drained_s, 1), DRAIN_LIMIT_S, jobs)
        assert verdict.ok, str(verdict)
        assert wrong_ends(evidence, load) == []
        assert kills > 20 or drained_s <= DRAIN_LIMIT_S


async def _publish_in_waves(deployment: Deployment, load: tuple[Planned, ...], waves: int) -> None:
    size = max(1, len(load) // waves)
    for start in range(0, len(load), size):
        await deployment.publish(load[start : start + size])
        await asyncio.sleep(0.5)
