"""The same message, many times at once, in several processes: one row and one object per job."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Servers
from tests.kit.gathering import read_ledger, wrong_ends
from tests.kit.load import healthy

COPIES, PROCESSES = 5, 3


@pytest.mark.parametrize("jobs", [100, pytest.param(500, marks=[pytest.mark.chaos, pytest.mark.timeout(600)])])
async def test_five_copies_in_three_processes_leave_one_row_and_one_object(
    servers: Servers, tmp_path: Path, jobs: int
) -> None:
    async with Deployment(servers, tmp_path) as deployment:
        await deployment.workers_ready()
        load = healthy(jobs, deployment.outside)
        # The copies wait in the queue, so that the processes take them at the same time.
        await deployment.publish(load, copies=COPIES)
        await asyncio.gather(*(deployment.start() for _ in range(PROCESSES)))
        await deployment.drained(90)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        rows = len(await asyncio.to_thread(read_ledger, deployment))
        extra = len(verdict.duplicate_effects) + rows - 2 * jobs
        what = f"extra rows and objects, every message {COPIES} times to {PROCESSES} orchestrators"
        at_most(f"R3.extra.{jobs}", what, extra, 0, jobs)
        assert verdict.clean, str(verdict)
        assert wrong_ends(evidence, load) == []
        assert rows == 2 * jobs
