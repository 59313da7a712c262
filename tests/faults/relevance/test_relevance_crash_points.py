"""A crash on either side of any call of the relevance road that crosses to the outside is safe."""

import asyncio
import random
from itertools import count
from pathlib import Path

import pytest

from orchestrator.domain.catalogue.model import Category
from tests.faults.figures import at_most
from tests.faults.relevance.crashing import POINTS
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.relevance_catalogue import seed_catalogue
from tests.kit.relevance_load import RelevanceKind, relevance_job, wrong_ends_of

# The first job's business is new in every life, so that the words of its category have no vector yet.
BATCH: tuple[RelevanceKind, ...] = ("healthy", "unstamped", "not_a_picture")
POINT_TIMEOUT_S = 40


@pytest.mark.parametrize(
    "repeats",
    [
        pytest.param(1, marks=pytest.mark.timeout(300)),
        pytest.param(3, marks=[pytest.mark.chaos, pytest.mark.timeout(1800)]),
    ],
)
async def test_a_crash_at_any_point_of_the_relevance_road_loses_and_repeats_nothing(
    all_servers: Servers, tmp_path: Path, seed: int, repeats: int
) -> None:
    chance = random.Random(seed)
    points = [*POINTS] * repeats
    chance.shuffle(points)
    orders = [f"{point}:{1 if repeats == 1 else chance.randint(1, 3)}" for point in points]
    options = Options(
        roads=("relevance",), consumers=2, queue={"delivery_limit": 1000, "retry_delays_s": [0.05, 0.1, 0.2]}
    )
    await seed_catalogue(
        all_servers, {f"b{life}": [Category("c", f"Tea {life:03}", is_hot=True)] for life in range(len(points))}
    )
    numbers = count(1)
    async with Deployment(all_servers, tmp_path, options) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start(crash_at=",".join(orders), ready=False)
        for life in range(len(points)):
            await deployment.publish(
                relevance_job(next(numbers), kind, deployment.outside, business_id=f"b{life}") for kind in BATCH
            )
            async with asyncio.timeout(POINT_TIMEOUT_S):
                while len(orchestrator.crashes()) <= life:
                    assert orchestrator.alive(), orchestrator.tail()
                    await asyncio.sleep(0.03)
        assert orchestrator.crashes() == points
        await orchestrator.ready()
        await deployment.drained(60)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        broken = sum(map(len, (verdict.lost, verdict.unexpected, verdict.double_terminal, verdict.duplicate_effects)))
        what = f"jobs lost or repeated over crashes at {len(POINTS)} points of the relevance road, {repeats} times each"
        at_most(f"R2.relevance.broken.{repeats}", what, broken, 0, len(points))
        assert verdict.ok, str(verdict)
        assert wrong_ends_of(evidence, deployment.jobs) == []
