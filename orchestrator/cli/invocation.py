"""What one call of the command line has in common: the global options, and the errors it can end with."""

import asyncio
import os
import shlex
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from typer.core import TyperGroup

from orchestrator import __version__
from orchestrator.cli.exits import fail
from orchestrator.cli.quantities import given_path
from orchestrator.cli.terminal import say
from orchestrator.config import Pipeline, Settings, find_misspelt, load_settings
from orchestrator.domain.errors import ConfigurationError, JustLensError
from orchestrator.embedded.control_socket import Call
from orchestrator.embedded.data_dir import make_data_dir, require_data_dir

T = TypeVar("T")

_PROCESSES = ("run", "api")
"""Commands that warn in their log."""
_PLACES = ("mode", "data_dir", "queues_file")
"""Options that say which system is meant."""
_DRIVERS = frozenset({"aio_pika", "aiormq", "boto3", "botocore", "motor", "pymongo"})


@dataclass(frozen=True, slots=True)
class Invocation:
    """The settings given on the command line, by the name of their field."""

    overrides: Mapping[str, object] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """How a command about the same system begins, such as ``justlens --data-dir build/tour``."""
        named = [(name, self.overrides[name]) for name in _PLACES if name in self.overrides]
        options = [word for name, value in named for word in (f"--{name.replace('_', '-')}", str(value))]
        return shlex.join(["justlens", *options])

    def settings(self) -> Settings:
        """The settings in force. Raises ConfigurationError."""
        return load_settings(**self.overrides)

    def configured(self) -> tuple[Settings, Pipeline]:
        """Settings and pipeline in force, checked. Raises ConfigurationError with every mistake."""
        from orchestrator.wiring import load_checked_pipeline

        settings = self.settings()
        return settings, load_checked_pipeline(settings)

    def operate(self, work: Callable[[Call], Awaitable[T]]) -> T:
        """What ``work`` makes of a way to call operations on the system in force.

        Raises ConfigurationError when there is none, embedded: ``prepare`` makes a new one.
        """
        return asyncio.run(self.operated(work))

    def prepare(self) -> None:
        """Make the data directory of an embedded system that is used for the first time. Raises ConfigurationError."""
        settings = self.settings()
        if settings.mode == "embedded":
            make_data_dir(settings.data_dir)

    async def operated(self, work: Callable[[Call], Awaitable[T]]) -> T:
        """What ``work`` makes of a way to call operations, on a running event loop. Raises as ``operate``."""
        from orchestrator.operations import connected

        settings, pipeline = self.configured()
        quiet_logging(settings)
        if settings.mode == "embedded":
            require_data_dir(settings.data_dir)
        async with connected(settings, pipeline) as call:
            return await work(call)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work`` on an event loop of its own."""
        return asyncio.run(work)


def quiet_logging(settings: Settings) -> None:
    """A command answers by itself: of the log only errors are shown, unless the level asks for every detail."""
    from orchestrator.observe import configure_logging
    from orchestrator.wiring import secrets_of

    level = "debug" if settings.log_level == "debug" else "error"
    configure_logging(level, settings.log_format, secrets_of(settings))


def log_misspelt_variables() -> None:
    """Warn in the log of a process, whose lines may be JSON, as other commands do on stderr."""
    import structlog

    for problem in find_misspelt(os.environ):
        structlog.get_logger(__name__).warning("unknown_variable", detail=problem)


def invocation(context: typer.Context) -> Invocation:
    """The invocation that ``context`` belongs to."""
    found = context.find_root().obj
    return found if isinstance(found, Invocation) else Invocation()


class Guarded(TyperGroup):
    """A group of commands whose known errors end in sentences and an exit code, never in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises typer.Exit."""
        try:
            return super().invoke(ctx)
        except JustLensError as error:
            raise typer.Exit(fail(error)) from error
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in _DRIVERS:
                raise
            problem = f"the drivers of mode 'servers' are not installed ({error.name}): pip install 'justlens[servers]'"
            raise typer.Exit(fail(ConfigurationError([problem]))) from error


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"justlens {__version__}")
        raise typer.Exit


def global_options(
    context: typer.Context,
    mode: Annotated[
        Literal["embedded", "servers"] | None, typer.Option(help="Files of one process, or real servers.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="PATH", help="Embedded: where everything lies.")
    ] = None,
    queues_file: Annotated[
        Path | None, typer.Option(parser=given_path, metavar="PATH", help="The pipeline, a queues.yaml.")
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, typer.Option(help="Least level that is logged.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Makes business images better and findable. Settings come from JUSTLENS_* variables; the options here go first."""
    given = {"mode": mode, "data_dir": data_dir, "queues_file": queues_file, "log_level": log_level}
    context.obj = Invocation({name: value for name, value in given.items() if value is not None})
    if context.invoked_subcommand not in _PROCESSES:
        for problem in find_misspelt(os.environ):
            say(f"warning: {problem}")
