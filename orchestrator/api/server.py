"""The API on a port, on the loop that runs already."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI

from orchestrator.domain.errors import ConfigurationError

CLOSE_TIMEOUT_S = 5
KEEP_ALIVE_S = 30
_BACKLOG = 512


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


async def serve_api(app: FastAPI, host: str, port: int) -> ApiServer:
    """Serve ``app``. Port 0 takes any free one. Raises ConfigurationError when the address cannot be had."""
    listener = _listen(host, port)
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
    address, bound = listener.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    return ApiServer(f"http://{shown}:{bound}", server, task)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        problem = f"JUSTLENS_API_HOST, JUSTLENS_API_PORT: cannot listen on {host}:{port} ({error.strerror or error})"
        raise ConfigurationError([problem]) from error
    # create_server leaves the protocol 0, and asyncio sets TCP_NODELAY only on connections of a listener that says TCP:
    # without it every answer but a connection's first waits 40 ms for the client's delayed acknowledgement.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listener.detach())
