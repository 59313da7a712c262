"""An image host that asks for time, or whose uploads are still under way, costs its own jobs nothing they need."""

import asyncio
import json
from pathlib import Path
from typing import Any

from orchestrator.domain.queue_names import error_queue
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import peek, read_ledger
from tests.kit.load import PROCESS, Planned, healthy, planned
from tests.kit.odd_host import OddHost
from tests.kit.pictures import picture
from tests.kit.process import wait_until


async def test_a_host_that_asks_for_time_charges_no_job_and_holds_up_no_other_host(
    servers: Servers, tmp_path: Path
) -> None:
    options = Options(consumers=2, queue={"retry_delays_s": [0.3, 1]})
    with OddHost(picture(1)) as host:
        async with Deployment(servers, tmp_path, options) as deployment:
            await deployment.workers_ready()
            await deployment.start(fetch_host_parallel="1", fetch_host_per_second="50")
            throttled = at_host(deployment, host, "/limited?2,3", 12, start=0)
            others = healthy(12, deployment.outside, start=100)
            await deployment.publish([job for pair in zip(throttled, others, strict=True) for job in pair])
            # The broker's counts lag behind jobs that go from tier to tier: the ledger tells when all are done.
            await asyncio.to_thread(wait_until, lambda: len(processed(deployment)) == 24, 40, "every job to be done")
            letters = await peek(deployment, error_queue(PROCESS))
            assert [(each.headers["x-error-code"], each.headers["x-error-message"]) for each in letters] == []
            done = processed(deployment)
            assert {job.image_id for job in (*throttled, *others)} == done.keys()
            assert {(row["outcome"], row["attempts"]) for row in done.values()} == {("done", 1)}
            first_throttled = min(done[job.image_id]["received_at"] for job in throttled)
            assert max(done[job.image_id]["received_at"] for job in others) < first_throttled


async def test_an_upload_under_way_is_tried_again_and_a_short_one_is_dead(servers: Servers, tmp_path: Path) -> None:
    options = Options(queue={"retry_delays_s": [0.1, 0.2, 0.3, 0.4]})
    with OddHost(picture(1)) as host:
        async with Deployment(servers, tmp_path, options) as deployment:
            await deployment.workers_ready()
            await deployment.start()
            growing = at_host(deployment, host, "/growing-empty?2", 1, start=0)
            empty = at_host(deployment, host, "/empty200", 1, start=10)
            await deployment.publish([*growing, *empty])
            await deployment.drained(30)
            [letter] = await peek(deployment, error_queue(PROCESS))
            assert json.loads(letter.body)["image_id"] == empty[0].image_id
            assert (letter.headers["x-error-code"], letter.headers["x-error-attempts"]) == ("empty", 3)
            [row] = [each for each in read_ledger(deployment) if each["image_id"] == growing[0].image_id][:1]
            assert (row["outcome"], row["attempts"]) == ("done", 3)


def processed(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The ledger's entries of the enhance queue, by image id."""
    return {row["image_id"]: row for row in read_ledger(deployment) if row["queue"] == PROCESS}


def at_host(deployment: Deployment, host: OddHost, path: str, count: int, *, start: int) -> list[Planned]:
    """``count`` jobs whose image is at one path of ``host``."""
    return [
        planned(number, "healthy", deployment.outside, image_url=host.url + path)
        for number in range(start, start + count)
    ]
