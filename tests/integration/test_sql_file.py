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
