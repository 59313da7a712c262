"""Messages that no queue should have been sent: seeded, of every sort, each with the reason codes it may die of."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

DEEP = 100_000


@dataclass(frozen=True, slots=True)
class Malformed:
    """One message."""

    sort: str
    body: bytes = field(repr=False)
    headers: dict[str, Any] = field(default_factory=dict, repr=False)


def malformed_messages(seed: int, count: int, job: dict[str, Any], huge: int = 2) -> Iterator[Malformed]:
    """``count`` messages, ``huge`` of them with bodies of 10 MB. ``job`` are the fields of one that would be fine."""
    chance = random.Random(seed)
    sorts = list(_SORTS)
    for number in range(count):
        if number < huge:
            yield Malformed("huge", b'{"business_id": "' + b"x" * (10 * 2**20) + b'"}')
            continue
        sort = sorts[number % len(sorts)]
        body, headers = _SORTS[sort](dict(job, image_id=f"m{number}"), chance)
        yield Malformed(sort, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)


def _no_json(job: dict[str, Any], chance: random.Random) -> tuple[Any, dict[str, Any]]:
    text = json.dumps(job).encode()
    cut = text[: chance.randrange(1, len(text) - 1)]
    return chance.choice([cut, chance.randbytes(200), b"", b"null", b"[]", b'"text"', b"1e999", text + b"}"]), {}


def _wrong_type(job: dict[str, Any], chance: random.Random) -> tuple[Any, dict[str, Any]]:
    name = chance.choice(["business_id", "image_id", "image_url", "served_urls", "submitted_at", "job_id", "force"])
    wrong = [{}, {"$gt": ""}, 1.5, True, "\x00", "y\nes"] if name != "force" else [{}, 7, "perhaps", []]
    return job | {name: chance.choice(wrong)}, {}


def _missing(job: dict[str, Any], chance: random.Random) -> tuple[Any, dict[str, Any]]:
    del job[chance.choice(["business_id", "image_id", "image_url"])]
    return job, {}


def _unknown(job: dict[str, Any], chance: random.Random) -> tuple[Any, dict[str, Any]]:
    return job | chance.choice([{"schema": "justlens.enhance/99"}, {"schema": 7}, {"colour": "red"}, {"": 1}]), {}


def _bad_value(job: dict[str, Any], chance: random.Random) -> tuple[Any, dict[str, Any]]:
    changes: list[dict[str, Any]] = [
        {"image_id": "a/b"},
        {"image_id": "x" * 500},
        {"business_id": ".."},
        {"image_url": "gopher://example.org/"},
        {"image_url": "javascript:alert(1)"},
        {"submitted_at": 9_999_999_999_999},
        {"submitted_at": 1},
        {"content_sha256": "0" * 63},
        {"job_id": "not-a-uuid"},
        {"image_type": "portrait"},
        {"served_urls": ["https://cdn.test/1.jpg"] * 100},
    ]
    return job | chance.choice(changes), {}


def _odd_text(job: dict[str, Any], chance: random.Random) -> tuple[Any, dict[str, Any]]:
    """JSON that is hard on its readers: half a surrogate pair, bytes that are no UTF-8, a million brackets, NaN."""
    return chance.choice(
        [
            json.dumps(job | {"image_id": "\ud800"}).encode(),
            json.dumps(job).encode().replace(b"https", b"\xff\xfe"),
            b"[" * DEEP,
            b'{"business_id":' * DEEP,
            json.dumps(job | {"submitted_at": float("nan")}).encode(),
            json.dumps(job).encode("utf-16"),
        ]
    ), {}


def _hostile_headers(job: dict[str, Any], chance: random.Random) -> tuple[Any, dict[str, Any]]:
    name = chance.choice(["x-attempt", "x-first-seen", "x-replays", "x-releases"])
    value = chance.choice(
        ["1; DROP TABLE jobs", -1, 2**62, True, [1], {"a": {"b": [None]}}, bytearray(b"\xff\xfe"), "x" * 20_000]
    )
    more = {f"x-filler-{n}": "y" * 500 for n in range(100)} if chance.random() < 0.3 else {}
    return job, {name: value, "x-error-code": "forged", "x-death": "forged", "traceparent": [1], **more}


def _forged_deaths(job: dict[str, Any], chance: random.Random) -> tuple[Any, dict[str, Any]]:
    """Were one of these ever dead-lettered by the broker, its queue would do no more dead-lettering (RabbitMQ 3.10)."""
    cycle = {"reason": "expired", "queue": "error.image_enhance_process", "count": 1, "exchange": ""}
    return job, {"x-death": chance.choice([[1], ["text"], [[]], [cycle], [{"reason": "rejected"}, cycle], "text", 7])}


_SORTS: dict[str, Callable[[dict[str, Any], random.Random], tuple[Any, dict[str, Any]]]] = {
    "no JSON": _no_json,
    "wrong type": _wrong_type,
    "missing field": _missing,
    "unknown schema or field": _unknown,
    "bad value": _bad_value,
    "odd text": _odd_text,
    "hostile headers": _hostile_headers,
    "forged deaths": _forged_deaths,
}
