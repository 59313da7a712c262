"""The SQL catalogue in a file: what a call that is given up leaves behind."""

import asyncio
import threading
from pathlib import Path

from orchestrator.stores.sql import SqlCatalogue


def database_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]


async def test_no_thread_outlives_a_closed_catalogue_whose_calls_were_given_up(tmp_path: Path) -> None:
    # A connection's thread answers to the event loop: one that ends after the loop fails in whatever runs then.
    assert not database_threads()
    for turns in range(40):
        catalogue = SqlCatalogue(f"sqlite+aiosqlite:///{tmp_path}/{turns}.sqlite", timeout_s=20)
        call = asyncio.create_task(catalogue.ping())
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait({call})
        await catalogue.close()
        assert not database_threads(), f"after a cancellation in turn {turns}"


async def test_many_who_open_a_new_file_at_once_all_get_in(tmp_path: Path) -> None:
    # Turning a file to write-ahead logging is the one step for which SQLite itself does not wait.
    for turn in range(30):
        url = f"sqlite+aiosqlite:///{tmp_path}/{turn}.sqlite"
        catalogues = [SqlCatalogue(url, timeout_s=20) for _ in range(6)]
        await asyncio.gather(*(catalogue.ping() for catalogue in catalogues))
        await asyncio.gather(*(catalogue.close() for catalogue in catalogues))
