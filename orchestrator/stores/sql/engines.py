"""How the SQL databases are reached: URL, pool and options of their drivers, and letting go of all of it."""

import asyncio
import sqlite3
import ssl
import threading
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from orchestrator.domain.errors import ConfigurationError

_SERVER_CONNECTIONS = 8
_RECYCLE_S = 1800
_BUSY_SHARE = 0.5  # of the time limit: SQLite says "locked" before the call is given up
_TLS_OPTIONS = {"ssl_ca", "ssl_cert", "ssl_key"}


class SqlEngine:
    """SQLAlchemy's engine for ``mysql+aiomysql`` or ``sqlite+aiosqlite``, whose statements commit by themselves.

    That leaves nothing to be rolled back when a connection returns to the pool, so returning it never waits for the
    server. Nothing in here gives up by itself: whoever calls bounds the time. (Drivers and pool would do so with
    ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that comes just when the wait is over; the caller's
    limit would then be gone for good, and a call to a server that is frozen would never end.)

    ``timeout_s`` is that limit, for SQLite's own waiting for a lock. Raises ConfigurationError for any other URL.
    """

    def __init__(self, url: str, timeout_s: float, **options: Any) -> None:
        parsed = _checked(url)
        self._sqlite = _SqliteFile(parsed.database, timeout_s * _BUSY_SHARE)
        sqlite = parsed.drivername.startswith("sqlite")
        pool = {
            "poolclass": AsyncAdaptedQueuePool,
            "pool_size": 1 if sqlite else _SERVER_CONNECTIONS,  # SQLite has one writer; a queue is fair, its lock not
            "max_overflow": 0,
            "pool_timeout": None,
            "pool_pre_ping": not sqlite,
            "pool_recycle": -1 if sqlite else _RECYCLE_S,
            "pool_use_lifo": True,
            "pool_reset_on_return": None,
        }
        self._engine: AsyncEngine = create_async_engine(
            parsed.difference_update_query(_TLS_OPTIONS),
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            hide_parameters=True,
            **({"async_creator": self._sqlite.connect} if sqlite else {"connect_args": _mysql_arguments(parsed)}),
            **(options or pool),
        )
        self.dialect = self._engine.dialect.name

    def connect(self) -> AsyncConnection:
        """A connection, once awaited or entered."""
        return self._engine.connect()

    async def dispose(self) -> None:
        """Close the connections that nobody uses, and wait for what is left of the others."""
        await self._engine.dispose()
        await self._sqlite.ended()


async def give_up(connection: AsyncConnection) -> None:
    """Drop ``connection``, whatever state it is in, without waiting for a server that may no longer listen."""
    if connection.dialect.driver == "aiomysql" and not connection.invalidated:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        driver.close()  # at once; SQLAlchemy would take its leave first
    await connection.invalidate()


class _SqliteFile:
    """Connections to one SQLite file, each with a thread of aiosqlite's, and the end of those threads.

    A connection that is given up, perhaps while it is made, leaves its thread to end by itself. The thread then
    answers to the event loop, which therefore must not be closed before.
    """

    def __init__(self, path: str | None, busy_timeout_s: float) -> None:
        self._path = Path(path or ":memory:")
        self._busy_timeout_s = busy_timeout_s
        self._threads: set[threading.Thread] = set()

    async def connect(self) -> aiosqlite.Connection:
        connection = aiosqlite.Connection(self._open, iter_chunk_size=64)
        thread = connection._thread
        thread.daemon = True
        self._threads = {one for one in self._threads if one.is_alive()} | {thread}
        return await connection

    async def ended(self) -> None:
        while running := [thread for thread in self._threads if thread.is_alive()]:
            await asyncio.to_thread(running[0].join, 0.1)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=self._busy_timeout_s)
        try:
            self._turned_to_wal(connection)
            connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _turned_to_wal(self, connection: sqlite3.Connection) -> None:
        """SQLite does not wait, as it does elsewhere, while two turn a new file to this mode: it says at once that the
        file is locked."""
        attempts = Retrying(
            retry=retry_if_exception(
                lambda error: isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            ),
            stop=stop_after_delay(self._busy_timeout_s),
            wait=wait_random(0.001, 0.02),
            reraise=True,
        )
        attempts(connection.execute, "PRAGMA journal_mode=WAL")


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(["JUSTLENS_SQL_URL: is no SQLAlchemy URL"]) from error
    if parsed.drivername not in ("mysql+aiomysql", "sqlite+aiosqlite"):
        raise ConfigurationError([f"JUSTLENS_SQL_URL: must begin with mysql+aiomysql://, not {parsed.drivername}://"])
    return parsed


def _mysql_arguments(url: URL) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "charset": "utf8mb4",
        "sql_mode": "'TRADITIONAL'",  # refuses what it would otherwise shorten or replace
        "connect_timeout": None,
        # Without FOUND_ROWS, which SQLAlchemy asks for: a row that an upsert left alone must not be counted.
        "client_flag": 0,
    }
    options = {name: str(url.query[name]) for name in _TLS_OPTIONS if name in url.query}
    if options:
        context = ssl.create_default_context(cafile=options.get("ssl_ca"))
        if "ssl_cert" in options:
            context.load_cert_chain(options["ssl_cert"], options.get("ssl_key"))
        arguments["ssl"] = context
    return arguments
