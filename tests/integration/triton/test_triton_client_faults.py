"""TritonDescriber on a real tritonserver: what becomes of a question when something goes wrong midway."""

import asyncio
import json
import time

import psutil
import pytest

from orchestrator.clients.triton.vlm import READY_TIMEOUT_S, TritonDescriber
from orchestrator.domain.errors import Unavailable
from tests.integration.triton.conftest import LLAMA, LLAVA, OpenDescriber
from tests.kit.faultproxy import FaultProxy
from tests.kit.process import wait_until
from tests.kit.triton import Triton
from tests.kit.triton_asking import SLACK_S, ask, begun, code_of


async def test_a_question_that_takes_too_long_costs_an_attempt(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, timeout_s=0.5)
    began = time.monotonic()

    assert await code_of(describer, jpeg, ask("sleep 1")) == "JobFailed worker_timeout"

    assert time.monotonic() - began < 0.5 + SLACK_S


async def test_a_question_that_is_cancelled_is_never_put_to_the_model(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url)
    blocker = asyncio.create_task(describer.describe(jpeg, ask("sleep 1.2")))
    await begun(scripted, "sleep 1.2")
    waiting = asyncio.create_task(describer.describe(jpeg, ask("nobody-wants-this")))
    await asyncio.sleep(0.4)  # on its way, behind the other one

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await blocker
    await describer.describe(jpeg, ask("afterwards"))

    assert waiting.cancelled()
    assert "asked afterwards" in scripted.log()
    assert "asked nobody-wants-this" not in scripted.log()


async def test_a_server_that_is_killed_midway_costs_an_attempt_and_is_used_again_once_it_is_back(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url)
    question = asyncio.create_task(code_of(describer, jpeg, ask("sleep 19", LLAVA, LLAMA)))
    await begun(scripted, "sleep 19")

    scripted.kill()

    assert await question == "JobFailed worker_died"
    with pytest.raises(Unavailable):
        await describer.describe(jpeg, ask("gone"))
    await asyncio.to_thread(scripted.start)
    await answers_again(describer, jpeg)


async def test_a_server_that_is_frozen_midway_costs_an_attempt_and_is_used_again_once_it_thaws(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, timeout_s=1.5)
    question = asyncio.create_task(code_of(describer, jpeg, ask("sleep 0.7", LLAVA, LLAMA)))
    await begun(scripted, "sleep 0.7")
    began = time.monotonic()

    await asyncio.to_thread(scripted.freeze)

    assert await question == "JobFailed worker_timeout"
    with pytest.raises(Unavailable):
        await describer.describe(jpeg, ask("frozen"))
    assert time.monotonic() - began < 1.5 + 2 * READY_TIMEOUT_S + SLACK_S
    scripted.thaw()
    await answers_again(describer, jpeg)


async def test_a_black_hole_makes_questions_wait_not_fail(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    async with FaultProxy(scripted.port) as proxy:
        describer = describer_of(f"127.0.0.1:{proxy.port}")
        await describer.describe(jpeg, ask("before"))
        await proxy.black_hole()
        began = time.monotonic()

        with pytest.raises(Unavailable):
            await describer.describe(jpeg, ask("swallowed"))

        assert time.monotonic() - began < READY_TIMEOUT_S + SLACK_S
        await proxy.pass_through()
        await answers_again(describer, jpeg)


async def test_a_connection_that_is_cut_midway_costs_an_attempt_although_the_server_lives(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    async with FaultProxy(scripted.port) as proxy:
        describer = describer_of(f"127.0.0.1:{proxy.port}")
        question = asyncio.create_task(code_of(describer, jpeg, ask("sleep 0.8")))
        await begun(scripted, "sleep 0.8")

        await proxy.down()

        assert await question == "JobFailed worker_died"
        await proxy.pass_through()
        await answers_again(describer, jpeg)


async def test_a_server_that_was_never_there_is_unavailable(describer_of: OpenDescriber, jpeg: bytes) -> None:
    async with FaultProxy(1) as proxy:
        port = proxy.port

    with pytest.raises(Unavailable, match="triton"):
        await describer_of(f"127.0.0.1:{port}").describe(jpeg, ask("anybody"))


async def test_the_server_ends_when_a_model_has_died_because_it_would_not_start_it_again(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url)

    assert await code_of(describer, jpeg, ask("die")) in ("JobFailed vlm_error", "JobFailed worker_died")

    await asyncio.to_thread(wait_until, lambda: not scripted.alive(), 60, "the server to end")
    await asyncio.to_thread(scripted.start)
    await answers_again(describer, jpeg)


async def test_nothing_of_a_server_that_is_killed_outlives_it(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    """One model is idle, the other one computes and holds Python's lock. Each has decoders and a guard."""
    family = psutil.Process(scripted.pid).children(recursive=True)
    describer = describer_of(scripted.url)
    question = asyncio.create_task(code_of(describer, jpeg, ask("hold")))
    await begun(scripted, "hold")
    assert len(family) >= 10

    scripted.kill()

    await asyncio.to_thread(wait_until, lambda: not any(map(runs, family)), 15, "the models to end")
    assert await question == "JobFailed worker_died"
    await asyncio.to_thread(scripted.start)
    await answers_again(describer, jpeg)  # all describers share the driver's back-off: it must not meet the next test


def runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def answers_again(describer: TritonDescriber, body: bytes) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                answer = await describer.describe(body, ask("again"))
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                assert json.loads(answer.text)[0] == "again"
                return
