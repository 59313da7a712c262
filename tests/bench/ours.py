"""One side of a benchmark: the engine with its own broker, ledger, worker pool, logs and metrics, as wiring builds it.

Only the stage is the benchmark's: it fetches and stores no picture, so that a bare loop can do the same remote calls.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from orchestrator.cli.run import keep_what_is_loaded
from orchestrator.clients.canaries.canary import canary_for
from orchestrator.clients.http import open_session
from orchestrator.clients.workers.enhance import EnhanceClient
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.config import PoolSpec, Settings
from orchestrator.domain.decoding import decode_job
from orchestrator.domain.jobs import Content, EnhanceJob, EnhanceUpdateJob, Job, Skipped
from orchestrator.domain.outcome import Done, Next, Outcome
from orchestrator.domain.pictures import SkippedPicture
from orchestrator.observe import Metrics, configure_logging
from orchestrator.runtime.delivery_deadline import Drain
from orchestrator.runtime.engine import BoundQueue, Engine
from orchestrator.runtime.lifecycle import Consumers
from orchestrator.runtime.rabbitmq import RabbitBroker
from orchestrator.stores.apply import StoreApplier
from orchestrator.stores.mongo import MongoDocuments
from tests.bench.plan import NEXT_QUEUE, PICTURE, WORK_QUEUE, Meter, Plan, plan_from_command_line, report

DRAIN_S = 10.0
SHA256 = "0" * 64
CONTENT = Content(sha256=SHA256, phash="0" * 16, width=1, height=1, format="jpeg", bytes=len(PICTURE))


def _update(job: EnhanceJob, content: Content, skipped: str) -> Done:
    update = EnhanceUpdateJob(
        business_id=job.business_id,
        image_id=job.image_id,
        image_url=job.image_url,
        served_urls=job.served_urls,
        content_sha256=content.sha256,
        job_id=job.job_id,
        submitted_at=job.submitted_at,
        content=content,
        enhanced=Skipped(skipped=skipped, source_sha256=content.sha256),
    )
    return Done(publish=(Next("next", update),))


async def posting(job: Job, *, enhancer: EnhanceClient, meter: Meter) -> Outcome:
    """Asks a worker, and passes on what it said."""
    assert isinstance(job, EnhanceJob)
    answer = await enhancer.enhance(PICTURE, image_type=job.image_type, force=job.force, sha256=SHA256)
    meter.tick()
    assert isinstance(answer, SkippedPicture)
    return _update(job, answer.content, answer.reason)


async def sleeping(job: Job, *, work_s: float, meter: Meter) -> Outcome:
    """Takes its time, and passes the job on."""
    assert isinstance(job, EnhanceJob)
    await asyncio.sleep(work_s)
    meter.tick()
    return _update(job, CONTENT, "slept")


def _work_queue(plan: Plan, run: Callable[[Job], Awaitable[Outcome]]) -> BoundQueue:
    return BoundQueue(
        name=WORK_QUEUE,
        consumers=plan.consumers,
        deadline_s=120,
        retry_delays_s=(5, 30, 300),
        next_queues={"next": NEXT_QUEUE},
        decode=partial(decode_job, EnhanceJob),
        run=run,
    )


async def main(plan: Plan) -> None:
    """Work through the plan and report."""
    settings = Settings(mode="servers", amqp_url=plan.amqp_url, mongo_url=plan.mongo_url)
    configure_logging(settings.log_level, settings.log_format, [])
    meter = Meter(plan)
    broker = RabbitBroker(settings)
    documents = MongoDocuments(plan.mongo_url, plan.mongo_database, timeout_s=settings.store_timeout_s)
    spec = PoolSpec(endpoints=(plan.worker_url,), max_in_flight=plan.consumers)
    async with open_session() as session:
        pool = WorkerPool("enhance", spec, session, service="enhance", canary=partial(canary_for, "enhance"))
        await pool.start()
        engine = Engine(
            broker=broker,
            ledger=documents,
            dead_letters=documents,
            applier=StoreApplier(documents, None, None, announce=None),  # type: ignore[arg-type]  # the stage asks for no writes
            metrics=Metrics(),
            drain=Drain(),
            ack_timeout_s=settings.ack_timeout_s,
        )
        if plan.work_s is None:
            stage = partial(posting, enhancer=EnhanceClient(pool), meter=meter)
        else:
            stage = partial(sleeping, work_s=plan.work_s, meter=meter)
        consumers = Consumers([_work_queue(plan, stage)], engine)
        consumers.start()
        keep_what_is_loaded()
        await meter.done.wait()
        await consumers.drain(DRAIN_S)
        await pool.close()
    await broker.close()
    await documents.close()
    report(meter)


if __name__ == "__main__":
    asyncio.run(main(plan_from_command_line()))
