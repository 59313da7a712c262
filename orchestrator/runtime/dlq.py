"""Passes over the error queues. A pass takes what is there at its start, settles what is meant, and returns the rest.

Nothing is held longer than one pass: a reader that keeps messages hides them from everybody else. Reading is done
from the index; ``reconcile`` is the pass that makes the index agree with the queue.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from orchestrator.domain.deadletters import is_parked, read_letter
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter
from orchestrator.domain.queue_names import error_queue
from orchestrator.runtime.engine import now_ms
from orchestrator.runtime.outcomes import AlreadyDone, DeadLetterAction
from orchestrator.runtime.ports import Broker, DeadLetterIndex, Delivery, Ledger, Subscription
from orchestrator.runtime.settle import settle_dead_letter

MAX_HELD = 20_000
QUIET_S = 2.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters a pass settles: ``limit`` of those meant, parked ones only with ``force``."""

    wanted: DeadLetterFilter
    limit: int | None = None
    force: bool = False
    per_second: float | None = None


@dataclass(slots=True)
class PassReport:
    """What a pass saw and did. ``scanned`` is less than ``present`` when it had to stop at 20,000 held letters;
    ``shared`` tells that another pass was at work on the queue, whose letters nobody else can see meanwhile."""

    present: int = 0
    scanned: int = 0
    parked: int = 0
    shared: bool = False
    settled: list[DeadLetter] = field(default_factory=list)


async def settle_letters(
    queue: str,
    selection: Selection,
    decide: Callable[[DeadLetter, bytes], DeadLetterAction],
    *,
    broker: Broker,
    ledger: Ledger,
    index: DeadLetterIndex,
) -> PassReport:
    """Settle the letters of ``error.<queue>`` that ``selection`` means, each as ``decide(letter, body)`` says.

    A crash leaves every message where it was, or sent on and confirmed, or both: never neither.
    """
    report = PassReport()
    async with _letters(queue, broker, report) as letters:
        async for delivery, letter in letters:
            if not selection.wanted.matches(letter, now_ms()) or len(report.settled) == selection.limit:
                continue
            if is_parked(letter) and not selection.force:
                report.parked += 1
                continue
            end = decide(letter, delivery.body)
            await settle_dead_letter(delivery, end, broker=broker, ledger=ledger, index=index)
            report.settled.append(letter)
            if selection.per_second:
                await asyncio.sleep(1 / selection.per_second)
    return report


async def reconcile(queue: str, *, broker: Broker, ledger: Ledger, index: DeadLetterIndex) -> PassReport:
    """Make the index agree with ``error.<queue>``: index every letter that is there, forget every one that is not.

    A letter whose job the ledger knows as done is settled: it is a copy, buried by the broker after an ack was lost.
    None is forgotten while another pass holds letters.
    """
    known = {letter.letter_id for letter in await index.find_dead_letters(DeadLetterFilter(queue=queue))}
    report, found = PassReport(), set[str]()
    async with _letters(queue, broker, report) as letters:
        async for delivery, letter in letters:
            if await _is_done(letter, ledger):
                await settle_dead_letter(delivery, AlreadyDone(letter), broker=broker, ledger=ledger, index=index)
                report.settled.append(letter)
                continue
            await index.index_dead_letter(letter)
            found.add(letter.letter_id)
        report.shared |= (await broker.depth(error_queue(queue))).consumers > 1  # a pass that began after this one
    if report.scanned >= report.present and not report.shared:
        for letter_id in known - found:
            await index.forget_dead_letter(queue, letter_id)
    return report


async def _is_done(letter: DeadLetter, ledger: Ledger) -> bool:
    entry = await ledger.find_job(letter.job_id, letter.queue) if letter.job_id else None
    return entry is not None and entry.outcome == "done"


@asynccontextmanager
async def _letters(
    queue: str, broker: Broker, report: PassReport
) -> AsyncIterator[AsyncIterator[tuple[Delivery, DeadLetter]]]:
    """The letters there now, each held until it is settled or the context ends."""
    depth = await broker.depth(error_queue(queue))
    report.present, report.shared = depth.total, depth.consumers > 0
    subscription = await broker.subscribe(error_queue(queue), prefetch=max(1, min(report.present, MAX_HELD)))
    try:
        yield _read(queue, subscription, report)
    finally:
        await subscription.close()


async def _read(
    queue: str, subscription: Subscription, report: PassReport
) -> AsyncIterator[tuple[Delivery, DeadLetter]]:
    while report.scanned < report.present:
        delivery = await subscription.next(QUIET_S)
        if delivery is None:
            return
        report.scanned += 1
        yield delivery, read_letter(queue, delivery.body, delivery.headers, now_ms())
