"""What an operator can ask of a system: functions from JSON to JSON, in process or over the control socket."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from orchestrator.config import Pipeline, Settings
from orchestrator.domain.errors import ConfigurationError, Unavailable
from orchestrator.embedded.control_socket import Call, Owner, serve_control
from orchestrator.embedded.data_dir import DataDirInUse
from orchestrator.operations import catalogue, dead_letters, publishing, status, sweeping
from orchestrator.wiring import Running, System, open_system

OWNER_WAIT_S = 5.0
OWNER_POLL_S = 0.1

OPERATIONS: Mapping[str, Callable[..., Awaitable[Any]]] = {
    "catalogue.load": catalogue.load,
    "catalogue.snapshot": catalogue.take_snapshot,
    "publish": publishing.publish,
    "consumers": status.consumers,
    "health": status.health,
    "status": status.status,
    "sweep": sweeping.sweep,
    "jobs": status.jobs,
    "image": status.image,
    "dlq.list": dead_letters.list_letters,
    "dlq.show": dead_letters.show,
    "dlq.stats": dead_letters.stats,
    "dlq.replay": dead_letters.replay,
    "dlq.edit": dead_letters.edit,
    "dlq.drop": dead_letters.drop,
}


def operator(system: System) -> Call:
    """A call that carries operations out on ``system``."""

    async def call(operation: str, arguments: dict[str, Any]) -> Any:
        try:
            function = OPERATIONS[operation]
        except KeyError:
            raise ConfigurationError([f"no operation '{operation}'; known: {', '.join(OPERATIONS)}"]) from None
        return await function(system, **arguments)

    return call


@asynccontextmanager
async def connected(settings: Settings, pipeline: Pipeline) -> AsyncIterator[Call]:
    """A way to call operations: on servers, on the files of an embedded system, or through their owner.

    Raises DataDirInUse when the files have an owner that does not answer within OWNER_WAIT_S seconds.
    """
    async with AsyncExitStack() as stack:
        yield await _connect(settings, pipeline, stack)


async def _connect(settings: Settings, pipeline: Pipeline, stack: AsyncExitStack) -> Call:
    patient_until = time.monotonic() + OWNER_WAIT_S
    while True:
        try:
            return operator(await stack.enter_async_context(open_system(settings, pipeline)))
        except DataDirInUse as in_use:
            try:
                owner = await Owner.connect(settings.data_dir)
            except Unavailable as silent:
                # It may be starting or leaving, or another command that is done in a moment.
                if time.monotonic() > patient_until:
                    raise DataDirInUse(f"{in_use}, which does not answer") from silent
                await asyncio.sleep(OWNER_POLL_S)
                continue
            stack.push_async_callback(owner.close)
            return owner.call


@asynccontextmanager
async def reachable(running: Running) -> AsyncIterator[None]:
    """Let other processes call operations on an embedded system that runs here."""
    if running.system.settings.mode != "embedded":
        yield
        return
    server = await serve_control(running.system.settings.data_dir, operator(running.system))
    try:
        yield
    finally:
        server.close()
