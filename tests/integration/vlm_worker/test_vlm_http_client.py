"""The client of the vlm workers: what a reply means, and that one which breaks the contract costs an attempt."""

import json

import jsonschema
import pytest

from orchestrator.clients.canaries.canary import canary_for
from orchestrator.clients.http import open_session
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.clients.workers.replies import WorkerReply
from orchestrator.clients.workers.vlm import MAX_ANSWER_BYTES, HttpDescriber, parse_generate_reply
from orchestrator.config import PoolSpec
from orchestrator.domain.errors import JobFailed, JobRefused, Unavailable
from orchestrator.domain.prompts.request import Ask, ModelAnswer
from tests.integration.vlm_worker.conftest import VlmClient
from tests.kit.vlm_schemas import SCHEMAS
from tests.kit.worker_client import photo
from workers.wire import RESULT_HEADER, GenerateReply

GOOD = GenerateReply(model="m", weights="w", finish_reason="length")


async def describe(url: str, body: bytes, ask: Ask) -> ModelAnswer:
    spec = PoolSpec(endpoints=(url,), max_in_flight=1, timeout_s=20)
    async with open_session() as session:
        pool = WorkerPool("vlm", spec, session, service="vlm", canary=lambda: canary_for("vlm"), queue_wait_s=1)
        await pool.start()
        try:
            return await HttpDescriber(pool).describe(body, ask)
        finally:
            await pool.close()


async def test_a_real_worker_answers(client: VlmClient) -> None:
    answer = await describe(client.url, photo(), Ask(("any",), "Descríbe « this »?\n", SCHEMAS["full_details"]))
    assert (answer.finish_reason, answer.model, answer.weights) == ("stop", "dummy", "none")
    jsonschema.validate(json.loads(answer.text), SCHEMAS["full_details"])


async def test_what_can_never_work_is_refused_and_nobody_there_is_an_outage(client: VlmClient) -> None:
    ask = Ask(("any",), "Hi", SCHEMAS["cat"])
    with pytest.raises(JobRefused) as caught:
        await describe(client.url, b"no picture", ask)
    assert caught.value.reason.code == "not_an_image"
    with pytest.raises(Unavailable):
        await describe("http://127.0.0.1:1", photo(), ask)


def reply(body: bytes, result: str | None) -> WorkerReply:
    return WorkerReply(200, {} if result is None else {RESULT_HEADER: result}, body, "http://worker")


def test_a_reply_becomes_the_stages_value() -> None:
    assert parse_generate_reply(reply("é".encode(), GOOD.model_dump_json())) == ModelAnswer("é", "length", "m", "w")


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (b"{}", None),
        (b"{}", "{"),
        (b"{}", "{}"),
        (b"{}", '{"model": "m", "weights": "w", "finish_reason": "tired"}'),
        (b"{}", GOOD.model_copy(update={"model": ""}).model_dump_json()),
        (b"{}", GOOD.model_copy(update={"weights": ""}).model_dump_json()),
        (b"\xff{}", GOOD.model_dump_json()),
        (b"\xed\xa0\x80", GOOD.model_dump_json()),
        (b"x" * (MAX_ANSWER_BYTES + 1), GOOD.model_dump_json()),
    ],
)
def test_a_reply_that_breaks_the_contract_costs_an_attempt(body: bytes, result: str | None) -> None:
    with pytest.raises(JobFailed) as caught:
        parse_generate_reply(reply(body, result))
    assert caught.value.reason.code == "bad_worker_reply"
