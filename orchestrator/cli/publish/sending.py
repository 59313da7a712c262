"""Publishing many jobs to one queue or several: checked one by one, sent in chunks, every one accounted for."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from orchestrator.cli.publish.entries import Entry
from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import ConfigurationError, JobRefused, JustLensError
from orchestrator.domain.jobs import Job
from orchestrator.embedded.control_socket import Call

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Checked:
    """A job that is ready to be sent. It has its job_id already: whatever happens on the way, it can be sent again."""

    place: str
    job: Job
    queue: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where jobs go: a queue, the job it takes, and the name by which it was asked for (a road's or its own)."""

    name: str
    queue: str
    job_type: type[Job]


@dataclass(slots=True)
class Report:
    """What became of every job for one queue. ``unknown`` ones may be there: the same job_id again does no harm.

    ``consumers`` is how many worked on the queue afterwards, None when that is not known.
    """

    published: list[str] = field(default_factory=list)
    duplicates: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    unknown: list[dict[str, str]] = field(default_factory=list)
    not_sent: int = 0
    not_sent_from: str | None = None
    stopped_by: str | None = None
    consumers: int | None = None

    @property
    def complete(self) -> bool:
        """Whether everything that was read is published."""
        return not (self.refused or self.unknown or self.not_sent)

    @property
    def read(self) -> int:
        """How many jobs it accounts for."""
        return len(self.published) + len(self.refused) + len(self.unknown) + self.duplicates + self.not_sent


Reports = Mapping[str, Report]
"""A report per queue."""


def check(
    entries: Iterable[Entry], targets: Sequence[Target], *, files_allowed: bool, reports: Reports
) -> Iterator[Checked]:
    """The jobs that can be sent: for each picture one per target, each picture of a business once. What is refused
    goes into the report of its queue."""
    seen: set[tuple[str, str, str, str]] = set()
    for entry in entries:
        for target in targets:
            report = reports[target.queue]
            try:
                job = _decode(entry, target.job_type, files_allowed)
            except JobRefused as refusal:
                report.refused.append({"place": entry.place, "reason": refusal.reason.message})
                continue
            key = (target.queue, job.business_id, job.image_id, job.image_url)
            if key in seen:
                report.duplicates += 1
                continue
            seen.add(key)
            yield Checked(entry.place, job, target.queue)


def _decode(entry: Entry, job_type: type[Job], files_allowed: bool) -> Job:
    if entry.problem is not None:
        raise JobRefused("unreadable", entry.problem)
    job = decode_job(job_type, entry.body)
    if job.image_url.lower().startswith("file:") and not files_allowed:
        raise JobRefused("file_url", "image_url: file URLs work in embedded mode only; use http, https or s3")
    return job.with_identity(time.time_ns() // 1_000_000)


async def send(
    call: Call,
    jobs: Iterator[Checked],
    reports: Reports,
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
            _leave_out(chunk, jobs, reports, "asked to stop")
            return
        due = max(due, time.monotonic() - 1) + (len(chunk) / per_second if per_second else 0)
        for queue in dict.fromkeys(checked.queue for checked in chunk):
            own, chunk = _split(chunk, queue)
            silent = await _send_part(call, queue, own, reports[queue])
            if silent is not None:
                reports[queue].stopped_by = silent
                _leave_out(chunk, jobs, reports, silent)
                return
        advance()


def _split(chunk: list[Checked], queue: str) -> tuple[list[Checked], list[Checked]]:
    return [one for one in chunk if one.queue == queue], [one for one in chunk if one.queue != queue]


async def _send_part(call: Call, queue: str, part: list[Checked], report: Report) -> str | None:
    """None when there was an answer for at least one of them, else why there was none."""
    bodies = [checked.job.encode().decode() for checked in part]
    try:
        answers = await call("publish", {"queue": queue, "bodies": bodies})
    except ConfigurationError as refusal:  # such as a queue that the owner's queues.yaml lacks: it sent nothing
        for checked in part:
            _leave_one_out(checked, report, str(refusal))
        return str(refusal)
    except JustLensError as error:
        report.unknown += [_unknown(checked, str(error)) for checked in part]
        return str(error)
    for checked, answer in zip(part, answers, strict=True):
        _note(checked, answer, report)
    silent = all(answer.get("unknown") or answer.get("not_sent") for answer in answers)
    return str(answers[0]["error"]) if silent else None


def _note(checked: Checked, answer: dict[str, Any], report: Report) -> None:
    if "error" not in answer:
        report.published.append(str(answer["job_id"]))
    elif answer.get("not_sent"):
        _leave_one_out(checked, report, answer["error"])
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


def _leave_out(chunk: list[Checked], rest: Iterator[Checked], reports: Reports, why: str) -> None:
    for checked in (*chunk, *rest):
        _leave_one_out(checked, reports[checked.queue], why)


def _leave_one_out(checked: Checked, report: Report, why: str) -> None:
    report.not_sent += 1
    report.not_sent_from = report.not_sent_from or checked.place
    report.stopped_by = why


async def _pause_until(due: float, stopping: asyncio.Event) -> None:
    wait_s = due - time.monotonic()
    if wait_s > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await stopping.wait()
