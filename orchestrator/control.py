"""The way in to a running embedded system: JSON over a socket in its data directory.

One process owns the files of an embedded system. A command-line call that finds them owned asks the owner to carry
its operation out. The socket's permissions are those of the data directory's owner alone.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from orchestrator.domain.errors import JustLensError, Unavailable

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]
_MAX_LINE = 64 * 2**20


class DataDirInUse(JustLensError):
    """Another process owns the data directory."""


class OperationFailed(JustLensError):
    """The owner could not carry the operation out; the text is its own."""


@contextmanager
def own_data_dir(data_dir: Path) -> Iterator[None]:
    """Own ``data_dir`` while the context lasts, or until the process ends, however it ends. Raises DataDirInUse."""
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataDirInUse(f"{data_dir} is in use by another process of JustLens") from error
        yield
    finally:
        os.close(descriptor)


def socket_path(data_dir: Path) -> Path:
    """Where the owner listens. Unix socket paths are short, so it is given relative to the working directory if that
    helps."""
    path = data_dir.resolve() / "control"
    relative = Path(os.path.relpath(path))
    return relative if len(str(relative)) < len(str(path)) else path


async def serve_control(data_dir: Path, call: Call) -> asyncio.Server:
    """Carry out operations for other processes until the server is closed."""

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
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, path, limit=_MAX_LINE)
    path.chmod(0o600)
    return server


async def _answer(line: bytes, call: Call) -> bytes:
    try:
        request = json.loads(line)
        result = await call(request["operation"], request["arguments"])
        return json.dumps({"result": result}).encode()
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
        """What the owner answered. Raises OperationFailed with the owner's words, Unavailable when it went away."""
        try:
            self._writer.write(json.dumps({"operation": operation, "arguments": arguments}).encode() + b"\n")
            await self._writer.drain()
            line = await self._reader.readline()
        except OSError as error:
            raise Unavailable("the process that owns the data directory", str(error)) from error
        if not line:
            raise Unavailable("the process that owns the data directory", "it went away")
        answer = json.loads(line)
        if "error" in answer:
            raise OperationFailed(answer["error"])
        return answer["result"]

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(OSError):  # it hung up first
            await self._writer.wait_closed()
