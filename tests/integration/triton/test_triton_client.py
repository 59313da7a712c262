"""TritonDescriber on a real tritonserver: whom it asks, and what becomes of a question that goes wrong."""

import asyncio
import json
import time

import pytest
import tritonclient.grpc
import tritonclient.grpc.aio

from orchestrator.clients.vlm import READY_TIMEOUT_S, TritonDescriber
from orchestrator.domain.describing import Ask, ModelAnswer
from orchestrator.domain.errors import JobError, JobFailed, JobRefused, Unavailable
from tests.integration.triton.conftest import LLAMA, LLAVA, OpenDescriber
from tests.kit.faultproxy import FaultProxy
from tests.kit.process import wait_until
from tests.kit.triton import Triton

SCHEMA = {"type": "object"}
SLACK_S = 5.0
"""What a busy machine may add to a wait."""


def ask(prompt: str, *models: str, max_tokens: int = 64) -> Ask:
    return Ask(models or (LLAVA,), prompt, SCHEMA, max_tokens)


async def code_of(describer: TritonDescriber, body: bytes, question: Ask) -> str:
    with pytest.raises(JobError) as caught:
        await describer.describe(body, question)
    return f"{type(caught.value).__name__} {caught.value.reason.code}"


async def begun(server: Triton, prompt: str) -> None:
    """Wait until a model has been asked ``prompt``."""
    await asyncio.to_thread(wait_until, lambda: f"asked {prompt}\n" in server.log(), 20, f"'{prompt}' to begin")


async def test_an_answer_carries_the_text_and_who_gave_it(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url)

    answer = await describer.describe(jpeg, ask("grüß Gott", LLAMA, LLAVA, max_tokens=77))

    assert answer == ModelAnswer(json.dumps(["grüß Gott", 64, 48, 1, 77]), "stop", LLAMA, "scripted")
    assert await describer.ready() == {LLAMA, LLAVA}


async def test_the_fallback_answers_while_the_wanted_model_is_not_loaded(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url)
    async with tritonclient.grpc.aio.InferenceServerClient(scripted.url) as control:
        await control.unload_model(LLAMA)
        try:
            answer = await describer.describe(jpeg, ask("one", LLAMA, LLAVA))
            with pytest.raises(Unavailable, match="not loaded"):
                await describer.describe(jpeg, ask("two", LLAMA))
        finally:
            await control.load_model(LLAMA)

    assert answer.model == LLAVA
    assert (await describer.describe(jpeg, ask("three", LLAMA, LLAVA))).model == LLAMA


async def test_the_fallback_answers_while_the_circuit_of_the_wanted_model_is_open(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, eject_after=2, probe_after_s=1.0)
    for _ in range(2):
        assert await code_of(describer, jpeg, ask("raise", LLAMA, LLAVA)) == "JobFailed vlm_error"

    assert (await describer.describe(jpeg, ask("one", LLAMA, LLAVA))).model == LLAVA
    with pytest.raises(Unavailable, match="ejected"):
        await describer.describe(jpeg, ask("two", LLAMA))

    async with asyncio.timeout(20):
        while (await describer.describe(jpeg, ask("again", LLAMA, LLAVA))).model != LLAMA:
            await asyncio.sleep(0.1)


async def test_the_last_model_in_use_is_never_given_up(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, eject_after=1)

    for _ in range(3):
        assert await code_of(describer, jpeg, ask("raise")) == "JobFailed vlm_error"

    assert (await describer.describe(jpeg, ask("fine"))).model == LLAVA


async def test_a_failing_question_does_not_touch_those_it_was_asked_with(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url)
    blocker = asyncio.create_task(describer.describe(jpeg, ask("sleep 0.6")))
    await begun(scripted, "sleep 0.6")

    ends = await asyncio.gather(
        describer.describe(jpeg, ask("left")),
        describer.describe(b"no picture", ask("middle")),
        describer.describe(jpeg, ask("raise")),
        return_exceptions=True,
    )

    await blocker
    assert isinstance(ends[0], ModelAnswer)
    assert isinstance(ends[1], JobRefused) and ends[1].reason.code == "not_an_image"
    assert isinstance(ends[2], JobFailed) and "the prompt says so" in ends[2].reason.message


@pytest.mark.parametrize("prompt", ["", "\x00", "x" * 19_000])
async def test_a_prompt_travels_unchanged(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes, prompt: str
) -> None:
    answer = await describer_of(scripted.url).describe(jpeg, ask(f"say {prompt}"))

    assert json.loads(answer.text)[0] == f"say {prompt}"


async def test_a_full_queue_makes_questions_wait_not_fail(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, eject_after=1)
    blocker = asyncio.create_task(describer.describe(jpeg, ask("sleep 1.5")))
    await begun(scripted, "sleep 1.5")

    ends = await asyncio.gather(*(describer.describe(jpeg, ask("q")) for _ in range(40)), return_exceptions=True)

    await blocker
    assert {type(end) for end in ends} == {ModelAnswer, Unavailable}
    assert (await describer.describe(jpeg, ask("after"))).model == LLAVA


async def test_what_finds_the_queue_of_the_wanted_model_full_goes_to_the_fallback(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, eject_after=1)
    blocker = asyncio.create_task(describer.describe(jpeg, ask("sleep 1.4", LLAMA)))
    await begun(scripted, "sleep 1.4")

    answers = await asyncio.gather(*(describer.describe(jpeg, ask("q", LLAMA, LLAVA)) for _ in range(12)))

    await blocker
    assert {answer.model for answer in answers} == {LLAMA, LLAVA}
    assert (await describer.describe(jpeg, ask("after", LLAMA, LLAVA))).model == LLAMA


async def test_a_model_without_memory_is_busy(scripted: Triton, describer_of: OpenDescriber, jpeg: bytes) -> None:
    describer = describer_of(scripted.url, eject_after=1)

    with pytest.raises(Unavailable, match="busy"):
        await describer.describe(jpeg, ask("memory"))

    assert (await describer.describe(jpeg, ask("fine"))).model == LLAVA


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
