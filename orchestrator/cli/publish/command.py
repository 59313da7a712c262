"""`justlens publish`: jobs from a picture, a folder or a file into queues."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import invocation
from orchestrator.cli.publish.folders import look_into
from orchestrator.cli.publish.report import show
from orchestrator.cli.publish.sending import Checked, Report, Reports, Target, check, send
from orchestrator.cli.publish.sources import Kind, count_of, entries, kind_of
from orchestrator.cli.publish.targets import common_fields, fields_of, targets_of
from orchestrator.cli.quantities import per_second
from orchestrator.cli.terminal import AsJson, progress
from orchestrator.config import Settings
from orchestrator.domain.errors import JustLensError
from orchestrator.embedded.control_socket import Call

SOURCE_HELP = (
    "The URL or path of one picture; a folder of pictures; a CSV whose header names job fields (served_urls separated"
    " by spaces); a JSONL with one job a line; or - for JSONL on stdin. A picture that is not told its image_id has"
    " that of its file's name, without the ending, in lower case, with hyphens for spaces: 'Front door.jpg' is"
    " front-door."
)
TO_HELP = (
    "Where to, separated by commas: a road (enhance makes the picture better, relevance describes and scores it), or a"
    " queue by its name."
)

ImageTypeOption = Annotated[
    Literal["general", "face", "text"] | None, typer.Option(help="enhance: image_type of jobs that name none.")
]
PromptOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="relevance: prompt profile of jobs that name none.")
]
ServedUrlOption = Annotated[
    list[str] | None, typer.Option(help="A URL to purge once done, for jobs that name none. Repeatable.")
]


def publish(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    to: Annotated[str, typer.Option("--to", help=TO_HELP)] = "enhance",
    business: Annotated[str | None, typer.Option(help="business_id of jobs that name none.")] = None,
    image: Annotated[str | None, typer.Option(help="image_id of a single picture; else its name.")] = None,
    image_type: ImageTypeOption = None,
    force: Annotated[bool, typer.Option("--force", help="enhance: even a picture that is large enough.")] = False,
    prompt: PromptOption = None,
    served_url: ServedUrlOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the jobs.")] = False,
    rate: Annotated[float | None, typer.Option(parser=per_second, metavar="N/s", help="At most so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check jobs and put them into queues, each confirmed by the broker; every refusal names its line and field.

    For several targets each picture becomes one job per target.
    """
    asked = invocation(context)
    settings, pipeline = asked.configured()
    targets = targets_of(to, pipeline)
    kind = kind_of(source)
    served, forced = served_url or None, force or None
    given = _present(
        business_id=business, image_id=image, image_type=image_type, force=forced, prompt=prompt, served_urls=served
    )
    _check_options(kind, given, targets, settings)
    reports = {target.queue: Report() for target in targets}
    read = entries(source, kind, given, common_fields(targets))
    jobs = check(read, targets, files_allowed=settings.mode == "embedded", reports=reports)
    try:
        if dry_run:
            _only_checked(jobs, reports)
        else:
            count = count_of(source, kind)
            total = None if count is None else count * len(targets)
            asked.prepare()
            asked.operate(lambda call: _send(call, jobs, reports, rate, total=total, shown=not as_json))
    except OSError as error:
        raise typer.BadParameter(f"{source}: {error.strerror}", param_hint="SOURCE") from error
    left_out = look_into(Path(source)) if kind == "folder" else None
    show(reports, asked.command, dry_run=dry_run, as_json=as_json, left_out=left_out)
    _exit_unless_complete(reports)


def _only_checked(jobs: Iterator[Checked], reports: Reports) -> None:
    for checked in jobs:
        reports[checked.queue].published.append(str(checked.job.job_id))


def _exit_unless_complete(reports: Reports) -> None:
    if all(report.complete for report in reports.values()):
        return
    unanswered = any(report.unknown or report.not_sent for report in reports.values())
    published = any(report.published for report in reports.values())
    raise typer.Exit(ExitCode.UNAVAILABLE if unanswered and not published else ExitCode.NOT_DONE)


def _present(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _check_options(kind: Kind, given: dict[str, Any], targets: Sequence[Target], settings: Settings) -> None:
    for target in targets:
        if foreign := sorted(given.keys() - fields_of(target)):
            raise typer.BadParameter(f"jobs for {target.name} have no {', '.join(foreign)}")
    if "prompt" in given:
        _check_prompt(given["prompt"])
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


def _check_prompt(name: str) -> None:
    from orchestrator.domain.prompts.profiles import PROFILES

    known = dict.fromkeys(profile.name for profile in PROFILES)
    if name not in known:
        raise typer.BadParameter(f"no prompt profile '{name}'; known: {', '.join(known)}", param_hint="--prompt")


async def _send(
    call: Call, jobs: Iterator[Checked], reports: Reports, rate: float | None, *, total: int | None, shown: bool
) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with progress("publishing", shown=shown) as bar:
        task = bar.add_task("publishing", total=total)

        def advance() -> None:
            bar.update(task, completed=sum(report.read for report in reports.values()))

        await send(call, jobs, reports, per_second=rate, stopping=stopping, advance=advance)
    await _count_consumers(call, reports)


async def _count_consumers(call: Call, reports: Reports) -> None:
    """Note how many consumers the queues have; what cannot be asked is not known."""
    queues = [queue for queue, report in reports.items() if report.published]
    with suppress(JustLensError):
        for queue, count in (await call("consumers", {"queues": queues})).items():
            reports[queue].consumers = count
