"""Publishing many jobs: checked one by one, sent in chunks, every one of them accounted for."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from orchestrator.cli.sources import Entry
from orchestrator.control import Call
from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import JobRefused, JustLensError
from orchestrator.domain.jobs import Job

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Checked:
    """A job that is ready to be sent. It has its job_id already: whatever happens on the way, it can be sent again."""

    place: str
    job: Job


@dataclass(slots=True)
class Report:
    """What became of every job. ``unknown`` ones may be there: the same job_id again does no harm."""

    published: list[str] = field(default_factory=list)
    duplicates: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    unknown: list[dict[str, str]] = field(default_factory=list)
    not_sent: int = 0
    not_sent_from: str | None = None
    stopped_by: str | None = None

    @property
    def complete(self) -> bool:
        """Whether everything that was read is published."""
        return not (self.refused or self.unknown or self.not_sent)


def check(entries: Iterable[Entry], job_type: type[Job], *, files_allowed: bool, report: Report) -> Iterator[Checked]:
    """The jobs that can be sent, each picture of a business once. What is refused goes into ``report``."""
    seen: set[tuple[str, str, str]] = set()
    for entry in entries:
        try:
            job = _decode(entry, job_type, files_allowed)
        except JobRefused as refusal:
            report.refused.append({"place": entry.place, "reason": refusal.reason.message})
            continue
        key = (job.business_id, job.image_id, job.image_url)
        if key in seen:
            report.duplicates += 1
            continue
        seen.add(key)
        yield Checked(entry.place, job)


def _decode(entry: Entry, job_type: type[Job], files_allowed: bool) -> Job:
    if entry.problem is not None:
        raise JobRefused("unreadable", entry.problem)
    job = decode_job(job_type, entry.body)
    if job.image_url.lower().startswith("file:") and not files_allowed:
        raise JobRefused("file_url", "image_url: file URLs work in embedded mode only; use http, https or s3")
    return job.stamp(time.time_ns() // 1_000_000)


async def send(
    call: Call,
    queue: str,
    jobs: Iterator[Checked],
    report: Report,
    *,
    per_second: float | None,
    stopping: asyncio.Event,
    advance: Callable[[], None],
) -> None:
    """Publish ``jobs``. Ends early when asked to stop, or when the other side no longer answers for a whole chunk."""
    size = CHUNK if per_second is None else max(1, min(CHUNK, int(per_second)))
    due = time.monotonic()
    while chunk := list(islice(jobs, size)):
        await _pause_until(due, stopping)
        if stopping.is_set():
            report.stopped_by = "asked to stop"
            _leave_out(chunk, jobs, report)
            return
        due = max(due, time.monotonic() - 1) + (len(chunk) / per_second if per_second else 0)
        if not await _send_chunk(call, queue, chunk, report):
            _leave_out([], jobs, report)
            return
        advance()


async def _send_chunk(call: Call, queue: str, chunk: list[Checked], report: Report) -> bool:
    """Whether there was an answer for at least one of them."""
    bodies = [checked.job.encode().decode() for checked in chunk]
    try:
        answers = await call("publish", {"queue": queue, "bodies": bodies})
    except JustLensError as error:
        report.stopped_by = str(error)
        report.unknown += [_unknown(checked, str(error)) for checked in chunk]
        return False
    for checked, answer in zip(chunk, answers, strict=True):
        _note(checked, answer, report)
    silent = all(answer.get("unknown") for answer in answers)
    if silent:
        report.stopped_by = str(answers[0]["error"])
    return not silent


def _note(checked: Checked, answer: dict[str, Any], report: Report) -> None:
    if "error" not in answer:
        report.published.append(str(answer["job_id"]))
    elif answer["unknown"]:
        report.unknown.append(_unknown(checked, answer["error"]))
    else:
        report.refused.append({"place": checked.place, "reason": answer["error"]})


def _unknown(checked: Checked, error: str) -> dict[str, str]:
    return {
        "place": checked.place,
        "job_id": str(checked.job.job_id),
        "error": error,
        "body": checked.job.encode().decode(),
    }


def _leave_out(chunk: list[Checked], rest: Iterator[Checked], report: Report) -> None:
    for checked in (*chunk, *rest):
        report.not_sent += 1
        report.not_sent_from = report.not_sent_from or checked.place


async def _pause_until(due: float, stopping: asyncio.Event) -> None:
    wait_s = due - time.monotonic()
    if wait_s > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), wait_s)
