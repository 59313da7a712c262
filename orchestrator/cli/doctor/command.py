"""`justlens doctor`: every dependency, tried for real."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace

import typer
from rich.padding import Padding

from orchestrator.cli.doctor.api_checks import api_checks
from orchestrator.cli.doctor.broker_checks import broker_checks
from orchestrator.cli.doctor.checks import Check, Finding, carry_out, child_checks, local_checks
from orchestrator.cli.doctor.data_checks import data_checks
from orchestrator.cli.doctor.relevance_checks import relevance_store_checks, triton_checks
from orchestrator.cli.doctor.server_checks import cdn_checks, endpoint_checks, load_drivers, store_checks
from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import invocation, quiet_logging
from orchestrator.cli.terminal import AsJson, plain, print_json, stdout
from orchestrator.config import Pipeline, Settings
from orchestrator.domain.errors import ConfigurationError

_STYLES = {"ok": "green", "failing": "bold red", "not checked": "yellow"}


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Try every dependency for real; what fails is named with its remedy."""
    from orchestrator.observe import scrub
    from orchestrator.wiring import load_checked_pipeline, secrets_of

    settings = invocation(context).settings()
    quiet_logging(settings.model_copy(update={"log_level": "error"}))

    def load() -> Pipeline:
        return load_checked_pipeline(settings)

    found = asyncio.run(carry_out(all_checks(settings, load)))
    secrets = sorted(secrets_of(settings), key=len, reverse=True)
    found = [replace(finding, detail=scrub(finding.detail, secrets)) for finding in found]
    if as_json:
        print_json({"mode": settings.mode, "checks": [asdict(finding) for finding in found]})
    else:
        _print(found, settings)
    if any(finding.state == "failing" for finding in found):
        raise typer.Exit(ExitCode.UNAVAILABLE)


def all_checks(settings: Settings, load: Callable[[], Pipeline]) -> list[Check]:
    """Every check that the mode and the pipeline have."""
    checks = local_checks(settings, load) + api_checks(settings)
    try:
        pipeline = load()
    except ConfigurationError:  # the check of the queues file names what is wrong; the others are made all the same
        pipeline = None
    if settings.mode == "servers":
        load_drivers()
        checks += broker_checks(settings, load) + store_checks(settings, load)
        if pipeline is None or _describes(pipeline):
            checks += relevance_store_checks(settings)
    else:
        checks += data_checks(settings) + child_checks(settings, load)
    if pipeline is not None:
        checks += endpoint_checks(settings, pipeline)
    return checks + triton_checks(settings) + cdn_checks(settings)


def _describes(pipeline: Pipeline) -> bool:
    from orchestrator.stages import STAGES

    return any(STAGES[queue.stage].road == "relevance" for queue in pipeline.queues.values())


def _print(found: list[Finding], settings: Settings) -> None:
    console = stdout()
    width = max(len(state) for state in _STYLES)
    for finding in found:
        line = plain(f"{finding.state:<{width}}  ", _STYLES[finding.state])
        line.append_text(plain(f"{finding.name}: ", "bold")).append_text(plain(finding.detail))
        console.print(line)
        if finding.remedy:
            console.print(Padding(plain(finding.remedy, "dim"), (0, 0, 0, width + 2)))
    failing = sum(finding.state == "failing" for finding in found)
    console.print(
        plain(f"Mode {settings.mode}: " + (f"{failing} of {len(found)} checks fail." if failing else "nothing fails."))
    )
