"""`justlens api`: the relevancy API as a process of its own."""

import asyncio
import importlib.util
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.interrupts import ends_at_once
from orchestrator.cli.invocation import invocation, log_misspelt_variables
from orchestrator.cli.terminal import say
from orchestrator.config import Pipeline, Settings

if TYPE_CHECKING:
    from orchestrator.wiring import System

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def api(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of JUSTLENS_API_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 = any free one.")] = None,
) -> None:
    """Serve the API until SIGTERM or Ctrl-C; its documentation is at /docs.

    Embedded it serves the data directory when nobody else owns it. Stores that are away at the start are no obstacle.
    """
    with ends_at_once():
        from orchestrator.observe import configure_logging
        from orchestrator.wiring import secrets_of

    asked = invocation(context)
    settings, pipeline = asked.configured()
    given = {"api_host": host, "api_port": port}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    configure_logging(settings.log_level, settings.log_format, secrets_of(settings), settings.log_file)
    log_misspelt_variables()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, pipeline))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where the extra ``fast`` is installed: the server takes whichever loop runs already."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def announce_api(url: str, settings: Settings) -> None:
    """Say where the API is, in the format of the log beside it."""
    import structlog

    from orchestrator.observe import is_pretty

    if settings.log_file or is_pretty(settings.log_format):
        say(f"API at {url}, documentation at {url}/docs")
    else:
        structlog.get_logger(__name__).info("api_listening", url=url, docs=f"{url}/docs")


async def _serve(settings: Settings, pipeline: Pipeline) -> None:
    from orchestrator.wiring import open_system

    stop = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(open_system(settings, pipeline))
        listener = stack.enter_context(api_listener(settings))
        if settings.mode == "embedded":
            await system.catalogue.ensure_schema()  # the files may be new; servers are made ready by `justlens run`
        announce_api(await stack.enter_async_context(served(system, listener)), settings)
        await stop.wait()


@contextmanager
def api_listener(settings: Settings) -> Iterator[socket.socket]:
    """The API's listener, with its keys checked: what is wrong with either is said before anything is started.

    Raises ConfigurationError.
    """
    from orchestrator.api import listen_for_api, options_from

    options_from(settings)
    with listen_for_api(settings.api_host, settings.api_port) as listener:
        yield listener


@asynccontextmanager
async def served(system: "System", listener: socket.socket) -> AsyncIterator[str]:
    """The API of ``system``, on the loop that runs; its URL. Raises ConfigurationError."""
    from orchestrator.api import create_app, options_from, serve_api, services_of

    settings = system.settings
    app = create_app(services_of(system), options_from(settings))
    server = await serve_api(app, settings.api_host, settings.api_port, listener)
    try:
        yield server.url
    finally:
        await server.aclose()
