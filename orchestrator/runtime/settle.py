"""The one place where a delivery is settled. The order is the promise; whatever fails before the ack leaves it unacked.

Done       writes -> effects -> next jobs (confirmed) -> ledger -> ack
Retry      retry tier of its queue (confirmed), attempt + 1 -> ack
Defer      retry tier of its queue (confirmed), same attempt -> ack
Reject     error.<queue> (confirmed), body untouched -> index -> ledger -> ack
RouteVia     another queue (confirmed), from which it comes back -> ledger, as no end yet -> ack
AssignIdentity      own queue (confirmed), with job_id and submitted_at -> ack
Duplicate  ack: another copy of the same job came to its end before
Release   own queue (confirmed), same attempt -> ack; nack only when that publish fails

Replay, Replace and Drop, an operator's actions on a dead letter: index -> its queue (confirmed) -> ledger -> ack
(Drop publishes nothing)

The ledger comes last before the ack: it is what tells other copies of the job that nothing is left to do.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from orchestrator.domain.deadletters import dropped_entry, read_letter
from orchestrator.domain.errors import JobError, Reason, Unavailable
from orchestrator.domain.headers import Envelope, read_envelope
from orchestrator.domain.jobs import Job
from orchestrator.domain.ledger import DeadLetter, End
from orchestrator.domain.outcome import Defer, Done, Next, Outcome, Reject, Retry, RouteVia, outcome_of
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.domain.retrying import GiveUp, decide_deferral, decide_retry
from orchestrator.runtime import outcomes
from orchestrator.runtime.delivery_deadline import DeadlineReached
from orchestrator.runtime.engine import DeliveryContext, Engine, now_ms
from orchestrator.runtime.outcomes import AssignIdentity, Duplicate, EngineOutcome, Release, Settled
from orchestrator.runtime.ports import Broker, DeadLetterIndex, Delivery, Ledger, Message

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def settle(context: DeliveryContext, outcome: Outcome | EngineOutcome, engine: Engine) -> Settled:
    """Carry out ``outcome`` and ack. Waits in place for whatever is away; releases when patience is over.

    Anything else that goes wrong is raised, and the delivery stays unacked.
    """
    try:
        try:
            settled = await _carry_out(context, outcome, engine)
        except JobError as error:  # a store refuses a value: no outage, it would never take it
            settled = await _carry_out(context, outcome_of(error), engine)
    except DeadlineReached as over:
        settled = await _release(context, Release(over.cause), engine)
    engine.metrics.settled(context.queue.name, settled.outcome, settled.reason, time.monotonic() - context.started)
    return settled


async def _carry_out(context: DeliveryContext, outcome: Outcome | EngineOutcome, engine: Engine) -> Settled:
    match outcome:
        case Done():
            return await _finish(context, outcome, engine)
        case Retry():
            return await _retry(context, outcome, engine)
        case Defer():
            return await _defer(context, outcome, engine)
        case Reject(reason):
            return await _dead_letter(context, reason, engine)
        case RouteVia(step):
            return await _route(context, step, engine)
        case AssignIdentity(job):
            return await _assign_identity(context, job, engine)
        case Release():
            return await _release(context, outcome, engine)
        case Duplicate():
            await engine.broker.ack(context.delivery)
            log.info("duplicate", ended=outcome.outcome)
            return Settled("duplicate")


async def _finish(context: DeliveryContext, done: Done, engine: Engine) -> Settled:
    retry_while_unavailable = context.deadline.retry_while_unavailable
    next_jobs = [(context.queue.next_queue(step.stage), step.job) for step in done.publish]
    for write in done.writes:
        await retry_while_unavailable(engine.applier.write, write)
    for effect in done.effects:
        await retry_while_unavailable(engine.applier.effect, effect)
    for queue, job in next_jobs:
        await retry_while_unavailable(
            engine.broker.publish, queue, _message(job, context.envelope.for_next_job(now_ms()))
        )
    await _record(context, "done", None, engine)
    await engine.broker.ack(context.delivery)
    log.info("done", attempt=context.envelope.attempt, took_ms=round((time.monotonic() - context.started) * 1000))
    return Settled("done")


async def _retry(context: DeliveryContext, retry: Retry, engine: Engine) -> Settled:
    reason = retry.reason
    decision = decide_retry(context.envelope.attempt, context.queue.retry_delays_s, retry.max_attempts)
    if isinstance(decision, GiveUp):
        return await _dead_letter(context, reason, engine)
    tier = retry_queue(context.queue.name, decision.delay_s)
    await context.deadline.retry_while_unavailable(
        engine.broker.publish, tier, context.same_body(context.envelope.for_attempt(decision.attempt))
    )
    await engine.broker.ack(context.delivery)
    log.warning("retried", attempt=context.envelope.attempt, again_in_s=decision.delay_s, reason=str(reason))
    return Settled("retried", reason)


async def _defer(context: DeliveryContext, defer: Defer, engine: Engine) -> Settled:
    delay_s = decide_deferral(defer.delay_s, context.envelope.releases, context.age_s, context.queue.retry_delays_s)
    if delay_s is None:
        return await _retry(context, Retry(defer.reason), engine)
    queue = retry_queue(context.queue.name, delay_s) if delay_s else context.queue.name
    await context.deadline.retry_while_unavailable(
        engine.broker.publish, queue, context.same_body(context.envelope.released())
    )
    await engine.broker.ack(context.delivery)
    log.info("deferred", again_in_s=delay_s, reason=str(defer.reason))
    return Settled("deferred", defer.reason)


async def _dead_letter(context: DeliveryContext, reason: Reason, engine: Engine) -> Settled:
    retry_while_unavailable = context.deadline.retry_while_unavailable
    headers = context.envelope.dead_headers(reason, now_ms())
    letter = read_letter(context.queue.name, context.delivery.body, headers, now_ms())
    message = Message(context.delivery.body, headers, letter.job_id)
    await retry_while_unavailable(engine.broker.publish, error_queue(context.queue.name), message)
    await retry_while_unavailable(_unless_refused, engine.dead_letters.index_dead_letter, letter)
    await _record(context, "dead", reason, engine)
    await engine.broker.ack(context.delivery)
    log.error("dead", attempt=context.envelope.attempt, reason=str(reason), stack=reason.stack or None)
    return Settled("dead", reason)


async def _record(context: DeliveryContext, outcome: End, reason: Reason | None, engine: Engine) -> None:
    entry = context.ledger_entry(outcome, reason)
    if entry is not None:
        await context.deadline.retry_while_unavailable(_unless_refused, engine.ledger.record_job, entry)


async def _unless_refused(step: Callable[[T], Awaitable[None]], value: T) -> None:
    """Ledger and index describe what is so already: a line they refuse is logged, and no reason to undo anything."""
    try:
        await step(value)
    except JobError as refused:
        log.error("not_recorded", reason=str(refused))


async def _route(context: DeliveryContext, step: Next, engine: Engine) -> Settled:
    message = _message(step.job, context.envelope.for_next_job(now_ms()))
    await context.deadline.retry_while_unavailable(engine.broker.publish, context.queue.next_queue(step.stage), message)
    await _record(context, "routed", None, engine)
    await engine.broker.ack(context.delivery)
    return Settled("routed")


async def _assign_identity(context: DeliveryContext, job: Job, engine: Engine) -> Settled:
    message = _message(job.with_identity(context.received_at), context.envelope)
    await context.deadline.retry_while_unavailable(engine.broker.publish, context.queue.name, message)
    await engine.broker.ack(context.delivery)
    return Settled("identity_assigned")


async def _release(context: DeliveryContext, release: Release, engine: Engine) -> Settled:
    """Republish, because a nack counts towards the delivery limit and would in time bury a healthy job."""
    try:
        await engine.broker.publish(context.queue.name, context.same_body(context.envelope.released()))
        await engine.broker.ack(context.delivery)
    except Unavailable:
        await engine.broker.requeue(context.delivery)
    log.info("released", cause=release.cause)
    return Settled("released")


async def settle_dead_letter(
    delivery: Delivery, end: outcomes.DeadLetterAction, *, broker: Broker, ledger: Ledger, index: DeadLetterIndex
) -> None:
    """Carry out an operator's word on one delivery of an error queue, and ack. Raises, unacked, when a part is away."""
    letter = end.letter
    envelope = read_envelope(letter.headers, letter.first_seen)
    # First, because a letter that dies again at once is indexed again; one that stays after all is found by a scan.
    await index.forget_dead_letter(letter.queue, letter.letter_id)
    match end:
        case outcomes.Replay():
            await broker.publish(letter.queue, Message(delivery.body, envelope.replayed().headers(), letter.job_id))
        case outcomes.Replace(_, job):
            await broker.publish(letter.queue, _message(job, envelope.for_next_job(now_ms())))
            await _record_drop(letter, Reason("replaced", f"replaced by job {job.job_id}"), ledger)
        case outcomes.Drop():
            await _record_drop(letter, Reason("dropped", "removed by an operator"), ledger)
        case outcomes.AlreadyDone():
            pass  # the ledger has its end already
    await broker.ack(delivery)
    log.info(type(end).__name__.lower(), queue=letter.queue, letter=letter.letter_id, reason=str(letter.reason))


async def _record_drop(letter: DeadLetter, reason: Reason, ledger: Ledger) -> None:
    entry = dropped_entry(letter, reason)
    if entry is not None:
        await ledger.record_job(entry)


def _message(job: Job, envelope: Envelope) -> Message:
    return Message(job.encode(), envelope.headers(), job.job_id)
