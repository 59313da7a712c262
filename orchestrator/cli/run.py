"""`justlens run` and `justlens worker`: the processes that do the work."""

import asyncio
import gc
import importlib.util
import math
import os
import pkgutil
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.api import announce_api, api_listener, served
from orchestrator.cli.interrupts import ends_at_once
from orchestrator.cli.invocation import invocation, log_misspelt_variables
from orchestrator.cli.terminal import say
from orchestrator.config import Pipeline, Settings

if TYPE_CHECKING:
    from orchestrator.runtime.delivery_deadline import Drain

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(context: typer.Context) -> None:
    """Work until SIGTERM or Ctrl-C: then finish what is in progress. A second signal hands it back at once.

    Embedded it serves the API too. What is away at the start is waited for; a broker whose queues are not what
    queues.yaml says is refused.
    """
    with ends_at_once():
        from orchestrator.observe import configure_logging
        from orchestrator.wiring import secrets_of

    settings, pipeline = invocation(context).configured()
    configure_logging(settings.log_level, settings.log_format, secrets_of(settings), settings.log_file)
    log_misspelt_variables()
    asyncio.run(_run(settings, pipeline))


async def _run(settings: Settings, pipeline: Pipeline) -> None:
    from orchestrator.operations import reachable
    from orchestrator.runtime.delivery_deadline import DeadlineReached, DeliveryDeadline, Drain
    from orchestrator.wiring import open_system, started

    drain = Drain()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, _signalled, drain)
    try:
        if settings.mode == "servers":
            await DeliveryDeadline(drain, math.inf).retry_while_unavailable(_verify_topology, settings, pipeline)
        async with AsyncExitStack() as stack:
            system = await stack.enter_async_context(open_system(settings, pipeline))
            is_embedded = settings.mode == "embedded"  # the files have one owner, so the API has to live here
            listener = stack.enter_context(api_listener(settings)) if is_embedded else None
            running = await stack.enter_async_context(started(system, drain))
            await stack.enter_async_context(reachable(running))
            if listener is not None:
                announce_api(await stack.enter_async_context(served(running.system, listener)), settings)
            keep_what_is_loaded()
            await drain.requested.wait()
    except DeadlineReached as over:
        say(f"left before it began: {over.cause}")


def _signalled(drain: "Drain") -> None:
    """The first signal asks to stop, any other one to release what is still in progress."""
    if drain.requested.is_set():
        drain.expire()
    drain.request()


async def _verify_topology(settings: Settings, pipeline: Pipeline) -> None:
    from orchestrator.cli.topology import rabbit_broker

    async with rabbit_broker(settings) as broker:
        await broker.verify_topology(pipeline)


def worker(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The model family, such as enhance.")],
) -> None:
    """Become a worker process. Options after NAME are the worker's: `justlens worker enhance -- --help`."""
    known = _workers()
    if name not in known:
        raise typer.BadParameter(f"no worker '{name}'; known: {', '.join(known)}", param_hint="NAME")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", f"workers.{name}", *context.args])  # noqa: S606, no shell


def _workers() -> list[str]:
    package = importlib.util.find_spec("workers")
    folders = package.submodule_search_locations if package else None
    return [
        found.name
        for found in pkgutil.iter_modules(folders)
        if found.ispkg and importlib.util.find_spec(f"workers.{found.name}.command")
    ]


def keep_what_is_loaded() -> None:
    """Take everything that exists by now out of the collector's sight: modules and clients stay until the end anyway.

    Call it once, when all is set up. Full collections otherwise go through them again and again, which was found to
    cost about a twentieth of the processor time of a job.
    """
    gc.collect()
    gc.freeze()
