"""A fetcher with short limits that may reach loopback, and what it says when it fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from orchestrator.clients.fetch.fetcher import FetchLimits, SafeFetcher
from orchestrator.domain.errors import JobError

LIMITS = FetchLimits(max_bytes=64 * 1024, timeout_s=1.0, max_redirects=5, first_byte_timeout_s=0.4)
LOOPBACK = ("127.0.0.0/8", "::1/128")


@asynccontextmanager
async def fetching(**options: Any) -> AsyncIterator[SafeFetcher]:
    fetcher = SafeFetcher(options.pop("limits", LIMITS), **{"allow_networks": LOOPBACK, **options})
    try:
        yield fetcher
    finally:
        await fetcher.close()


async def failure(fetcher: SafeFetcher, url: str) -> JobError:
    with pytest.raises(JobError) as caught:
        await fetcher.fetch(url)
    return caught.value
