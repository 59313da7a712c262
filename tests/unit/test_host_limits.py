"""How hard one host is asked, and that others never wait for it."""

import asyncio
import time

import pytest

from orchestrator.clients.fetch.host_limits import MOMENT_S, WAIT_S, HostLimits
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
        limits.pause("host", MOMENT_S * 1.5)
    began = time.monotonic()
    with pytest.raises(JobDeferred) as caught:
        await _take(limits)
    assert 0 < caught.value.delay_s <= MOMENT_S * 0.5
    assert time.monotonic() - began >= MOMENT_S * 0.95, "a backlog of a paused host must not go round at full speed"
    await _take(limits)  # the rest of the pause is less than a moment: it is waited for
    assert limits._hosts == {}, "a host that is at rest is forgotten"


async def test_hosts_asked_once_are_forgotten_when_their_interval_is_over() -> None:
    limits = HostLimits(4, 50)
    for number in range(500):
        async with limits.turn(f"host{number}"):
            pass
    async with limits.turn("paused"):
        limits.pause("paused", 0.05)
    await asyncio.sleep(0.1)
    assert limits._hosts == {}
