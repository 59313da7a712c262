"""Both directories of triton/models on a real tritonserver, over tiny random weights of the right architectures."""

import asyncio
import json

import jsonschema
import pytest
import tritonclient.grpc.aio

from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.prompts.request import Ask
from tests.integration.triton.conftest import LLAMA, LLAVA, OpenDescriber
from tests.kit.image_files import encoded, jpeg_with_size, picture
from tests.kit.triton import Triton

BOTH = pytest.mark.parametrize("model", [LLAVA, LLAMA])
SCHEMA = {
    "type": "object",
    "properties": {
        "alt_text": {"type": "string", "maxLength": 24},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 8}, "minItems": 2, "maxItems": 3},
        "cat_match": {"type": "integer", "enum": [0, 1]},
    },
    "required": ["alt_text", "tags", "cat_match"],
    "additionalProperties": False,
}


@pytest.fixture
def server(triton: Triton) -> Triton:
    """The run's tritonserver, up."""
    triton.ensure_running()
    return triton


def ask(model: str, prompt: str = "Describe this for a blind person.", max_tokens: int = 96) -> Ask:
    return Ask((model,), prompt, SCHEMA, max_tokens)


async def test_both_models_are_ready(server: Triton) -> None:
    async with tritonclient.grpc.aio.InferenceServerClient(server.url) as client:
        index = await client.get_model_repository_index()

    assert {(model.name, model.state, model.reason) for model in index.models} == {
        (LLAVA, "READY", ""),
        (LLAMA, "READY", ""),
    }


@BOTH
async def test_an_answer_is_valid_json_and_says_which_weights_gave_it(
    server: Triton, describer_of: OpenDescriber, jpeg: bytes, model: str
) -> None:
    describer = describer_of(server.url, timeout_s=60)

    answer = await describer.describe(jpeg, ask(model))

    jsonschema.validate(json.loads(answer.text), SCHEMA)
    assert (answer.model, answer.finish_reason) == (model, "stop")
    assert len(answer.weights) == 16
    assert await describer.describe(jpeg, ask(model)) == answer


@BOTH
async def test_eight_questions_at_once_are_answered_each_by_its_own_schema(
    server: Triton, describer_of: OpenDescriber, model: str
) -> None:
    describer = describer_of(server.url, timeout_s=90)
    modes = ("RGB", "L", "RGBA", "LA", "P", "1", "CMYK", "RGB")
    files = [encoded(picture(m, (40 + 30 * n, 64)), "JPEG" if m == "CMYK" else "PNG") for n, m in enumerate(modes)]
    schemas = [{"type": "object", "properties": {f"k{n}": {"enum": [n]}}, "required": [f"k{n}"]} for n in range(8)]
    before = await executions(server, model)

    answers = await asyncio.gather(
        *(
            describer.describe(file, Ask((model,), f"What is shown? {'word ' * n}", schema, 64))
            for n, (file, schema) in enumerate(zip(files, schemas, strict=True))
        )
    )

    assert [json.loads(answer.text)[f"k{n}"] for n, answer in enumerate(answers)] == list(range(8))
    assert await executions(server, model) - before < 8, "none of them were put to the model together"


@BOTH
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b"hello", "not_an_image"),
        (encoded(picture(), "GIF"), "unsupported_format"),
        (encoded(picture(), "PNG")[:-40], "truncated"),
        (jpeg_with_size(20_000, 20_000), "too_many_pixels"),
    ],
    ids=["empty", "text", "gif", "cut off", "bomb"],
)
async def test_a_picture_that_cannot_be_read_is_refused_for_what_it_is(
    server: Triton, describer_of: OpenDescriber, model: str, body: bytes, code: str
) -> None:
    with pytest.raises(JobRefused) as caught:
        await describer_of(server.url).describe(body, ask(model))

    assert caught.value.reason.code == code


@BOTH
async def test_a_bad_question_among_good_ones_fails_alone(
    server: Triton, describer_of: OpenDescriber, jpeg: bytes, model: str
) -> None:
    describer = describer_of(server.url, timeout_s=60)

    ends = await asyncio.gather(
        describer.describe(jpeg, ask(model)),
        describer.describe(b"no picture", ask(model)),
        describer.describe(jpeg, ask(model, max_tokens=0)),
        describer.describe(jpeg, Ask((model,), "Describe this.", {"type": "no such type"}, 64)),
        describer.describe(jpeg, ask(model, "x" * 20_001)),
        return_exceptions=True,
    )

    jsonschema.validate(json.loads(ends[0].text), SCHEMA)  # type: ignore[union-attr]
    assert [type(end) for end in ends[1:]] == [JobRefused] * 4
    assert [end.reason.code for end in ends[1:]] == ["not_an_image", *["bad_request"] * 3]  # type: ignore[union-attr]


async def test_a_deadline_ends_the_wait_and_the_model_goes_on_working(
    server: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    with pytest.raises(JobFailed) as caught:
        await describer_of(server.url, timeout_s=0.005).describe(jpeg, ask(LLAVA))

    assert caught.value.reason.code == "worker_timeout"
    assert (await describer_of(server.url, timeout_s=60).describe(jpeg, ask(LLAVA))).model == LLAVA


async def test_a_question_that_was_given_up_while_it_waited_is_not_answered(
    server: Triton, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(server.url, timeout_s=60)
    before = await answered(server, LLAMA)
    long = {"type": "object", "properties": {"text": {"type": "string", "minLength": 300}}, "required": ["text"]}
    first = asyncio.create_task(describer.describe(jpeg, Ask((LLAMA,), "Write a lot.", long, 600)))
    await asyncio.sleep(0.2)
    others = [asyncio.create_task(describer.describe(jpeg, ask(LLAMA))) for _ in range(3)]
    await asyncio.sleep(0.2)
    assert not first.done()

    for other in others:
        other.cancel()
    await asyncio.gather(first, *others, return_exceptions=True)
    await describer.describe(jpeg, ask(LLAMA))

    assert all(other.cancelled() for other in others)
    assert await answered(server, LLAMA) - before == 2


async def answered(server: Triton, model: str) -> int:
    """How many questions the model has answered. The server counts an answer after it has sent it, so that the number
    is read until it stands still."""
    seen = [-1]
    async with tritonclient.grpc.aio.InferenceServerClient(server.url) as client:
        while len(seen) < 4 or len(set(seen[-3:])) > 1:
            statistics = await client.get_inference_statistics(model)
            seen.append(int(statistics.model_stats[0].inference_stats.success.count))
            await asyncio.sleep(0.3)
    return seen[-1]


async def executions(server: Triton, model: str) -> int:
    """How many batches the model has been given."""
    async with tritonclient.grpc.aio.InferenceServerClient(server.url) as client:
        statistics = await client.get_inference_statistics(model)
    return int(statistics.model_stats[0].execution_count)
