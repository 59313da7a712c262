"""How hard one host is asked, and that others never wait for it."""

import asyncio
import time

import pytest

from orchestrator.clients.host_limits import WAIT_S, HostLimits
from orchestrator.domain.errors import JobDeferred


async def test_a_host_at_its_limit_defers_and_another_is_served() -> None:
    limits = HostLimits(2, 0)
    async with limits.turn("slow"), limits.turn("slow"):
        with pytest.raises(JobDeferred, match="2 downloads from slow are in progress"):
            async with limits.turn("slow"):
                pass
        async with limits.turn("other"):
            pass
    async with limits.turn("slow"):
        pass


async def test_a_turn_that_comes_free_in_a_moment_is_waited_for() -> None:
    limits = HostLimits(1, 0)

    async def hold() -> None:
        async with limits.turn("host"):
            await asyncio.sleep(WAIT_S / 5)

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    async with limits.turn("host"):
        assert holding.done()


async def test_downloads_are_begun_no_faster_than_allowed() -> None:
    limits, began = HostLimits(0, 20), time.monotonic()
    for _ in range(5):
        async with limits.turn("host"):
            pass
    assert time.monotonic() - began >= 4 / 20 * 0.95
    with pytest.raises(JobDeferred, match="20 downloads a second"):
        await asyncio.gather(*(_take(limits) for _ in range(30)))


async def _take(limits: HostLimits) -> None:
    async with limits.turn("host"):
        pass


async def test_a_paused_host_is_refused_until_its_time_is_over() -> None:
    limits = HostLimits(0, 0)
    async with limits.turn("host"):
        limits.pause("host", 0.1)
    with pytest.raises(JobDeferred) as caught:
        await _take(limits)
    assert 0 < caught.value.delay_s <= 0.1
    await asyncio.sleep(0.11)
    await _take(limits)
    assert limits._hosts == {}, "a host that is at rest is forgotten"
