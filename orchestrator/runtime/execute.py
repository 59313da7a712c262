"""One delivery, from its bytes to an outcome. What to do about the outcome is settle's business."""

import asyncio
import time
import traceback
from dataclasses import replace
from functools import partial

import structlog

from orchestrator.domain.errors import JobDeferred, JobError, JobRefused, Reason, Unavailable
from orchestrator.domain.headers import Envelope, foreign_headers, read_envelope
from orchestrator.domain.jobs import Job
from orchestrator.domain.outcome import Outcome, Reject, Retry, outcome_of
from orchestrator.observe import job_context
from orchestrator.runtime.delivery_deadline import DeadlineReached, DeliveryDeadline, being_cancelled
from orchestrator.runtime.engine import BoundQueue, DeliveryContext, Engine, now_ms
from orchestrator.runtime.outcomes import AssignIdentity, Duplicate, EngineOutcome, Release, Settled
from orchestrator.runtime.ports import Delivery
from orchestrator.runtime.settle import settle

log = structlog.get_logger(__name__)


async def handle(delivery: Delivery, queue: BoundQueue, engine: Engine) -> Settled:
    """Take one delivery to its end: decode, run the stage, settle. Returns when the delivery is acked or given back."""
    received_at, started = now_ms(), time.monotonic()
    deadline = DeliveryDeadline(engine.drain, engine.ack_timeout_s, partial(engine.metrics.waiting, queue.name))
    envelope, job_or_reject = _read(delivery, queue, received_at)
    job = None if isinstance(job_or_reject, Reject) else job_or_reject
    with (
        engine.metrics.in_progress(queue.name),
        job_context(queue.name, job, envelope.traceparent) as traceparent,
    ):
        envelope = replace(envelope, traceparent=traceparent)
        context = DeliveryContext(delivery, queue, envelope, job, deadline, received_at, started)
        if isinstance(job_or_reject, Reject):
            return await settle(context, job_or_reject, engine)
        return await settle(context, await execute(context, job_or_reject, engine), engine)


def _read(delivery: Delivery, queue: BoundQueue, received_at: int) -> tuple[Envelope, Job | Reject]:
    try:
        envelope = read_envelope(delivery.headers, received_at)
    except JobRefused as refusal:
        return Envelope(1, received_at, foreign=foreign_headers(delivery.headers)), Reject(refusal.reason)
    try:
        return envelope, queue.decode(delivery.body)
    except JobRefused as refusal:
        return envelope, Reject(refusal.reason)


async def execute(context: DeliveryContext, job: Job, engine: Engine) -> Outcome | EngineOutcome:
    """What is to become of the job: the stage's own word, or what its failure means."""
    if not job.has_identity:
        return AssignIdentity(job)
    if engine.drain.requested.is_set():
        return Release("the process is leaving")
    try:
        if context.envelope.seen_before or context.delivery.redelivered:
            entry = await context.deadline.retry_while_unavailable(
                engine.ledger.find_job, str(job.job_id), context.queue.name
            )
            if entry is not None and ends_copies(entry.outcome, entry.replays, context.envelope.replays):
                return Duplicate(entry.outcome)
        return await _run(context, job)
    except DeadlineReached as over:
        return Release(over.cause)


def ends_copies(outcome: str, recorded_replays: int, replays: int) -> bool:
    """Whether another copy of a job with this recorded end has nothing left to do.

    Done is for ever. A dead letter ends its copies too, until an operator replays it.
    """
    return outcome == "done" or (outcome == "dead" and recorded_replays >= replays)


async def _run(context: DeliveryContext, job: Job) -> Outcome:
    """The stage's outcome. While something of ours is away it waits here, and no attempt is charged."""
    tries = 0
    while True:
        try:
            async with context.deadline.limit(context.queue.deadline_s) as limit:
                return await context.queue.run(job)
        except (JobError, JobDeferred) as error:
            return outcome_of(error)
        except Unavailable as away:
            await context.deadline.pause(tries, away)
            tries += 1
        except TimeoutError as late:
            if not limit.expired():
                return _bug(late)
            if context.deadline.over:
                raise DeadlineReached("the stage was still running") from late
            return Retry(Reason("deadline", f"the stage took longer than {context.queue.deadline_s:g} s"))
        except (Exception, asyncio.CancelledError) as bug:
            if being_cancelled():
                raise
            return _bug(bug)


def _bug(error: BaseException) -> Retry:
    """A bug of ours costs an attempt. Its text stays in the log: it may quote anything; the frames travel."""
    log.exception("stage_bug")
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    stack = " < ".join(
        f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in reversed(frames)
    )
    return Retry(Reason("bug", f"{type(error).__name__} in the stage; see the log", stack))
