"""The life of a worker process: listen, load, serve, drain, exit."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

from workers.processes import exit_with_parent
from workers.server.app import Frontend
from workers.server.logs import LogFormat, open_log
from workers.server.metrics import Metrics
from workers.server.service import ModelService


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Port 0 takes any free one. ``max_queue`` requests are in progress at once; ``drain_s`` seconds are left to them
    after SIGTERM or SIGINT. With ``parent_pid`` the process ends when that one is no longer its parent."""

    host: str = "127.0.0.1"
    port: int = 0
    max_queue: int = 64
    max_body_bytes: int = 32 * 2**20
    drain_s: float = 25.0
    parent_pid: int | None = None
    log_format: LogFormat = "json"


async def run(service: ModelService, metrics: Metrics, logger: Any, options: RunOptions) -> int:
    """Serve until a signal asks to stop. Returns the exit code: 0 when all work in progress was finished within
    ``drain_s``, 1 when some was cut off or the model could not be loaded, 2 when the address cannot be had.

    The first line on stdout, once the port is open: ``{"listening": "http://host:port", "service": name}``.
    """
    if options.parent_pid is not None:
        exit_with_parent(options.parent_pid)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    frontend = Frontend(service, metrics, logger, max_queue=options.max_queue, max_body_bytes=options.max_body_bytes)
    try:
        async with _listening(frontend, options) as url:
            finished, loaded = await _serve(frontend, service, logger, stopping, url, options.drain_s)
    except AddressNotAvailable as error:
        logger.error("cannot_listen", detail=str(error), remedy="choose another address with --host and --port")
        return 2
    logger.info("stopped", finished=finished)
    return 0 if finished and loaded else 1


async def _serve(
    frontend: Frontend, service: ModelService, logger: Any, stopping: asyncio.Event, url: str, drain_s: float
) -> tuple[bool, bool]:
    """Load, serve until ``stopping`` is set, drain. Whether all work was finished, and whether the model was loaded."""
    sys.stdout.write(json.dumps({"listening": url, "service": service.name}) + "\n")
    sys.stdout.flush()
    logger.info("listening", url=url)
    try:
        loaded = await _load(service, logger, stopping)
        if loaded:
            await stopping.wait()
        logger.info("draining", in_flight=frontend.in_flight)
        return await frontend.drain(drain_s), loaded
    finally:
        await service.close()


class AddressNotAvailable(Exception):
    """The worker cannot listen where it is told to."""


@asynccontextmanager
async def _listening(frontend: Frontend, options: RunOptions) -> AsyncIterator[str]:
    """The open port's URL. A request whose caller goes away is cancelled, so that nobody computes for nobody.

    Raises AddressNotAvailable.
    """
    runner = web.AppRunner(frontend.app(), handler_cancellation=True, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, options.host, options.port).start()
        except OSError as error:
            raise AddressNotAvailable(f"{options.host}:{options.port}: {error.strerror or error}") from error
        host = f"[{options.host}]" if ":" in options.host else options.host
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _load(service: ModelService, logger: Any, stopping: asyncio.Event) -> bool:
    """Whether there is nothing to be ashamed of: loaded, or asked to stop before it was."""
    load = asyncio.create_task(service.load())
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({load, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not load.done():
            return True
        load.result()
    except Exception as error:
        logger.error("load_failed", reason=str(error), exc_info=True)
        return False
    else:
        logger.info("ready", **service.handshake().model_dump())
        return True
    finally:
        for task in (load, stop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


def serve_and_exit(service: ModelService, metrics: Metrics, options: RunOptions) -> NoReturn:
    """Run the worker until a signal ends it; exits with its code."""
    logger = open_log(options.log_format, service=service.name, pid=os.getpid())
    code = asyncio.run(run(service, metrics, logger, options))
    sys.stdout.flush()
    os._exit(code)  # a thread that is still in a model or a codec must not hold up the exit
