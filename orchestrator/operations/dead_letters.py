"""Dead letters for operators. Reading uses the index; only replay, edit and drop touch the error queues."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from orchestrator.domain.deadletters import MAX_REPLAYS, is_parked
from orchestrator.domain.decoding import decode_job, shown_id
from orchestrator.domain.errors import ConfigurationError, JobRefused
from orchestrator.domain.jobs import Job
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter
from orchestrator.domain.queue_names import error_queue
from orchestrator.embedded.control_socket import OperationFailed
from orchestrator.runtime import dlq
from orchestrator.runtime.engine import now_ms
from orchestrator.runtime.outcomes import DeadLetterAction, Drop, Replace, Replay
from orchestrator.stages import STAGES
from orchestrator.wiring import System


async def list_letters(system: System, limit: int | None = 50, **wanted: Any) -> list[dict[str, Any]]:
    """The letters that the filter fields in ``wanted`` mean, newest first."""
    choice = _filter(system, wanted)
    await _agree(system, choice)
    return [_describe(letter) for letter in await system.documents.find_dead_letters(choice, limit=limit)]


async def show(system: System, queue: str, letter_id: str) -> dict[str, Any]:
    """One letter with its body and headers."""
    choice = _filter(system, {"queue": queue, "letter_id": letter_id})
    await _agree(system, choice)
    letters = await system.documents.find_dead_letters(choice, limit=1)
    if not letters:
        raise OperationFailed(f"no letter '{letter_id}' in {error_queue(queue)}; `justlens dlq list` shows them")
    return {
        **_describe(letters[0]),
        "stack": letters[0].reason.stack,
        "headers": dict(letters[0].headers),
        "body": letters[0].body.decode("utf-8", "replace"),
    }


async def stats(system: System) -> list[dict[str, Any]]:
    """Letters by queue and reason."""
    await _agree(system, DeadLetterFilter())
    counts = await system.documents.dead_letter_counts()
    return [{"queue": queue, "reason": reason, "count": count} for (queue, reason), count in sorted(counts.items())]


async def replay(
    system: System,
    limit: int | None = None,
    force: bool = False,
    per_second: float | None = None,
    dry_run: bool = False,
    **wanted: Any,
) -> dict[str, Any]:
    """Send the letters meant to their queues again. Each counts its replays; after three only ``force`` sends it."""
    choice = dlq.Selection(_filter(system, wanted), limit, force, per_second)
    return await _settle(system, choice, lambda letter, body: Replay(letter), dry_run)


async def drop(system: System, limit: int | None = None, dry_run: bool = False, **wanted: Any) -> dict[str, Any]:
    """Remove the letters meant for good."""
    choice = dlq.Selection(_filter(system, wanted), limit, force=True)
    return await _settle(system, choice, lambda letter, body: Drop(letter), dry_run)


async def edit(system: System, queue: str, letter_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Put a new job, with its own job_id, in place of a letter: its fields with ``changes``; null removes a field."""
    choice = dlq.Selection(_filter(system, {"queue": queue, "letter_id": letter_id}), limit=1, force=True)
    job_type = STAGES[system.pipeline.queues[queue].stage].job_type
    made: list[Job] = []

    def replace(letter: DeadLetter, body: bytes) -> DeadLetterAction:
        made.append(_amended(job_type, body, changes))
        return Replace(letter, made[-1])

    report = await _settle(system, choice, replace, dry_run=False)
    return {**report, "job_id": made[-1].job_id if made else None}


def _amended(job_type: type[Job], body: bytes, changes: dict[str, Any]) -> Job:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = {}
    fields = {**(document if isinstance(document, dict) else {}), **changes, "job_id": None, "submitted_at": None}
    text = json.dumps({name: value for name, value in fields.items() if value is not None})
    try:
        return decode_job(job_type, text.encode()).with_identity(now_ms())
    except JobRefused as refusal:
        raise OperationFailed(f"still not a job this queue takes: {refusal.reason.message}") from refusal


async def _settle(
    system: System, choice: dlq.Selection, decide: Callable[[DeadLetter, bytes], DeadLetterAction], dry_run: bool
) -> dict[str, Any]:
    if dry_run:
        return await _foresee(system, choice)
    settled: list[DeadLetter] = []
    parked = held = 0
    for queue in _queues(system, choice.wanted):
        left = None if choice.limit is None else choice.limit - len(settled)
        report = await dlq.settle_letters(
            queue,
            replace(choice, limit=left),
            decide,
            broker=system.broker,
            ledger=system.documents,
            index=system.documents,
        )
        settled += report.settled
        parked += report.parked
        if report.shared:
            held += len(await system.documents.find_dead_letters(replace(choice.wanted, queue=queue))) - report.parked
    return _report(settled, parked, held)


async def _foresee(system: System, choice: dlq.Selection) -> dict[str, Any]:
    await _agree(system, choice.wanted)
    letters = await system.documents.find_dead_letters(choice.wanted)
    parked = [letter for letter in letters if is_parked(letter) and not choice.force]
    return _report([letter for letter in letters if letter not in parked][: choice.limit], len(parked))


def _report(letters: Sequence[DeadLetter], parked: int, held: int = 0) -> dict[str, Any]:
    """``held`` letters are meant as well, but in the hands of another replay, edit or drop."""
    described = [_describe(letter) for letter in letters]
    return {"count": len(letters), "parked": parked, "held": max(0, held), "letters": described}


async def _agree(system: System, wanted: DeadLetterFilter) -> None:
    """Scan the error queues whose number of messages is not what the index says.

    While somebody replays or drops, the index is what is known: letters that another pass holds are seen by nobody.
    """
    counts = await system.documents.dead_letter_counts()
    for queue in _queues(system, wanted):
        indexed = sum(count for (name, _), count in counts.items() if name == queue)
        depth = await system.broker.depth(error_queue(queue))
        if depth.consumers == 0 and depth.total != indexed:
            await dlq.reconcile(queue, broker=system.broker, ledger=system.documents, index=system.documents)


def _queues(system: System, wanted: DeadLetterFilter) -> list[str]:
    return [wanted.queue] if wanted.queue else list(system.pipeline.queues)


def _filter(system: System, fields: dict[str, Any]) -> DeadLetterFilter:
    wanted = replace(DeadLetterFilter(), **fields)
    if wanted.business_id is not None:
        wanted = replace(wanted, business_id=shown_id(wanted.business_id))
    if wanted.queue is not None and wanted.queue not in system.pipeline.queues:
        known = ", ".join(system.pipeline.queues)
        raise ConfigurationError([f"queue: no queue '{wanted.queue}'; known: {known} (without 'error.')"])
    return wanted


def _describe(letter: DeadLetter) -> dict[str, Any]:
    plain = asdict(letter)
    for name in ("body", "headers", "reason"):
        del plain[name]
    return {
        **plain,
        "reason": letter.reason.code,
        "message": letter.reason.message,
        "parked": letter.replays >= MAX_REPLAYS,
    }
