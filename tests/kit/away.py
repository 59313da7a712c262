"""Calls to a store that is away, and what they would have written."""

import time
from collections.abc import Awaitable

import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.outcome import SetSection

TIMEOUT_S = 1.0
AT_MOST_S = 5.0  # the machine may be busy; a call without a timeout takes 20 s and more
SECTION = SetSection("b", "i", "content", "v1", {"n": 1})


async def is_unavailable(call: Awaitable[object]) -> str:
    began = time.monotonic()
    with pytest.raises(Unavailable) as away:
        await call
    assert time.monotonic() - began < AT_MOST_S
    return str(away.value)
