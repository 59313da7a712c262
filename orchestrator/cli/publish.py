"""`justlens publish`: jobs from a picture, a folder or a file into a queue."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import invocation
from orchestrator.cli.quantities import per_second
from orchestrator.cli.sending import Checked, Report, check, send
from orchestrator.cli.sources import Kind, count_of, entries, kind_of, pictures_in
from orchestrator.cli.terminal import AsJson, print_json, progress, say, tell
from orchestrator.config import Pipeline, Settings
from orchestrator.control import Call
from orchestrator.domain.jobs import Job

SOURCE_HELP = (
    "The URL or path of one picture; a folder of pictures; a CSV whose header names job fields (served_urls separated"
    " by spaces); a JSONL with one job a line; or - for JSONL on stdin."
)


def publish(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    to: Annotated[str, typer.Option("--to", help="The queue.")] = "image_enhance_process",
    business: Annotated[str | None, typer.Option(help="business_id of jobs that name none.")] = None,
    image: Annotated[str | None, typer.Option(help="image_id of a single picture; else its name.")] = None,
    image_type: Annotated[
        Literal["general", "face", "text"] | None, typer.Option(help="image_type of jobs that name none.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Enhance even a picture that is large enough.")] = False,
    served_url: Annotated[
        list[str] | None, typer.Option(help="A URL to purge once done, for jobs that name none. Repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the jobs.")] = False,
    rate: Annotated[float | None, typer.Option(parser=per_second, metavar="N/s", help="At most so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check jobs and put them into a queue, each confirmed by the broker; every refusal names its line and field."""
    asked = invocation(context)
    settings, pipeline = asked.configured()
    job_type = job_type_of(to, pipeline)
    kind = kind_of(source)
    fields = frozenset(field.alias or name for name, field in job_type.model_fields.items())
    served, forced = served_url or None, force or None
    given = _present(business_id=business, image_id=image, image_type=image_type, force=forced, served_urls=served)
    _check_options(kind, given, fields, to, settings)
    report = Report()
    read = entries(source, kind, given, fields)
    jobs = check(read, job_type, files_allowed=settings.mode == "embedded", report=report)
    try:
        if dry_run:
            report.published = [str(checked.job.job_id) for checked in jobs]
        else:
            total = count_of(source, kind)
            asked.operate(lambda call: _send(call, to, jobs, report, rate, total=total, shown=not as_json))
    except OSError as error:
        raise typer.BadParameter(f"{source}: {error.strerror}", param_hint="SOURCE") from error
    left_out = pictures_in(Path(source))[1] if kind == "folder" else 0
    _show(report, to, dry_run=dry_run, as_json=as_json, left_out=left_out)
    if not report.complete:
        raise typer.Exit(_exit_code(report))


def _exit_code(report: Report) -> ExitCode:
    return ExitCode.UNAVAILABLE if report.unknown and not report.published else ExitCode.NOT_DONE


def _present(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def job_type_of(queue: str, pipeline: Pipeline) -> type[Job]:
    """The job that ``queue`` takes. Raises BadParameter when there is no such queue."""
    from orchestrator.stages import STAGES

    if queue not in pipeline.queues:
        raise typer.BadParameter(f"no queue '{queue}'; known: {', '.join(pipeline.queues)}", param_hint="--to")
    return STAGES[pipeline.queues[queue].stage].job_type


def _check_options(kind: Kind, given: dict[str, Any], fields: frozenset[str], queue: str, settings: Settings) -> None:
    foreign = sorted(given.keys() - fields)
    if foreign:
        raise typer.BadParameter(f"jobs of {queue} have no {', '.join(foreign)}")
    if "image_id" in given and kind not in ("url", "picture"):
        raise typer.BadParameter("--image names a single picture; a folder or file has many")
    if kind in ("url", "picture", "folder") and "business_id" not in given:
        raise typer.BadParameter("give --business: a picture does not say whose it is")
    if kind in ("picture", "folder") and settings.mode == "servers":
        raise typer.BadParameter(
            "files of this machine can be published in embedded mode only: no worker could read them; use http, https"
            " or s3 URLs",
            param_hint="SOURCE",
        )


async def _send(
    call: Call,
    queue: str,
    jobs: Iterator[Checked],
    report: Report,
    rate: float | None,
    *,
    total: int | None,
    shown: bool,
) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with progress("publishing", shown=shown) as bar:
        task = bar.add_task("publishing", total=total)

        def advance() -> None:
            done = len(report.published) + len(report.refused) + len(report.unknown) + report.duplicates
            bar.update(task, completed=done)

        await send(call, queue, jobs, report, per_second=rate, stopping=stopping, advance=advance)


def _show(report: Report, queue: str, *, dry_run: bool, as_json: bool, left_out: int) -> None:
    for refusal in report.refused:
        say(f"refused, {refusal['place']}: {refusal['reason']}")
    for job in report.unknown:
        say(f"unknown, {job['place']}: job_id {job['job_id']}: {job['error']}")
    if report.unknown:
        say("It is not known whether the unknown jobs arrived. Publish these lines as JSONL; twice does no harm:")
        for job in report.unknown:
            say(job["body"])
    if report.not_sent:
        say(f"{report.not_sent} not sent, from {report.not_sent_from} on: {report.stopped_by}")
    if as_json:
        print_json(_document(report, queue, dry_run, left_out))
        return
    done = "would be published" if dry_run else "published"
    counts = {
        done: len(report.published),
        "duplicates left out": report.duplicates,
        "other files left out": left_out,
        "refused": len(report.refused),
        "unknown": len(report.unknown),
        "not sent": report.not_sent,
    }
    parts = [f"{name} {count:,}" for name, count in counts.items() if count or name == done]
    tell(f"{queue}: {', '.join(parts)}")
    if len(report.published) == 1 and not dry_run:
        tell(f"job_id {report.published[0]}")


def _document(report: Report, queue: str, dry_run: bool, left_out: int) -> dict[str, Any]:
    return {
        "queue": queue,
        "dry_run": dry_run,
        "published": 0 if dry_run else len(report.published),
        "valid": len(report.published) if dry_run else None,
        "job_ids": [] if dry_run else report.published,
        "duplicates": report.duplicates,
        "files_left_out": left_out,
        "refused": report.refused,
        "unknown": report.unknown,
        "not_sent": report.not_sent,
        "not_sent_from": report.not_sent_from,
        "stopped_by": report.stopped_by,
    }
