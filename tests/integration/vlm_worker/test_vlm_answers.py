"""The vlm worker as a real process: what the dummy model answers, and what a request must look like."""

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import psutil
import pytest
from PIL import Image

from tests.integration.vlm_worker.conftest import VlmClient, question
from tests.kit.image_files import encoded, picture
from tests.kit.vlm_schemas import SCHEMAS
from tests.kit.worker import Worker
from tests.kit.worker_client import photo
from workers.wire import HANDSHAKE_PATH, WIRE_VERSION, GenerateReply, Handshake

PNG = encoded(picture(), "PNG")
SENTENCE = "Placeholder by the dummy model: portrait picture, mostly red, dark; its content was not looked at."


@pytest.mark.parametrize("name", SCHEMAS)
async def test_every_kind_of_question_is_answered_in_its_form(client: VlmClient, name: str) -> None:
    status, reply, body = await client.ask(photo(), SCHEMAS[name])
    assert (status, reply) == (200, GenerateReply(model="dummy", weights="none", finish_reason="stop"))
    jsonschema.validate(json.loads(body), SCHEMAS[name])
    assert (await client.ask(photo(), SCHEMAS[name], "Something else?"))[2] == body


async def test_the_answer_says_plainly_that_it_is_none(client: VlmClient) -> None:
    red = encoded(Image.new("RGB", (30, 90), (210, 20, 20)), "JPEG")
    answer = json.loads((await client.ask(red, SCHEMAS["vision_json_cat"]))[2])
    assert answer == {
        "description": SENTENCE,
        "alt_text": SENTENCE,
        "tags": ["portrait", "red", "dark", "placeholder", "dummy"],
        "cat_match": 0,
    }


async def test_a_transparent_picture_is_seen_on_white(client: VlmClient) -> None:
    clear = encoded(Image.new("RGBA", (40, 40), (200, 0, 0, 0)), "PNG")
    assert json.loads((await client.ask(clear, SCHEMAS["vision_json"]))[2])["tags"][:3] == ["square", "white", "bright"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "maxLength": 7},
        {"type": "string", "minLength": 400},
        {"type": "array", "items": {"type": "string"}, "minItems": 12, "uniqueItems": True},
        {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 3},
        {"type": "integer", "minimum": 3, "maximum": 9},
        {"type": "number", "maximum": -2.5},
        {"type": ["null", "string"]},
        {"anyOf": [{"const": {"a": [1]}}, {"type": "null"}]},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "boolean"}}},
    ],
)
async def test_limits_of_a_schema_are_kept(client: VlmClient, schema: Mapping[str, Any]) -> None:
    status, _, body = await client.ask(PNG, schema)
    assert status == 200
    jsonschema.validate(json.loads(body), schema)


async def test_the_handshake_says_who_answers(client: VlmClient, shared_worker: Worker) -> None:
    handshake = Handshake.model_validate_json((await client.get(HANDSHAKE_PATH))[1])
    assert (handshake.service, handshake.wire, handshake.model, handshake.weights) == (
        "vlm",
        WIRE_VERSION,
        "dummy",
        "none",
    )
    maps = psutil.Process(shared_worker.process.pid).memory_maps()
    assert not any("libtorch" in entry.path for entry in maps)


GOOD = question(prompt="Hi", answer_schema=SCHEMAS["cat"])
HOSTILE_BODIES = {
    "no_line_feed": (GOOD + PNG.replace(b"\n", b" "), {"bad_request"}),
    "only_a_picture": (PNG, {"bad_request"}),
    "line_feed_alone": (b"\n", {"bad_request"}),
    "not_json": (b"{'prompt': 'Hi'}\n" + PNG, {"bad_request"}),
    "not_utf8": (b'{"prompt": "\xff"}\n' + PNG, {"bad_request"}),
    "a_list": (b"[]\n" + PNG, {"bad_request"}),
    "deep": (b'{"prompt": "Hi", "answer_schema": {"a": ' + b"[" * 200_000 + b"\n" + PNG, {"bad_request"}),
    "no_schema": (question(prompt="Hi") + b"\n" + PNG, {"bad_request"}),
    "empty_prompt": (question(prompt=" ", answer_schema=SCHEMAS["cat"]) + b"\n" + PNG, {"bad_request"}),
    "prompt_of_10_mb": (question(prompt="x" * 10_000_000, answer_schema=SCHEMAS["cat"]) + b"\n" + PNG, {"bad_request"}),
    "question_of_1_mb": (GOOD + b" " * 2**20 + b"\n" + PNG, {"bad_request"}),
    "prompt_of_20001": (question(prompt="x" * 20_001, answer_schema=SCHEMAS["cat"]) + b"\n" + PNG, {"bad_request"}),
    "half_a_character": (b'{"prompt": "\\ud800", "answer_schema": {"enum": [1]}}\n' + PNG, {"bad_request"}),
    "no_tokens": (question(prompt="Hi", answer_schema=SCHEMAS["cat"], max_tokens=0) + b"\n" + PNG, {"bad_request"}),
    "too_many_tokens": (
        question(prompt="Hi", answer_schema=SCHEMAS["cat"], max_tokens=10**9) + b"\n" + PNG,
        {"bad_request"},
    ),
    "no_picture": (GOOD + b"\n", {"empty", "not_an_image"}),
    "two_line_feeds": (GOOD + b"\n\n" + PNG, {"not_an_image"}),
}


@pytest.mark.parametrize("name", HOSTILE_BODIES)
async def test_hostile_bodies_are_refused_and_the_worker_lives(
    client: VlmClient, shared_worker: Worker, name: str
) -> None:
    body, codes = HOSTILE_BODIES[name]
    status, reply, _ = await client.post(body)
    assert 400 <= status < 500 and reply.code in codes  # type: ignore[union-attr]
    assert (await client.ask(PNG, SCHEMAS["cat"]))[0] == 200 and shared_worker.process.poll() is None


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "nonsense"},
        {"type": 5},
        {"type": []},
        {"properties": 5},
        {"type": "object", "properties": {"a": 5}},
        {"enum": []},
        {"enum": 3},
        {"anyOf": {}},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"$ref": 5},
        {"type": "array", "minItems": "x"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 10**9},
        {"type": "string", "maxLength": -1},
        {"type": "string", "pattern": "("},
        {"type": "number", "minimum": "x"},
        {"description": "x" * 100_000},
    ],
    ids=lambda schema: json.dumps(schema)[:40],
)
async def test_a_schema_that_is_none_is_refused(
    client: VlmClient, shared_worker: Worker, schema: Mapping[str, Any]
) -> None:
    status, reply, _ = await client.ask(PNG, schema)
    assert (status, reply.code) == (400, "bad_request")  # type: ignore[union-attr]
    assert shared_worker.process.poll() is None
