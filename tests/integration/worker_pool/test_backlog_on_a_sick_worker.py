"""A backlog in a queue whose only worker says that it is ready and does nothing right: nothing of it dies."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web

from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain.jobs import Job
from orchestrator.domain.outcome import Done, Outcome
from orchestrator.runtime.lifecycle import Consumers
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from tests.kit.fakes import World, body_of, bound_queue, job_id, new_world, quick_and_quiet
from tests.kit.polling import until
from tests.kit.pool import StubWorker, answers, call, pooled, works

JOBS = 8
DELAYS_S = (0.02, 0.05, 0.1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quick_and_quiet(monkeypatch):
        yield


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    pipeline = Pipeline(version=1, queues={"work": QueueSpec(stage="s", retry_delays_s=DELAYS_S)})
    opened = await LocalBroker(":memory:", pipeline).open()
    for number in range(JOBS):
        await opened.publish("work", Message(body_of(image_id=number, job_id=job_id(number)), {}, job_id(number)))
    yield opened
    await opened.close()


def at_work(world: World, broker: LocalBroker, pool: WorkerPool, consumers: int) -> Consumers:
    async def stage(job: Job) -> Outcome:
        await call(pool, f"image {job.image_id}".encode())
        return Done()

    queue = bound_queue(stage, consumers=consumers, retry_delays_s=DELAYS_S)
    started = Consumers([queue], world.engine(broker))
    started.start()
    return started


async def test_a_worker_that_fails_everything_costs_few_attempts_and_no_job(
    workers: list[StubWorker], broker: LocalBroker
) -> None:
    workers[0].behave = answers(500, "bug")
    world = new_world()
    async with pooled(workers[:1], probe_after_s=0.05, queue_wait_s=0.05, eject_after=3) as pool:
        consumers = at_work(world, broker, pool, consumers=JOBS)
        await until(lambda: workers[0].canaries >= 8)
        assert world.count("justlens_jobs_total", queue="work", outcome="retried") <= 3
        assert world.count("justlens_jobs_total", queue="work", outcome="dead") == 0

        workers[0].behave = works
        await until(lambda: len(world.ledger.entries) == JOBS)
        assert {entry.outcome for entry in world.ledger.entries.values()} == {"done"}
        assert await consumers.drain(5)


async def test_an_image_that_never_fits_ends_as_a_dead_letter_and_the_others_are_done(
    workers: list[StubWorker], broker: LocalBroker
) -> None:
    async def small(request: web.Request) -> web.StreamResponse:
        fits = await request.read() != b"image 3"
        return await (works if fits else answers(503, "out_of_memory", Retry_After="0"))(request)

    workers[0].behave = small
    world = new_world()
    async with pooled(workers[:1], probe_after_s=0.05, queue_wait_s=0.05) as pool:
        consumers = at_work(world, broker, pool, consumers=2)
        number = JOBS
        while len(world.index.letters) == 0:  # others keep coming
            await broker.publish("work", Message(body_of(image_id=number, job_id=job_id(number)), {}, job_id(number)))
            number += 1
            await until(lambda n=number: len(world.ledger.entries) >= n - 1)
        await until(lambda: len(world.ledger.entries) == number)
        assert await consumers.drain(5)

    [letter] = world.index.letters.values()
    assert (letter.reason.code, letter.job_id, letter.attempts) == ("out_of_memory", job_id(3), len(DELAYS_S) + 1)
    assert "7 bytes" in letter.reason.message
    outcomes = [entry.outcome for entry in world.ledger.entries.values()]
    assert sorted(set(outcomes)) == ["dead", "done"] and outcomes.count("dead") == 1
