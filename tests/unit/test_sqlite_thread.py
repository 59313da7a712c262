"""One thread, shared commits, and an answer for everybody."""

import asyncio
import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.embedded.sqlite_thread import SqliteThread

SCHEMA = "CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY)"


def add(connection: sqlite3.Connection, n: int) -> int:
    connection.execute("INSERT INTO numbers VALUES (?)", (n,))
    return n


def total(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM numbers").fetchone()[0]
    return count


async def opened(path: Path | str = ":memory:") -> SqliteThread:
    return await SqliteThread.open(path, SCHEMA, dependency="numbers")


async def test_an_operation_that_fails_takes_nothing_of_its_neighbours_with_it() -> None:
    thread = await opened()

    def fails_halfway(connection: sqlite3.Connection) -> None:
        add(connection, 100)
        raise ValueError("no")

    results = await asyncio.gather(
        *(thread.run(partial(add, n=n)) for n in (1, 2, 2)),
        thread.run(fails_halfway),
        thread.run(partial(add, n=3)),
        return_exceptions=True,
    )
    assert results[0:2] == [1, 2] and results[4] == 3
    assert isinstance(results[2], sqlite3.IntegrityError) and isinstance(results[3], ValueError)
    assert await thread.run(total) == 3
    await thread.close()


async def test_operations_run_in_one_thread_that_is_not_the_loops() -> None:
    thread = await opened()
    idents = await asyncio.gather(*(thread.run(lambda _: threading.get_ident()) for _ in range(10)))
    assert len(set(idents)) == 1 and threading.get_ident() not in idents
    await thread.close()


async def test_what_follows_a_commit_is_done_though_the_caller_was_cancelled() -> None:
    thread = await opened()
    heard: list[int] = []
    asking = asyncio.create_task(thread.run(partial(add, n=1), then=heard.append))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    assert asking.cancelled()
    assert await thread.run(total) == 1
    assert heard == [1]
    await thread.close()


async def test_a_failed_operation_is_followed_by_nothing() -> None:
    thread = await opened()
    heard: list[int] = []
    for _ in range(2):
        await asyncio.gather(thread.run(partial(add, n=1), then=heard.append), return_exceptions=True)
    assert heard == [1]
    await thread.close()


async def test_closing_carries_out_what_was_asked_before_and_nothing_after(tmp_path: Path) -> None:
    thread = await opened(tmp_path / "numbers")
    asked = [asyncio.create_task(thread.run(partial(add, n=n))) for n in range(50)]
    await asyncio.sleep(0)
    await asyncio.gather(thread.close(), thread.close())
    assert [task.result() for task in asked] == list(range(50))
    with pytest.raises(Unavailable, match="numbers is not available: is closed"):
        await thread.run(total)
    thread = await opened(tmp_path / "numbers")
    assert await thread.run(total) == 50
    await thread.close()


async def test_a_file_another_connection_holds_is_unavailable_and_free_again_later(tmp_path: Path) -> None:
    thread = await opened(tmp_path / "numbers")
    other = sqlite3.connect(tmp_path / "numbers", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(*(thread.run(partial(add, n=n)) for n in (1, 2)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) and "locked" in str(result) for result in results)
    other.execute("ROLLBACK")
    other.close()
    assert await thread.run(partial(add, n=1)) == 1
    await thread.close()


async def test_a_path_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="unable to open"):
        await opened(tmp_path / "missing" / "numbers")
