"""Publishing jobs: checked against their schema first, stamped, then confirmed by the broker one by one."""

import asyncio
from typing import Any

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import ConfigurationError, JobRefused, PublishUnconfirmed, Unavailable
from orchestrator.domain.headers import Envelope
from orchestrator.domain.jobs import Job
from orchestrator.observe import continue_trace
from orchestrator.runtime.engine import now_ms
from orchestrator.runtime.ports import Broker, Message
from orchestrator.stages import STAGES
from orchestrator.wiring import System

IN_FLIGHT = 64


async def publish(system: System, queue: str, bodies: list[str], dry_run: bool = False) -> list[dict[str, Any]]:
    """Publish one job per body to ``queue``. One answer each, in order: {"job_id"} or {"error", "unknown"}.

    ``not_sent`` beside an error says that the broker surely does not have it: it is away, full, or has no such queue.
    ``unknown`` is true when the broker did not answer in time: the job may be there. Publish it again with the same
    job_id, which the answer names; a job done twice is a job done once. With ``dry_run`` bodies are only checked.
    """
    if queue not in system.pipeline.queues:
        raise ConfigurationError([f"queue: no queue '{queue}'; known: {', '.join(system.pipeline.queues)}"])
    permits = asyncio.Semaphore(IN_FLIGHT)

    async def one(body: str) -> dict[str, Any]:
        async with permits:
            return await _publish_one(system, queue, body.encode("utf-8", "replace"), dry_run)

    return list(await asyncio.gather(*(one(body) for body in bodies)))


async def _publish_one(system: System, queue: str, body: bytes, dry_run: bool) -> dict[str, Any]:
    stage = STAGES[system.pipeline.queues[queue].stage]
    try:
        job: Job = decode_job(stage.job_type, body).with_identity(now_ms())
    except JobRefused as refusal:
        return {"error": str(refusal.reason), "unknown": False}
    if dry_run:
        return {"job_id": job.job_id}
    try:
        await publish_confirmed(system.broker, queue, job)
    except PublishUnconfirmed as unsure:
        return {"job_id": job.job_id, "error": str(unsure), "unknown": True}
    except Unavailable as away:
        return {"job_id": job.job_id, "error": str(away), "unknown": False, "not_sent": True}
    return {"job_id": job.job_id}


async def publish_confirmed(broker: Broker, queue: str, job: Job, traceparent: str | None = None) -> None:
    """Put a new job into ``queue``, in the trace that ``traceparent`` names or one of its own. Returns once the broker
    has it; raises Unavailable."""
    envelope = Envelope(1, now_ms(), traceparent=continue_trace(traceparent))
    await broker.publish(queue, Message(job.encode(), envelope.headers(), job.job_id))
