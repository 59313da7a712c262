"""The one place where a delivery is settled. The order is the promise; whatever fails before the ack leaves it unacked.

Done       writes -> effects -> next jobs (confirmed) -> ledger -> ack
Retry      retry tier of its lane (confirmed), attempt + 1 -> ack
Defer      retry tier of its lane (confirmed), same attempt -> ack
Reject     error.<queue> (confirmed), body untouched -> index -> ledger -> ack
Detour     another queue (confirmed), from which it comes back -> ledger, as no end yet -> ack
Stamp      own queue (confirmed), with job_id and submitted_at -> ack
Duplicate  ack: another copy of the same job came to its end before
HandBack   own queue (confirmed), same attempt -> ack; nack only when that publish fails

Replay, Amend and Drop, an operator's word on a dead letter: index -> its queue (confirmed; Drop: none) -> ledger -> ack

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
from orchestrator.domain.outcome import Defer, Detour, Done, Next, Outcome, Reject, Retry, outcome_of
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.domain.retrying import GiveUp, decide_deferral, decide_retry
from orchestrator.runtime import ends
from orchestrator.runtime.ends import Duplicate, EngineOutcome, HandBack, Settled, Stamp
from orchestrator.runtime.lane import Engine, Task, now_ms
from orchestrator.runtime.patience import OutOfPatience
from orchestrator.runtime.ports import Broker, DeadLetterIndex, Delivery, Ledger, Message

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def settle(task: Task, outcome: Outcome | EngineOutcome, engine: Engine) -> Settled:
    """Carry out ``outcome`` and ack. Waits in place for whatever is away; hands back when patience is over.

    Anything else that goes wrong is raised, and the delivery stays unacked.
    """
    try:
        try:
            settled = await _carry_out(task, outcome, engine)
        except JobError as error:  # a store refuses a value: no outage, it would never take it
            settled = await _carry_out(task, outcome_of(error), engine)
    except OutOfPatience as over:
        settled = await _hand_back(task, HandBack(over.cause), engine)
    engine.metrics.settled(task.lane.queue, settled.end, settled.reason, time.monotonic() - task.started)
    return settled


async def _carry_out(task: Task, outcome: Outcome | EngineOutcome, engine: Engine) -> Settled:
    match outcome:
        case Done():
            return await _finish(task, outcome, engine)
        case Retry():
            return await _retry(task, outcome, engine)
        case Defer():
            return await _defer(task, outcome, engine)
        case Reject(reason):
            return await _bury(task, reason, engine)
        case Detour(step):
            return await _detour(task, step, engine)
        case Stamp(job):
            return await _stamp(task, job, engine)
        case HandBack():
            return await _hand_back(task, outcome, engine)
        case Duplicate():
            await engine.broker.ack(task.delivery)
            log.info("duplicate", ended=outcome.outcome)
            return Settled("duplicate")


async def _finish(task: Task, done: Done, engine: Engine) -> Settled:
    insist = task.patience.insist
    following = [(task.lane.successor(step.stage), step.job) for step in done.publish]
    for write in done.writes:
        await insist(engine.applier.write, write)
    for effect in done.effects:
        await insist(engine.applier.effect, effect)
    for queue, job in following:
        await insist(engine.broker.publish, queue, _message(job, task.envelope.for_next_job(now_ms())))
    await _record(task, "done", None, engine)
    await engine.broker.ack(task.delivery)
    log.info("done", attempt=task.envelope.attempt, took_ms=round((time.monotonic() - task.started) * 1000))
    return Settled("done")


async def _retry(task: Task, retry: Retry, engine: Engine) -> Settled:
    reason = retry.reason
    decision = decide_retry(task.envelope.attempt, task.lane.retry_delays_s, retry.max_attempts)
    if isinstance(decision, GiveUp):
        return await _bury(task, reason, engine)
    tier = retry_queue(task.lane.queue, decision.delay_s)
    await task.patience.insist(engine.broker.publish, tier, task.same_body(task.envelope.for_attempt(decision.attempt)))
    await engine.broker.ack(task.delivery)
    log.warning("retried", attempt=task.envelope.attempt, again_in_s=decision.delay_s, reason=str(reason))
    return Settled("retried", reason)


async def _defer(task: Task, defer: Defer, engine: Engine) -> Settled:
    delay_s = decide_deferral(defer.delay_s, task.envelope.hand_backs, task.age_s, task.lane.retry_delays_s)
    if delay_s is None:
        return await _retry(task, Retry(defer.reason), engine)
    queue = retry_queue(task.lane.queue, delay_s) if delay_s else task.lane.queue
    await task.patience.insist(engine.broker.publish, queue, task.same_body(task.envelope.handed_back()))
    await engine.broker.ack(task.delivery)
    log.info("deferred", again_in_s=delay_s, reason=str(defer.reason))
    return Settled("deferred", defer.reason)


async def _bury(task: Task, reason: Reason, engine: Engine) -> Settled:
    insist = task.patience.insist
    headers = task.envelope.dead_headers(reason, now_ms())
    letter = read_letter(task.lane.queue, task.delivery.body, headers, now_ms())
    message = Message(task.delivery.body, headers, letter.job_id)
    await insist(engine.broker.publish, error_queue(task.lane.queue), message)
    await insist(_unless_refused, engine.dead_letters.index_dead_letter, letter)
    await _record(task, "dead", reason, engine)
    await engine.broker.ack(task.delivery)
    log.error("dead", attempt=task.envelope.attempt, reason=str(reason), stack=reason.stack or None)
    return Settled("dead", reason)


async def _record(task: Task, outcome: End, reason: Reason | None, engine: Engine) -> None:
    entry = task.ledger_entry(outcome, reason)
    if entry is not None:
        await task.patience.insist(_unless_refused, engine.ledger.record_job, entry)


async def _unless_refused(step: Callable[[T], Awaitable[None]], value: T) -> None:
    """Ledger and index describe what is so already: a line they refuse is logged, and no reason to undo anything."""
    try:
        await step(value)
    except JobError as refused:
        log.error("not_recorded", reason=str(refused))


async def _detour(task: Task, step: Next, engine: Engine) -> Settled:
    message = _message(step.job, task.envelope.for_next_job(now_ms()))
    await task.patience.insist(engine.broker.publish, task.lane.successor(step.stage), message)
    await _record(task, "detoured", None, engine)
    await engine.broker.ack(task.delivery)
    return Settled("detoured")


async def _stamp(task: Task, job: Job, engine: Engine) -> Settled:
    message = _message(job.stamp(task.received_at), task.envelope)
    await task.patience.insist(engine.broker.publish, task.lane.queue, message)
    await engine.broker.ack(task.delivery)
    return Settled("stamped")


async def _hand_back(task: Task, hand_back: HandBack, engine: Engine) -> Settled:
    """Republish, because a nack counts towards the delivery limit and would in time bury a healthy job."""
    try:
        await engine.broker.publish(task.lane.queue, task.same_body(task.envelope.handed_back()))
        await engine.broker.ack(task.delivery)
    except Unavailable:
        await engine.broker.requeue(task.delivery)
    log.info("handed_back", cause=hand_back.cause)
    return Settled("handed_back")


async def settle_letter(
    delivery: Delivery, end: ends.LetterEnd, *, broker: Broker, ledger: Ledger, index: DeadLetterIndex
) -> None:
    """Carry out an operator's word on one delivery of an error queue, and ack. Raises, unacked, when a part is away."""
    letter = end.letter
    envelope = read_envelope(letter.headers, letter.first_seen)
    # First, because a letter that dies again at once is indexed again; one that stays after all is found by a scan.
    await index.forget_dead_letter(letter.queue, letter.letter_id)
    match end:
        case ends.Replay():
            await broker.publish(letter.queue, Message(delivery.body, envelope.replayed().headers(), letter.job_id))
        case ends.Amend(_, job):
            await broker.publish(letter.queue, _message(job, envelope.for_next_job(now_ms())))
            await _record_drop(letter, Reason("amended", f"replaced by job {job.job_id}"), ledger)
        case ends.Drop():
            await _record_drop(letter, Reason("dropped", "removed by an operator"), ledger)
        case ends.Spent():
            pass  # the ledger has its end already
    await broker.ack(delivery)
    log.info(type(end).__name__.lower(), queue=letter.queue, letter=letter.letter_id, reason=str(letter.reason))


async def _record_drop(letter: DeadLetter, reason: Reason, ledger: Ledger) -> None:
    entry = dropped_entry(letter, reason)
    if entry is not None:
        await ledger.record_job(entry)


def _message(job: Job, envelope: Envelope) -> Message:
    return Message(job.encode(), envelope.headers(), job.job_id)
