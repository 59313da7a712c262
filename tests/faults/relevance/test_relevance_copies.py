"""The same message, many times at once, in several processes: one row, document, vector and object per job."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import read_ledger
from tests.kit.relevance_catalogue import seed_catalogue
from tests.kit.relevance_load import ROAD, relevance_jobs, wrong_ends_of

COPIES, PROCESSES = 5, 3


@pytest.mark.parametrize("jobs", [40, pytest.param(500, marks=[pytest.mark.chaos, pytest.mark.timeout(1200)])])
async def test_five_copies_in_three_processes_leave_one_of_everything_in_every_store(
    all_servers: Servers, tmp_path: Path, seed: int, jobs: int
) -> None:
    await seed_catalogue(all_servers)
    async with Deployment(all_servers, tmp_path, Options(roads=("relevance",))) as deployment:
        await deployment.workers_ready()
        load = relevance_jobs(seed, jobs, deployment.outside, {"healthy": 1})
        # The copies wait in the queue, so that the processes take them at the same time.
        await deployment.publish(load, copies=COPIES)
        await asyncio.gather(*(deployment.start() for _ in range(PROCESSES)))
        await deployment.drained(60 + jobs)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        rows = len(await asyncio.to_thread(read_ledger, deployment))
        extra = len(verdict.duplicate_effects) + rows - len(ROAD) * jobs
        what = f"extra rows, documents, vectors and objects, every message {COPIES} times to {PROCESSES} orchestrators"
        at_most(f"R3.relevance.extra.{jobs}", what, extra, 0, jobs)
        assert verdict.clean, str(verdict)
        assert wrong_ends_of(evidence, load) == []
        assert rows == len(ROAD) * jobs
