"""The text worker and texts that nobody should send: a reason the caller can act on, and others are served."""

import asyncio
import json
import random

import numpy as np
import pytest

from tests.kit.vector_client import VectorClient
from tests.kit.worker import Worker
from workers.wire import MAX_TEXT_CHARS, MAX_TEXTS, EncodeReply, ErrorReply

SEED = 4
MUTATIONS = 300
STRANGE = (
    "", " ", "\t\r\n", "\0", "\x01\x02\x1b[31m\x7f", "\u0085\u2028\u2029", "\ufeff", "\ufffd\ufffe\uffff",
    "\u200b" * 500, "\u202e override", "e\u0301" * 200, "Z" + "\u0301\u0324" * 3000, "😀",
    "👩\u200d👧🏳\ufe0f\u200d🌈" * 50, "🏪 店 ಅಂಗಡಿ دكان магазин", "\U0010ffff",
    "[CLS] [SEP] [PAD] [MASK] [UNK]", "[PAD]" * 300, "##ing",
    "a" * MAX_TEXT_CHARS, "a " * (MAX_TEXT_CHARS // 2), "ß" * MAX_TEXT_CHARS, "漢" * MAX_TEXT_CHARS,
    "'; DROP TABLE words; --", "<script>alert(1)</script>", "%s%n{0}${x}", "\\ud800", "../../etc/passwd", "1e309",
    "NaN", "null", "-" * 5000, "\N{ZERO WIDTH JOINER}", "ﷺ" * 400, "İ" * 300,
)  # fmt: skip
REFUSED: tuple[tuple[bytes, int, str], ...] = (
    (b"", 422, "empty"),
    (b"\0" * 1000, 400, "bad_request"),
    (b"{", 400, "bad_request"),
    (b"null", 400, "bad_request"),
    (b"[" * 100_000, 400, "bad_request"),
    (b'{"texts": null}', 400, "bad_request"),
    (b'{"texts": {"a": "b"}}', 400, "bad_request"),
    (b'{"texts": ["fine", null]}', 400, "bad_request"),
    (b'{"texts": [["nested"]]}', 400, "bad_request"),
    (b'{"texts": ["\\ud800"]}', 400, "bad_request"),
    (b'{"texts": ["\\udfff\\ud800"]}', 400, "bad_request"),
    (b'{"texts": ["\xed\xa0\x80"]}', 400, "bad_request"),
    (b'{"texts": ["\xff\xfe"]}', 400, "bad_request"),
    (b'{"texts": ["raw \x01 control"]}', 400, "bad_request"),
    (b'{"texts": ["end', 400, "bad_request"),
    (json.dumps({"texts": ["x"] * 10_000}).encode(), 413, "too_many_texts"),
    (json.dumps({"texts": ["x"] * (MAX_TEXTS + 1)}).encode(), 413, "too_many_texts"),
    (json.dumps({"texts": ["x" * 1_000_000]}).encode(), 413, "text_too_long"),
    (json.dumps({"texts": ["fine", "x" * (MAX_TEXT_CHARS + 1)]}).encode(), 413, "text_too_long"),
)


@pytest.mark.parametrize(("body", "status", "code"), REFUSED, ids=range(len(REFUSED)))
async def test_a_bad_request_gets_its_reason_and_its_neighbour_is_served(
    client: VectorClient, built_in: Worker, body: bytes, status: int, code: str
) -> None:
    (answered, reply, _), (_, neighbour) = await asyncio.gather(client.post_encode(body), client.encode("a shop"))
    assert isinstance(reply, ErrorReply) and (answered, reply.code) == (status, code)
    assert neighbour.shape == (1, 384) and built_in.process.poll() is None


async def test_every_strange_text_has_a_unit_vector_and_changes_no_other(client: VectorClient) -> None:
    _, (expected,) = await client.encode("a shop")
    _, rows = await client.encode(*STRANGE, "a shop")
    assert np.isfinite(rows).all() and np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert rows[-1].tobytes() == expected.tobytes()


async def test_mutated_requests_are_answered_and_the_worker_lives(client: VectorClient, built_in: Worker) -> None:
    chance = random.Random(SEED)
    good = json.dumps({"texts": ["a shop", "café 😀", "\u0000"]}).encode()
    bodies = [_mutated(chance, good) for _ in range(MUTATIONS)]
    answers = []
    for start in range(0, MUTATIONS, 20):
        answers += await asyncio.gather(*(client.post_encode(body) for body in bodies[start : start + 20]))
    wrong = [(body, answer[0]) for body, answer in zip(bodies, answers, strict=True) if not _fits(*answer[:2])]
    assert wrong == [], f"seed {SEED}"
    assert {status for status, _, _ in answers} >= {200, 400} and built_in.process.poll() is None


def _fits(status: int, reply: EncodeReply | ErrorReply) -> bool:
    return status == 200 if isinstance(reply, EncodeReply) else 400 <= status < 500


def _mutated(chance: random.Random, body: bytes) -> bytes:
    """One to three bytes changed, dropped or doubled."""
    changed = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed))
        match chance.randrange(3):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                del changed[at]
            case _:
                changed[at:at] = changed[at : at + chance.randint(1, 8)]
    return bytes(changed)
