"""A crash on either side of any call that crosses to the outside is safe."""

import asyncio
import random
from itertools import count
from pathlib import Path

import pytest

from tests.faults.crashing import POINTS
from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import wrong_ends
from tests.kit.load import Kind, planned

# One job for every way through the engine: each life of the process finds all points on its way.
BATCH: tuple[Kind, ...] = ("healthy", "unstamped", "hashed", "flaky_source", "not_a_picture", "undecodable", "healthy")
LEAVING_ONLY = ("before_publish_hand_back", "after_publish_hand_back")
POINT_TIMEOUT_S = 30


@pytest.mark.parametrize(
    "repeats",
    [
        pytest.param(1, marks=pytest.mark.timeout(240)),
        pytest.param(3, marks=[pytest.mark.chaos, pytest.mark.timeout(1200)]),
    ],
)
async def test_a_crash_at_any_point_loses_and_repeats_nothing(
    servers: Servers, tmp_path: Path, seed: int, repeats: int
) -> None:
    chance = random.Random(seed)
    points = [point for point in POINTS if point not in LEAVING_ONLY] * repeats
    chance.shuffle(points)
    orders = [f"{point}:{1 if repeats == 1 else chance.randint(1, 3)}" for point in points]
    options = Options(queue={"delivery_limit": 1000, "retry_delays_s": [0.05, 0.1, 0.2]})
    numbers = count(1)
    async with Deployment(servers, tmp_path, options) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start(crash_at=",".join(orders), ready=False)
        for done in range(1, len(points) + 1):
            await deployment.publish([planned(next(numbers), kind, deployment.outside) for kind in BATCH])
            async with asyncio.timeout(POINT_TIMEOUT_S):
                while len(orchestrator.crashes()) < done:
                    assert orchestrator.alive(), orchestrator.tail()
                    await asyncio.sleep(0.03)
        assert orchestrator.crashes() == points
        await orchestrator.ready()
        await deployment.drained(60)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        broken = sum(map(len, (verdict.lost, verdict.unexpected, verdict.double_terminal, verdict.duplicate_effects)))
        what = f"jobs lost or repeated over crashes at {len(set(points))} points, {repeats} times each"
        at_most(f"R2.broken.{repeats}", what, broken, 0, len(points))
        assert verdict.ok, str(verdict)
        assert wrong_ends(evidence, deployment.jobs) == []
