"""An orchestrator hangs in the middle of a write and wakes up when a newer job is done: the newer one's word stays."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestrator.config import load_settings
from orchestrator.runtime.ports import Message
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.faults.figures import at_most
from tests.kit.blueprint import settings_of
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import read_ledger, right
from tests.kit.load import SCORE, SEO, TAG
from tests.kit.orchestrators import Orchestrator
from tests.kit.relevance_catalogue import seed_catalogue
from tests.kit.relevance_gathering import SECTIONS, Found, find
from tests.kit.relevance_load import PlannedRelevance, relevance_job
from tests.kit.watching import until

PREFIX = "other."
ONE_OF_EACH_STORE = ("before_write_section_clip", "before_write_relevance", "before_write_alt_text")
WRITES = (
    *ONE_OF_EACH_STORE,
    "before_write_original",
    "before_write_section_description",
    "before_write_section_seo",
    "before_write_vectors_images",
    "before_write_vectors_descriptions",
    "after_find_metadata",
    "after_tag",
    "after_describe",
)
LATER_MS = 1000


@pytest.mark.parametrize(
    ("rounds", "frozen_s"), [(3, 0.0), pytest.param(50, 6.0, marks=[pytest.mark.chaos, pytest.mark.timeout(1800)])]
)
async def test_what_a_newer_job_wrote_survives_an_older_one_that_was_stopped_in_the_middle(
    all_servers: Servers, tmp_path: Path, seed: int, rounds: int, frozen_s: float
) -> None:
    chance = random.Random(seed)
    points = ONE_OF_EACH_STORE if rounds == len(ONE_OF_EACH_STORE) else chance.choices(WRITES, k=rounds)
    await seed_catalogue(all_servers)
    async with Deployment(all_servers, tmp_path, Options(roads=("relevance",), consumers=1)) as deployment:
        await deployment.workers_ready()
        async with other_orchestrator(deployment) as other:
            older = [relevance_job(number, "healthy", deployment.outside) for number in range(1, rounds + 1)]
            stopping = await stopping_orchestrator(deployment, older, points)
            wrong: list[str] = []
            for number, job in enumerate(older, start=1):
                newer = newer_than(job, deployment, same_picture=chance.random() < 0.5)
                await deployment.publish([job])
                await until(lambda n=number: stopped(stopping, n), 20, f"{points[number - 1]} to be reached")
                await other.publish(newer.queue, Message(newer.body, {}, newer.job_id))
                await until(lambda job=newer: ended(deployment, job), 20, "the newer job to be done")
                before = await asyncio.to_thread(find, deployment, [])
                await asyncio.sleep(frozen_s)
                stopping.thaw()
                await until(lambda job=job: ended(deployment, job), 40, "the older job to be done")
                after = await asyncio.to_thread(find, deployment, [])
                tagged = TAG in await done_at(deployment, newer)
                wrong += [f"{points[number - 1]}: {each}" for each in not_of(newer, tagged, before, after)]
                assert right(after.objects.get(job.original), job.source.body), "the older job's picture"
        print(*wrong, sep="\n")
        at_most(f"R25.overwritten.{rounds}", "newer results that an older job replaced", len(wrong), 0, rounds)
        assert wrong == []


def newer_than(job: PlannedRelevance, deployment: Deployment, *, same_picture: bool) -> PlannedRelevance:
    """A job about the same image, submitted later; its picture is another one unless it is to be the same."""
    assert job.version is not None
    later = int(job.version.partition("-")[0]) + LATER_MS
    number = job.number if same_picture else job.number + 1_000_000
    changes = {"image_id": job.image_id, "submitted_at": later}
    return relevance_job(number, "healthy", deployment.outside, **changes)


def not_of(newer: PlannedRelevance, tagged: bool, before: Found, after: Found) -> list[str]:
    """What is not the newer job's, or is no longer as it was when that was done.

    A job that found its very picture tagged already leaves those sections as they are.
    """
    image, left = newer.image, set() if tagged else {"clip", "content"}
    stored = {name: after.metadata[image].get(name, {}) for name in SECTIONS} | {"relevance": after.relevance[image]}
    wrong = [name for name in stored.keys() - left if stored[name].get("version") != newer.version]
    wrong += [name for name in SECTIONS if after.metadata[image].get(name) != before.metadata[image].get(name)]
    wrong += ["alt text"] * ((image, newer.version) not in after.alt_texts)
    wrong += ["relevance"] * (after.relevance[image] != before.relevance[image])
    wrong += ["image vector"] * (stored["clip"]["vector_key"] not in after.vectors["images"])
    wrong += ["description vector"] * (stored["relevance"]["vector_key"] not in after.vectors["descriptions"])
    return wrong + [key for key, etag in before.objects.items() if after.objects.get(key) != etag]


@asynccontextmanager
async def other_orchestrator(deployment: Deployment) -> AsyncIterator[RabbitBroker]:
    """A second one on the same stores with queues of its own, so that nothing of it reaches the stopped one."""
    own = {**settings_of(deployment.servers, deployment.queues_file, deployment.outside.purge_url)}
    broker = RabbitBroker(load_settings(**own, queue_prefix=PREFIX))
    try:
        await broker.apply_topology(deployment.pipeline)
        await deployment.start(queue_prefix=PREFIX)
        yield broker
    finally:
        await broker.close()


async def stopping_orchestrator(
    deployment: Deployment, jobs: Sequence[PlannedRelevance], points: Sequence[str]
) -> Orchestrator:
    """The one that stops once on the way of each job."""
    order = ",".join(f"{job.image}:{point}" for job, point in zip(jobs, points, strict=True))
    environment = deployment.environment() | {"STOP_AT": order}
    process = deployment.processes.start_orchestrator(environment, "tests.faults.relevance.stopping")
    await process.ready()
    return process


async def stopped(orchestrator: Orchestrator, times: int) -> bool:
    """Whether it has stopped that often so far."""
    return orchestrator.log.read_text(errors="replace").count("STOPPED AT ") >= times


async def done_at(deployment: Deployment, job: PlannedRelevance) -> set[str]:
    """The queues in which the job is done."""
    rows = await asyncio.to_thread(read_ledger, deployment)
    return {row["queue"] for row in rows if row["job_id"] == job.job_id and row["outcome"] == "done"}


async def ended(deployment: Deployment, job: PlannedRelevance) -> bool:
    """Whether the job is done in the queues where the road ends."""
    return {SCORE, SEO} <= await done_at(deployment, job)
