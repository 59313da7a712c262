"""The way in to a running embedded system: JSON over a socket in its data directory.

One process owns the files of an embedded system. A command-line call that finds them owned asks the owner to carry
its operation out. The socket's permissions are those of the data directory's owner alone.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.domain.errors import ConfigurationError, JustLensError, Unavailable
from orchestrator.embedded.data_dir import socket_path, unusable

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]
_MAX_LINE = 64 * 2**20


class OperationFailed(JustLensError):
    """The owner could not carry the operation out; the text is its own."""


async def serve_control(data_dir: Path, call: Call) -> asyncio.Server:
    """Carry out operations for other processes until the server is closed.

    Raises ConfigurationError when the socket cannot be made.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(await _answer(line, call) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the caller went away, or sent more than a line may hold
        finally:
            writer.close()

    path = socket_path(data_dir)
    try:
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(answer, path, limit=_MAX_LINE)
        path.chmod(0o600)
    except OSError as error:
        remedy = "remove what is there, or choose a folder on a disk of this machine with --data-dir"
        raise unusable(data_dir, OSError(error.errno, error.strerror, str(path)), remedy) from error
    return server


async def _answer(line: bytes, call: Call) -> bytes:
    try:
        request = json.loads(line)
        result = await call(request["operation"], request["arguments"])
        return json.dumps({"result": result}).encode()
    except ConfigurationError as error:
        return json.dumps({"error": str(error), "problems": error.problems}).encode()
    except JustLensError as error:
        return json.dumps({"error": str(error)}).encode()
    except Exception as error:  # the caller must hear of it, and the owner must live on
        return json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()


class Owner:
    """The owner of a data directory, as seen by another process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, data_dir: Path) -> "Owner":
        """Raises Unavailable when the owner does not answer (it may be starting, or leaving)."""
        try:
            reader, writer = await asyncio.open_unix_connection(socket_path(data_dir), limit=_MAX_LINE)
        except OSError as error:
            raise Unavailable("the process that owns the data directory", str(error)) from error
        return cls(reader, writer)

    async def call(self, operation: str, arguments: dict[str, Any]) -> Any:
        """What the owner answered.

        Raises ConfigurationError as the owner did, else OperationFailed with its words; Unavailable when it went away.
        """
        try:
            self._writer.write(json.dumps({"operation": operation, "arguments": arguments}).encode() + b"\n")
            await self._writer.drain()
            line = await self._reader.readline()
        except OSError as error:
            raise Unavailable("the process that owns the data directory", str(error)) from error
        if not line:
            raise Unavailable("the process that owns the data directory", "it went away")
        answer = json.loads(line)
        if "problems" in answer:
            raise ConfigurationError(answer["problems"])
        if "error" in answer:
            raise OperationFailed(answer["error"])
        return answer["result"]

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(OSError):  # it hung up first
            await self._writer.wait_closed()
