"""A job that kills the process is contained: it ends in its error queue, and the others are done."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.operations import connected
from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.load import PROCESS, healthy
from tests.kit.pictures import picture

LIMIT = 5
POISON = 9001


@pytest.mark.timeout(120)
@pytest.mark.parametrize("consumers", [1, 4])
async def test_a_job_that_kills_the_process_reaches_its_error_queue_after_the_limit(
    consumers: int, servers: Servers, tmp_path: Path
) -> None:
    options = Options(consumers=consumers, queue={"delivery_limit": LIMIT})
    async with Deployment(servers, tmp_path, options) as deployment:
        await deployment.workers_ready()
        [poison] = healthy(1, deployment.outside, start=POISON)
        assert poison.source is not None
        # It kills after a while, as running out of memory does: its neighbours have moved on until then.
        poison.source.body = picture(POISON, "sleep", 400)
        others = healthy(200, deployment.outside)
        await deployment.publish([*others[:40], poison, *others[40:]])
        orchestrator = await deployment.start(
            crash_at=",".join(["after_enhance:1"] * 3 * LIMIT), image=f"b1/{poison.image_id}", ready=False
        )
        await asyncio.sleep(2)
        await deployment.drained(80)
        deliveries = len(orchestrator.crashes())
        what = f"deliveries of a job that kills the process, limit {LIMIT}, consumers: {consumers}"
        at_most(f"R10.deliveries.{consumers}", what, deliveries, LIMIT + 1, 1)
        # RabbitMQ 3.10 gives the job back to idle consumers of the dying connection, in vain, and counts that too:
        # about two deliveries a death with 4 consumers. With one there is no other.
        assert deliveries == LIMIT + 1 or (consumers > 1 and 1 < deliveries <= LIMIT)
        verdict = check(await deployment.evidence())
        print(verdict)
        assert verdict.ok, str(verdict)
        assert dict(verdict.counts)["done"] == 2 * len(others)
        async with connected(deployment.settings, deployment.pipeline) as call:
            letters = await call("dlq.list", {"queue": PROCESS})
        assert [(letter["job_id"], letter["reason"]) for letter in letters] == [(poison.job_id, "delivery_limit")]
