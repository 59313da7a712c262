"""`justlens config`: what is in force, and where it comes from."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import typer
from pydantic import BaseModel, SecretStr
from rich.table import Table
from rich.text import Text

from orchestrator.cli.invocation import Invocation, invocation
from orchestrator.cli.terminal import WIDE, AsJson, plain, print_json, stdout, table
from orchestrator.config import Pipeline, Settings
from orchestrator.domain.urls import split_urls, without_secrets

Origin = Literal["default", "environment", "command line"]
_STYLES = {"default": "dim", "environment": "cyan", "command line": "magenta"}


@dataclass(frozen=True, slots=True)
class Line:
    """One setting as people may see it."""

    name: str
    variable: str
    value: Any
    origin: Origin
    description: str


def config(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every setting with its value and where it comes from, and the pipeline in force. Secrets are masked."""
    asked = invocation(context)
    settings, pipeline = asked.configured()
    lines = describe(settings, asked, os.environ)
    if as_json:
        print_json({"settings": [asdict(line) for line in lines], "pipeline": masked(_document(pipeline))})
        return
    stdout().print(_settings_table(lines, stdout().width))
    _print_pipeline(pipeline, settings)


def _settings_table(lines: Sequence[Line], width: int) -> Table:
    wide = width >= WIDE
    made = table("Settings", ("setting", "value", "from", "meaning") if wide else ("setting", "value"))
    made.columns[0].no_wrap = True
    for line in lines:
        value, meaning = plain(_short(line.value)), plain(line.description, "dim")
        if wide:
            made.add_row(line.variable, value, plain(line.origin, _STYLES[line.origin]), meaning)
        else:
            origin = [plain(f"from the {line.origin}", _STYLES[line.origin])] if line.origin != "default" else []
            made.add_row(line.variable, Text("\n").join([value, *origin, meaning]))
    return made


def describe(settings: Settings, asked: Invocation, environment: Mapping[str, str]) -> list[Line]:
    """Every setting in force."""
    present = {name.upper() for name in environment}
    lines = []
    for name, field in Settings.model_fields.items():
        variable = f"JUSTLENS_{name.upper()}"
        origin: Origin = "environment" if variable in present else "default"
        if name in asked.overrides:
            origin = "command line"
        lines.append(Line(name, variable, masked(getattr(settings, name)), origin, field.description or ""))
    return lines


def masked(value: Any) -> Any:
    """``value`` as JSON without secrets: of a secret URL the address stays, of other URLs all but user and query."""
    match value:
        case SecretStr():
            secret = value.get_secret_value()
            return ",".join(map(_address, split_urls(secret))) if "://" in secret else "***"
        case str():
            return _address(value) if "://" in value else value
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(name): masked(item) for name, item in value.items()}
        case Sequence():
            return [masked(item) for item in value]
        case _:
            return str(value)


def _address(url: str) -> str:
    shown = without_secrets(url)
    hidden = "***@" if "@" in url and "(unreadable" not in shown else ""
    return shown.replace("://", f"://{hidden}", 1)


def _document(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")


def _short(value: Any) -> str:
    if value is None:
        return "unset"
    return "empty" if value in ("", [], {}) else str(value)


def _print_pipeline(pipeline: Pipeline, settings: Settings) -> None:
    console = stdout()
    console.print(_pipeline_table(pipeline, f"Pipeline ({settings.queues_file})", console.width))
    pools = table("Workers", ("pool", "endpoints", "policy", "in flight", "timeout"), numbers=("in flight", "timeout"))
    for name, pool in pipeline.workers.items():
        own = settings.mode == "embedded" and name not in settings.endpoints
        urls = settings.endpoints.get(name, list(pool.endpoints))
        where = "started by `justlens run`" if own else ", ".join(masked(urls))
        pools.add_row(name, plain(where), pool.policy, str(pool.max_in_flight), f"{pool.timeout_s:g} s")
    console.print(pools)


def _pipeline_table(pipeline: Pipeline, title: str, width: int) -> Table:
    wide = width >= WIDE
    columns = ("queue", "stage", "workers", "consumers", "deadline", "retries after")
    made = table(title, columns if wide else ("queue", "what it does"), numbers=("consumers", "deadline"))
    for name, queue in pipeline.queues.items():
        workers, delays = ", ".join(queue.workers), ", ".join(f"{delay:g}" for delay in queue.retry_delays_s)
        retries, deadline = f"{delays} s" if delays else "-", f"{queue.deadline_s:g} s"
        names = Text("\n").join([plain(name), *(plain(f"then {following}", "dim") for following in queue.next)])
        if wide:
            made.add_row(names, queue.stage, workers or "-", str(queue.consumers), deadline, retries)
        else:
            stage = f"{queue.stage}, with {workers}" if workers else queue.stage
            rest = f"consumers {queue.consumers}, deadline {deadline}, retries after {retries}"
            made.add_row(names, Text("\n").join([plain(stage), plain(rest, "dim")]))
    return made
