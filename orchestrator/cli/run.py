"""`justlens run` and `justlens worker`: the processes that do the work."""

import asyncio
import importlib.util
import os
import pkgutil
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.invocation import invocation
from orchestrator.config import Pipeline, Settings

if TYPE_CHECKING:
    from orchestrator.wiring import Running

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(context: typer.Context) -> None:
    """Work until SIGTERM or Ctrl-C: then finish what is in progress. A second signal hands it back at once."""
    from orchestrator.observe import configure_logging
    from orchestrator.wiring import secrets_of

    settings, pipeline = invocation(context).configured()
    configure_logging(settings.log_level, settings.log_format, secrets_of(settings))
    asyncio.run(_run(settings, pipeline))


@dataclass(slots=True)
class _Leaving:
    """What signals do: the first asks to stop, any other one to hand back what is still in progress."""

    stop: asyncio.Event
    running: "Running | None" = None

    def signalled(self) -> None:
        if self.stop.is_set() and self.running is not None:
            self.running.consumers.expire()
        self.stop.set()


async def _run(settings: Settings, pipeline: Pipeline) -> None:
    from orchestrator.operations import reachable
    from orchestrator.wiring import started

    leaving = _Leaving(asyncio.Event())
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, leaving.signalled)
    if settings.mode == "servers":
        await _verify_topology(settings, pipeline)
    async with started(settings, pipeline) as leaving.running, reachable(leaving.running):
        await leaving.stop.wait()


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
        if found.ispkg and importlib.util.find_spec(f"workers.{found.name}.__main__")
    ]
