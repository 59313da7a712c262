"""Workers of this process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.kit.pool import StubWorker


@pytest.fixture
async def workers() -> AsyncIterator[list[StubWorker]]:
    """Three workers that are up."""
    async with AsyncExitStack() as stack:
        made = [StubWorker() for _ in range(3)]
        for worker in made:
            await worker.start()
            stack.push_async_callback(worker.stop)
        yield made
