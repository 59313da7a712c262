"""A connection to Milvus: every request is bounded in time, and fails in our words.

AsyncGrpcHandler is what pymilvus's AsyncMilvusClient calls. It is used without that client because of the client's
connection manager, which after one failure makes all callers wait for each other while it connects anew. The channel
of gRPC connects again by itself.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from pymilvus.client.async_grpc_handler import AsyncGrpcHandler
from pymilvus.client.call_context import CallContext

from orchestrator.domain.errors import Unavailable
from orchestrator.stores.milvus.errors import FOREIGN, translate

_DEFAULT_PORT = 19530
_GRACE_S = 0.5
_STOP_S = 2.0
_LOGGERS = ("pymilvus", "milvus_lite", "grpc._server")
"""The last is the server of Milvus Lite."""
_NEVER_MS = 2**31 - 1
_RECONNECT_MS = {"grpc.initial_reconnect_backoff_ms": 100, "grpc.max_reconnect_backoff_ms": 2000}


class Connection:
    """Requests to one server, at most ``in_flight`` at once. Belongs to the loop that opened it."""

    def __init__(
        self, handler: Any, *, database: str, timeout_s: float, in_flight: int, release: Callable[[], None]
    ) -> None:
        self.handler = handler
        self._context = CallContext(db_name=database)
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(in_flight)
        self._release = release
        self._closed = False
        for name in _LOGGERS:  # they log what they raise; whoever catches it says it once
            logging.getLogger(name).setLevel(logging.CRITICAL)

    @classmethod
    async def to_server(cls, url: str, *, token: str | None, timeout_s: float, in_flight: int) -> Self:
        """Nothing is asked of the server yet. The URL's path names a database, and may be empty."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        in_url = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        handler = AsyncGrpcHandler(
            address=f"{parts.hostname}:{parts.port or (443 if secure else _DEFAULT_PORT)}",
            token=token or in_url,
            secure=secure,
            grpc_options=_RECONNECT_MS,
        )
        database = unquote(parts.path.strip("/"))
        return cls(handler, database=database, timeout_s=timeout_s, in_flight=in_flight, release=lambda: None)

    @classmethod
    async def to_file(cls, path: str | os.PathLike[str], *, timeout_s: float) -> Self:
        """Open a Milvus Lite folder, which serves itself on a free port of the loopback. Raises Unavailable.

        One request at a time: its engine takes one writer at most, and its threads share the interpreter with the loop.
        """
        try:
            port, release = await asyncio.to_thread(_serve, os.fspath(path))
        except Exception as error:  # the engine has exceptions of its own, and raises those of Arrow and of the system
            raise Unavailable("milvus", f"{os.fspath(path)}: {error}") from error
        # Pings to a server in this very process say nothing; after some it complains of them on stderr.
        options = {**_RECONNECT_MS, "grpc.enable_http_proxy": 0, "grpc.keepalive_time_ms": _NEVER_MS}
        handler = AsyncGrpcHandler(address=f"127.0.0.1:{port}", grpc_options=options)
        return cls(handler, database="", timeout_s=timeout_s, in_flight=1, release=release)

    async def ask(self, method: Callable[..., Awaitable[Any]], *arguments: Any, **options: Any) -> Any:
        """The answer to one request, a method of ``handler``. Raises Unavailable or JobRefused."""
        if self._closed:
            raise Unavailable("milvus", "is closed")
        try:
            async with asyncio.timeout(self._timeout_s + _GRACE_S), self._slots:
                return await method(*arguments, timeout=self._timeout_s, context=self._context, **options)
        except FOREIGN as error:
            raise translate(error) from error

    async def close(self) -> None:
        """Let go of the server. A second call does nothing."""
        if not self._closed:
            self._closed = True
            await self.handler.close()
            await asyncio.to_thread(self._release)


def _serve(path: str) -> tuple[int, Callable[[], None]]:
    """Open the folder and serve it; the port, and what ends it. Takes a second the first time, for the imports."""
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    server, database, port = start_server_in_thread(path)

    def release() -> None:
        server.stop(_STOP_S).wait()
        database.close()

    return port, release
