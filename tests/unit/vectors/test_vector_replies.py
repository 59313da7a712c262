"""Replies with vectors: what a client takes, and what costs the job an attempt."""

import json
import math
from typing import Any

import numpy as np
import pytest

from orchestrator.clients.workers.clip import parse_tag_reply
from orchestrator.clients.workers.replies import WorkerReply, parse_encode_reply
from orchestrator.domain.errors import JobFailed
from orchestrator.domain.jobs import Content
from orchestrator.domain.relevance.tags import Tag, Tagged
from orchestrator.domain.relevance.vectors import Vector
from workers.wire import RESULT_HEADER

ROWS = np.array([[1, 0], [0.6, 0.8]], "<f4")
ENCODED: dict[str, Any] = {"count": 2, "dimension": 2, "model": "m", "space": "text/m@1"}
TAGGED: dict[str, Any] = {
    "content": {"phash": "0123456789abcdef", "width": 10, "height": 20, "format": "png"},
    "tags": [["shop", 0.9], ["red", 0.1]],
    "image_class": "exterior",
    "class_valid": True,
    "quality": 0.5,
    "model": "m",
    "space": "clip/m@1",
    "dimension": 2,
}


def reply(result: dict[str, Any] | str, body: bytes) -> WorkerReply:
    header = result if isinstance(result, str) else json.dumps(result)
    return WorkerReply(200, {RESULT_HEADER: header}, body, "http://worker")


def test_encoded_texts_become_vectors_of_the_workers_space() -> None:
    vectors = parse_encode_reply(reply(ENCODED, ROWS.tobytes()), count=2)
    assert vectors == tuple(Vector("text/m@1", row.tobytes()) for row in ROWS)


@pytest.mark.parametrize(
    ("changes", "body", "said"),
    [
        ({"count": 3}, ROWS.tobytes(), "3 vectors for 2 texts"),
        ({"dimension": 0}, b"", "0 bytes"),
        ({"dimension": -2}, ROWS.tobytes(), "-2 numbers"),
        ({"dimension": 3}, ROWS.tobytes(), "16 bytes"),
        ({}, ROWS.tobytes() + b"\0", "17 bytes"),
        ({}, ROWS.tobytes()[:-4], "12 bytes"),
        ({}, (ROWS * 1.01).tobytes(), "length 1"),
        ({}, np.array([[1, 0], [0, 0]], "<f4").tobytes(), "length 1"),
        ({}, np.array([[1, 0], [math.nan, 0]], "<f4").tobytes(), "length 1"),
        ({}, np.array([[1, 0], [math.inf, 0]], "<f4").tobytes(), "length 1"),
        ({}, ROWS.astype(">f4").tobytes(), "length 1"),
        ({"space": ""}, ROWS.tobytes(), "space"),
        ({"model": ""}, ROWS.tobytes(), "model"),
        ({"count": "many"}, ROWS.tobytes(), "does not parse"),
    ],
)
def test_vectors_that_break_the_contract_cost_an_attempt(changes: dict[str, Any], body: bytes, said: str) -> None:
    with pytest.raises(JobFailed, match=said) as caught:
        parse_encode_reply(reply({**ENCODED, **changes}, body), count=2)
    assert caught.value.reason.code == "bad_worker_reply"


def test_a_length_within_a_thousandth_of_1_is_taken_as_it_is() -> None:
    body = (ROWS * np.float32(1.0009)).tobytes()
    assert parse_encode_reply(reply(ENCODED, body), count=2)[0].values == body[:8]


def test_a_tagged_picture_becomes_the_stages_value() -> None:
    tagged = parse_tag_reply(reply(TAGGED, ROWS[1].tobytes()), sha256="a" * 64, source_bytes=6)
    content = Content(sha256="a" * 64, phash="0123456789abcdef", width=10, height=20, format="png", bytes=6)
    vector = Vector("clip/m@1", ROWS[1].tobytes())
    tags = (Tag("shop", 0.9), Tag("red", 0.1))
    assert tagged == Tagged(tags, "exterior", True, 0.5, "m", vector, content)


def test_what_is_wrong_with_a_picture_is_passed_on_and_nothing_when_the_worker_says_nothing_of_it() -> None:
    body = ROWS[1].tobytes()
    flagged = parse_tag_reply(reply({**TAGGED, "flags": ["blur", "dark"]}, body), sha256="a" * 64, source_bytes=6)
    assert flagged.flags == ("blur", "dark")
    assert parse_tag_reply(reply(TAGGED, body), sha256="a" * 64, source_bytes=6).flags == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"content": {**TAGGED["content"], "width": 0}},
        {"content": {**TAGGED["content"], "phash": "?"}},
        {"content": {**TAGGED["content"], "format": "gif"}},
        {"tags": [["red", 0.1], ["shop", 0.9]]},
        {"tags": [["red", 1.1]]},
        {"tags": [["red", -0.1]]},
        {"tags": [["red", math.nan]]},
        {"tags": [["", 0.5]]},
        {"tags": [["red", 0.5], ["red", 0.4]]},
        {"tags": [["red"]]},
        {"flags": [""]},
        {"flags": ["blur", "blur"]},
        {"quality": 1.5},
        {"quality": math.nan},
        {"image_class": ""},
        {"model": ""},
        {"space": ""},
        {"dimension": 4},
    ],
)
def test_a_judgement_that_breaks_the_contract_costs_an_attempt(changes: dict[str, Any]) -> None:
    with pytest.raises(JobFailed) as caught:
        parse_tag_reply(reply({**TAGGED, **changes}, ROWS[1].tobytes()), sha256="a" * 64, source_bytes=6)
    assert caught.value.reason.code == "bad_worker_reply"


def test_a_header_that_is_no_json_costs_an_attempt() -> None:
    for header in ("", "{", "[]"):
        with pytest.raises(JobFailed, match="does not parse"):
            parse_encode_reply(reply(header, b""), count=0)
