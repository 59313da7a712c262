"""Waiting for a SQL catalogue to be well again."""

import asyncio
import time

from orchestrator.domain.errors import Unavailable
from orchestrator.stores.sql import SqlCatalogue


async def works_again(catalogue: SqlCatalogue) -> None:
    """Every connection, within a few calls."""
    deadline = time.monotonic() + 20
    while True:
        try:
            await asyncio.gather(*(catalogue.alt_texts_of("b") for _ in range(20)))
            return
        except Unavailable:
            assert time.monotonic() < deadline
