"""The API on a port, on the loop that runs already."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI

from orchestrator.listening import open_listener, url_of

CLOSE_TIMEOUT_S = 5
KEEP_ALIVE_S = 30


class _Embedded(uvicorn.Server):
    """Leaves signals to the process it lives in, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Keep the clock of the Date header until it is time to stop; the server's own loop would poll for that."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.stopping.wait()


@dataclass(frozen=True, slots=True)
class ApiServer:
    """A running API. ``url`` is where it listens."""

    url: str
    _server: _Embedded = field(repr=False)
    _task: asyncio.Task[None] = field(repr=False)

    async def aclose(self) -> None:
        """Take no more requests, finish those in progress within CLOSE_TIMEOUT_S, then close. Harmless to repeat."""
        self._server.should_exit = True
        self._server.stopping.set()
        await asyncio.shield(self._task)


async def serve_api(app: FastAPI, host: str, port: int, listener: socket.socket | None = None) -> ApiServer:
    """Serve ``app`` on ``listener`` if there is one already, else on the address. Port 0 takes any free one.

    Raises ConfigurationError when the address cannot be had.
    """
    listener = listener or listen_for_api(host, port)
    try:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
        )
        server = _Embedded(config)
        task = asyncio.create_task(server.serve([listener]), name="api")
        await server.listening.wait()
    except BaseException:
        listener.close()
        raise
    return ApiServer(url_of(listener), server, task)


def listen_for_api(host: str, port: int) -> socket.socket:
    """The API's listener, which a process takes before it starts anything else. Raises ConfigurationError."""
    return open_listener(host, port, "JUSTLENS_API_HOST", "JUSTLENS_API_PORT")
