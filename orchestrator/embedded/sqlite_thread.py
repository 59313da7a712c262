"""One SQLite file, one thread that owns it, and commits that are shared by whoever asks at the same time.

A commit in WAL mode with ``synchronous=FULL`` ends in an fsync: what was answered for survives a power cut. The fsync
is most of the cost, so operations that arrive while one is under way go into the next transaction together. Each has
a savepoint of its own: one that fails takes nothing of the others with it.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from orchestrator.domain.errors import Unavailable

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]

_MAX_BATCH = 512
_BUSY_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Request:
    operation: Operation[Any]
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Reply:
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class SqliteThread:
    """Runs operations on a SQLite file off the loop. Belongs to the loop that opened it."""

    def __init__(self, path: str | os.PathLike[str], dependency: str) -> None:
        self._path = os.fspath(path)
        self._dependency = dependency
        self._loop = asyncio.get_running_loop()
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False

    @classmethod
    async def open(cls, path: str | os.PathLike[str], script: str, *, dependency: str) -> Self:
        """Open ``path`` (":memory:" for none) and run ``script``: the schema, written so that it can run again.

        ``dependency`` names the file in Unavailable, which is raised when it cannot be opened or another process
        holds it.
        """
        self = cls(path, dependency)
        threading.Thread(target=self._main, args=(script,), name=f"sqlite-{dependency}", daemon=True).start()
        try:
            await asyncio.shield(self._opened)
        except asyncio.CancelledError:
            self._requests.put(None)
            raise
        return self

    async def run(self, operation: Operation[T], then: Callable[[T], None] | None = None) -> T:
        """The result of ``operation(connection)``, once it is committed.

        ``then`` is called on the loop with the result even if the caller was cancelled meanwhile: the operation is
        carried out all the same. Raises Unavailable when SQLite cannot (disk full, locked, damaged, closed), and
        whatever the operation raises.
        """
        if self._closing:
            raise Unavailable(self._dependency, "is closed")
        answer: asyncio.Future[T] = self._loop.create_future()
        if then is not None:
            answer.add_done_callback(lambda done: None if done.exception() else then(done.result()))
        self._requests.put(_Request(operation, answer))
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Carry out what was asked before, then let go of the file. A second call does nothing."""
        if not self._closing:
            self._closing = True
            self._requests.put(None)
        await asyncio.shield(self._ended)

    def _main(self, script: str) -> None:
        try:
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=_BUSY_TIMEOUT_S)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.executescript(script)
                self._post(_Reply(self._opened))
                self._serve(connection)
            finally:
                connection.close()
        except sqlite3.Error as error:
            self._closing = True
            self._post(_Reply(self._opened, error=Unavailable(self._dependency, f"{self._path}: {error}")))
        self._post(_Reply(self._ended))

    def _serve(self, connection: sqlite3.Connection) -> None:
        going_on = True
        while going_on:
            batch = [self._requests.get()]
            while len(batch) < _MAX_BATCH and not self._requests.empty():
                batch.append(self._requests.get())
            going_on = None not in batch
            self._post(*self._commit(connection, [request for request in batch if request is not None]))

    def _commit(self, connection: sqlite3.Connection, batch: Sequence[_Request]) -> list[_Reply]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            replies = [self._attempt(connection, request) for request in batch]
            connection.execute("COMMIT")
        except Exception as error:  # nobody may be left without an answer
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            away = self._translate(error)
            return [_Reply(request.answer, error=away) for request in batch]
        return replies

    def _attempt(self, connection: sqlite3.Connection, request: _Request) -> _Reply:
        connection.execute("SAVEPOINT request")
        try:
            reply = _Reply(request.answer, result=request.operation(connection))
        except Exception as error:  # handed to whoever asked
            if not connection.in_transaction:
                raise  # SQLite undid the whole transaction by itself, as it does when the disk is full
            connection.execute("ROLLBACK TO request")
            reply = _Reply(request.answer, error=self._translate(error))
        connection.execute("RELEASE request")
        return reply

    def _translate(self, error: Exception) -> Exception:
        ours = (sqlite3.OperationalError, sqlite3.InternalError)
        if isinstance(error, ours) or type(error) is sqlite3.DatabaseError:  # the bare class: the file is damaged
            return Unavailable(self._dependency, str(error))
        return error

    def _post(self, *replies: _Reply) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, replies)


def _resolve(replies: Sequence[_Reply]) -> None:
    for reply in replies:
        if reply.answer.done():
            continue
        if reply.error is not None:
            reply.answer.set_exception(reply.error)
        else:
            reply.answer.set_result(reply.result)
