"""TritonDescriber on a real tritonserver: whom it asks, and what it makes of the answers."""

import asyncio
import json

import pytest
import tritonclient.grpc
import tritonclient.grpc.aio

from orchestrator.clients.canaries.question import PROMPT
from orchestrator.clients.triton.vlm import TritonDescriber
from orchestrator.domain.errors import JobFailed, JobRefused, Unavailable
from orchestrator.domain.prompts.request import ModelAnswer
from tests.integration.triton.conftest import LLAMA, LLAVA, OpenDescriber
from tests.kit.triton import Triton
from tests.kit.triton_asking import ask, begun, code_of


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
    for prompt in ("raise one", "raise two"):  # the second one is put to the fallback, and charged there
        assert await code_of(describer, jpeg, ask(prompt, LLAMA, LLAVA)) == "JobFailed vlm_error"

    assert (await describer.describe(jpeg, ask("one", LLAMA, LLAVA))).model == LLAVA
    with pytest.raises(Unavailable, match="ejected"):
        await describer.describe(jpeg, ask("two", LLAMA))

    async with asyncio.timeout(20):
        while (await describer.describe(jpeg, ask("again", LLAMA, LLAVA))).model != LLAMA:
            await asyncio.sleep(0.1)


async def test_the_last_model_that_fails_everything_is_sent_canaries_until_it_answers(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, eject_after=2, probe_after_s=0.2)
    ends = [await end_of(describer, jpeg, prompt) for prompt in ("sick 2", "one", "two", "three", "four")]

    assert ends == ["JobFailed vlm_error", *["Unavailable"] * 4]
    async with asyncio.timeout(20):
        while await end_of(describer, jpeg, "one") != "ModelAnswer":
            await asyncio.sleep(0.1)
    asked = scripted.log().split("asked sick 2\n")[1].split("asked ")
    assert [line for line in asked if line.startswith(("two", "three", "four"))] == []
    assert len([line for line in asked if line.startswith(PROMPT)]) >= 3


async def test_one_bad_question_is_charged_and_the_model_stays_in_use(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, eject_after=1)
    ends = [await end_of(describer, jpeg, "raise")]
    async with asyncio.timeout(20):
        while len([end for end in ends if end == "JobFailed vlm_error"]) < 3:
            ends.append(await end_of(describer, jpeg, "raise"))
            await asyncio.sleep(0.05)

    assert await end_of(describer, jpeg, "fine") == "ModelAnswer"
    assert ends[-2:] == ["JobFailed vlm_error"] * 2


async def end_of(describer: TritonDescriber, body: bytes, prompt: str) -> str:
    try:
        return type(await describer.describe(body, ask(prompt))).__name__
    except JobFailed as failed:
        return f"JobFailed {failed.reason.code}"
    except Unavailable:
        return "Unavailable"


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


async def test_a_question_without_memory_is_charged_once_others_were_answered(
    scripted: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, eject_after=1)
    ends = [await end_of(describer, jpeg, prompt) for prompt in ("memory", "memory", "fine", "memory", "memory")]

    assert ends == ["Unavailable", "Unavailable", "ModelAnswer", "JobFailed out_of_memory", "Unavailable"]
