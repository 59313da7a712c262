"""`justlens topology`: the broker's queues against queues.yaml."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import Guarded, invocation, quiet_logging
from orchestrator.cli.terminal import AsJson, plain, print_json, stdout, table
from orchestrator.config import Pipeline, Settings
from orchestrator.config.broker_urls import get_vhost

if TYPE_CHECKING:
    from orchestrator.runtime.rabbitmq import Difference, RabbitBroker

EMBEDDED = "The embedded broker declares its queues itself when it opens; there is nothing to do."


def topology_app() -> typer.Typer:
    """apply, diff and definitions."""
    app = typer.Typer(
        cls=Guarded,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="Create the broker's queues, or hold them against queues.yaml (mode servers).",
    )
    app.command("apply")(apply)
    app.command("diff")(diff)
    app.command("definitions")(definitions)
    return app


@asynccontextmanager
async def rabbit_broker(settings: Settings) -> "AsyncIterator[RabbitBroker]":
    """The broker alone: no store is needed to look at queues."""
    from orchestrator.runtime.rabbitmq import RabbitBroker

    broker = RabbitBroker(settings)
    try:
        yield broker
    finally:
        await broker.close()


def apply(context: typer.Context, as_json: AsJson = False) -> None:
    """Create the queues that are missing. What exists with other properties is named and left alone."""
    asked = invocation(context)
    settings, pipeline = asked.configured()
    if _embedded(settings, as_json):
        return
    quiet_logging(settings)
    asked.run(_apply(settings, pipeline))
    queues = _names(settings, pipeline)
    if as_json:
        print_json({"mode": settings.mode, "queues": queues})
    else:
        stdout().print(f"{len(queues)} queues are as queues.yaml says.")


async def _apply(settings: Settings, pipeline: Pipeline) -> None:
    async with rabbit_broker(settings) as broker:
        await broker.apply_topology(pipeline)


def diff(context: typer.Context, as_json: AsJson = False) -> None:
    """List where the broker is not as queues.yaml says, policies and feature flags included. Changes nothing."""
    asked = invocation(context)
    settings, pipeline = asked.configured()
    if _embedded(settings, as_json):
        return
    quiet_logging(settings)
    found = asked.run(_diff(settings, pipeline))
    if as_json:
        print_json({"mode": settings.mode, "differences": [asdict(difference) for difference in found]})
    elif found:
        _print_differences(found)
    else:
        stdout().print("No difference.")
    if any(not difference.harmless for difference in found):
        raise typer.Exit(ExitCode.TOPOLOGY)


async def _diff(settings: Settings, pipeline: Pipeline) -> "list[Difference]":
    async with rabbit_broker(settings) as broker:
        return await broker.diff_topology(pipeline)


def _print_differences(found: "list[Difference]") -> None:
    made = table("Differences", ("queue", "what", "should be", "is", ""))
    for one in found:
        words = [plain("absent" if value is None else value) for value in (one.wanted, one.found)]
        note = plain("harmless", "dim") if one.harmless else plain("wrong", "red")
        made.add_row(plain(one.queue), plain(one.what), *words, note)
    stdout().print(made)


def definitions(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the queues as RabbitMQ's definitions.json, for a broker whose queues others create. Always JSON."""
    settings, pipeline = invocation(context).configured()
    if _embedded(settings, as_json):
        return
    from orchestrator.runtime.rabbitmq import definitions as queue_definitions

    print_json(queue_definitions(pipeline, settings.queue_prefix, get_vhost(settings.amqp_url.get_secret_value())))


def _embedded(settings: Settings, as_json: bool) -> bool:
    """Whether there is nothing to do, which is said."""
    if settings.mode != "embedded":
        return False
    if as_json:
        print_json({"mode": "embedded", "note": EMBEDDED})
    else:
        sys.stderr.write(EMBEDDED + "\n")
    return True


def _names(settings: Settings, pipeline: Pipeline) -> list[str]:
    from orchestrator.runtime.rabbitmq import wanted_queues

    return [queue.name for queue in wanted_queues(pipeline, settings.queue_prefix)]
