"""The pool of decoder processes: what happens to decoders that bad pictures hit."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import psutil
import pytest

from tests.kit.decoder_jobs import bug, die, eat_memory, echo, refuse, sleep_for_ever
from tests.kit.process import wait_until
from workers.errors import Refused
from workers.images.decoder_pool import DecoderBug, DecoderPool
from workers.images.decoder_process import DecodeLimits


class Counting:
    def __init__(self) -> None:
        self.restarts = 0

    def __call__(self) -> None:
        self.restarts += 1


@pytest.fixture
async def restarts() -> Counting:
    return Counting()


@pytest.fixture
async def pool(restarts: Counting) -> AsyncIterator[DecoderPool]:
    pool = DecoderPool(1, DecodeLimits(memory_bytes=256 * 2**20, timeout_s=2.0), restarts)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


async def test_large_bodies_go_there_and_back_and_the_process_stays(pool: DecoderPool, restarts: Counting) -> None:
    body = os.urandom(20_000_000)
    first, answer = await pool.run(echo, body, b"!")
    assert answer == body + b"!" and first != os.getpid()
    assert (await pool.run(echo, b"", b""))[0] == first
    assert restarts.restarts == 0 and pool.answering


async def test_a_picture_that_takes_too_long_is_refused_and_the_next_one_works(pool: DecoderPool) -> None:
    first, _ = await pool.run(echo, b"", b"")
    with pytest.raises(Refused, match="decode_timeout"):
        await pool.run(sleep_for_ever, b"")
    second, _ = await pool.run(echo, b"", b"")
    assert second != first and not psutil.pid_exists(first)


async def test_pictures_that_all_take_too_long_do_not_stop_the_pool() -> None:
    """More of them than decoders at once: those that wait must not keep new decoders from being started."""
    pool = DecoderPool(2, DecodeLimits(timeout_s=0.5))
    await pool.start()
    try:
        async with asyncio.timeout(60):
            bad = [pool.run(sleep_for_ever, b"") for _ in range(6)]
            *refused, good = await asyncio.gather(*bad, pool.run(echo, b"a", b"b"), return_exceptions=True)
        assert good[1] == b"ab"
        assert [getattr(error, "code", error) for error in refused] == ["decode_timeout"] * 6
    finally:
        await pool.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
async def test_a_picture_that_kills_its_decoder_is_refused_and_the_next_one_works(
    pool: DecoderPool, restarts: Counting, number: int
) -> None:
    with pytest.raises(Refused, match="decoder_died"):
        await pool.run(die, b"", number)
    assert (await pool.run(echo, b"a", b"b"))[1] == b"ab"
    assert restarts.restarts == 2  # a second decoder was given the chance to prove the picture's innocence


async def test_a_decoder_that_died_while_idle_harms_nobody(pool: DecoderPool, restarts: Counting) -> None:
    for pause_s in (0.0, 0.5):  # before and after the pool can have noticed
        pid, _ = await pool.run(echo, b"", b"")
        psutil.Process(pid).kill()
        await asyncio.sleep(pause_s)
        assert (await pool.run(echo, b"a", b"b"))[1] == b"ab"
    assert restarts.restarts == 2


async def test_a_picture_that_wants_too_much_memory_is_refused_and_the_process_stays(pool: DecoderPool) -> None:
    pid, _ = await pool.run(echo, b"", b"")
    with pytest.raises(Refused, match="decode_memory"):
        await pool.run(eat_memory, b"", 300 * 2**20)
    assert (await pool.run(eat_memory, b"", 100 * 2**20))[0] == 100 * 2**20
    assert (await pool.run(echo, b"", b""))[0] == pid


async def test_our_own_bug_is_told_from_a_bad_picture(pool: DecoderPool, restarts: Counting) -> None:
    with pytest.raises(DecoderBug, match="KeyError: 'ours'"):
        await pool.run(bug, b"")
    with pytest.raises(Refused, match="for a test"):
        await pool.run(refuse, b"")
    assert restarts.restarts == 0


async def test_a_caller_that_gives_up_waiting_gives_its_place_back(pool: DecoderPool) -> None:
    hog = asyncio.create_task(pool.run(sleep_for_ever, b""))
    await asyncio.sleep(0.05)
    waiting = asyncio.create_task(pool.run(die, b"", signal.SIGKILL))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(Refused, match="decode_timeout"):
        await hog
    assert (await pool.run(echo, b"a", b"b"))[1] == b"ab"


async def test_stopping_leaves_no_process_behind(restarts: Counting) -> None:
    pool = DecoderPool(2, DecodeLimits(), restarts)
    await pool.start()
    pids = {(await pool.run(echo, b"", b""))[0] for _ in range(4)}
    await pool.stop()
    assert not pool.answering
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 10, "the decoders to end")


_OWNER = """
import asyncio
from tests.kit.decoder_jobs import echo, hold_the_lock
from workers.images.decoder_process import DecodeLimits
from workers.images.decoder_pool import DecoderPool

async def main():
    pool = DecoderPool(2, DecodeLimits())
    await pool.start()
    stuck = asyncio.create_task(pool.run(hold_the_lock, b""))
    await pool.run(echo, b"", b"")
    print("at work", flush=True)
    await stuck

asyncio.run(main())
"""


async def test_the_death_of_their_owner_ends_decoders_that_are_deep_in_a_codec() -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", _OWNER, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None and await owner.stdout.readline() == b"at work\n"
    family = psutil.Process(owner.pid).children(recursive=True)
    assert len(family) >= 2
    owner.kill()
    await owner.wait()
    try:
        wait_until(lambda: not any(psutil.pid_exists(member.pid) for member in family), 5, "the decoders to end")
    finally:
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
