"""From bytes to a job: whatever comes in, it is a job or a reason."""

import json
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.decoding import MAX_BODY_BYTES, decode_job, identify
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.jobs import EnhanceJob, EnhanceUpdateJob, Job

JOB_ID = "018bcfe5-6800-7000-8000-00000000abcd"
GOOD: dict[str, Any] = {
    "business_id": "acme",
    "image_id": "7",
    "image_url": "https://x/7.png",
    "served_urls": ["https://cdn/7.png"],
    "job_id": JOB_ID,
    "submitted_at": 1_700_000_000_000,
    "schema": "justlens.enhance/1",
}
BODY = json.dumps(GOOD).encode()


def refusal(body: bytes, job_type: type[Job] = EnhanceJob) -> tuple[str, str]:
    with pytest.raises(JobRefused) as refused:
        decode_job(job_type, body)
    return refused.value.reason.code, refused.value.reason.message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"\x00\xff\xfe", "not_json"),
        (b"{", "not_json"),
        (b"null", "not_json"),
        (b"[]", "not_json"),
        (b'"text"', "not_json"),
        (b"7", "not_json"),
        (b"NaN", "not_json"),
        (BODY + b"}", "not_json"),
        (BODY + BODY, "not_json"),
        (json.dumps(GOOD).encode("utf-16"), "not_json"),
        (BODY.replace(b"acme", b"\xff\xfe"), "not_json"),
        (BODY.replace(b"acme", b"\\ud800"), "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"business_id":' * 10_000 + b"1" + b"}" * 10_000, "not_json"),
        (BODY.replace(b'"acme"', b"NaN"), "invalid_job"),
        (BODY.replace(b"1700000000000", b"Infinity"), "invalid_job"),
        (BODY.replace(b"1700000000000", b"1e400"), "invalid_job"),
        (BODY.replace(b"1700000000000", b"9" * 5000), "not_json"),
        (BODY.replace(b"1700000000000", b"9" * 4000), "invalid_job"),
        (BODY.replace(b'"acme"', b"9" * 4000), "invalid_job"),
        (BODY.replace(b"enhance/1", b"enhance/2"), "unknown_schema"),
        (b" " * (MAX_BODY_BYTES + 1), "body_too_large"),
        (b"[" * 10_000_000, "body_too_large"),
        (BODY[:-1] + b', "pad": "' + b"x" * 10_000_000 + b'"}', "body_too_large"),
    ],
)
def test_a_body_that_is_no_job_is_refused_with_the_right_code(body: bytes, code: str) -> None:
    assert refusal(body)[0] == code


def test_a_body_of_the_largest_size_is_read() -> None:
    assert decode_job(EnhanceJob, BODY + b" " * (MAX_BODY_BYTES - len(BODY))) == decode_job(EnhanceJob, BODY)


def test_the_other_queue_s_job_is_refused_with_the_schema_this_queue_takes() -> None:
    assert refusal(BODY, EnhanceUpdateJob) == (
        "unknown_schema",
        "schema: this queue takes 'justlens.enhance_update/1'; correct it or leave it out",
    )


def test_of_a_key_given_twice_the_last_one_counts_for_everybody() -> None:
    body = BODY[:-1] + b', "image_id": "8"}'
    assert decode_job(EnhanceJob, body).image_id == identify(body)["image_id"] == "8"


def test_a_refusal_stays_short_whatever_the_body_holds() -> None:
    many = {f"{'unknown' * 1000}{n}": n for n in range(30)}
    code, message = refusal(json.dumps({**GOOD, **many}).encode())
    assert code == "invalid_job" and message.endswith("; and 22 more") and len(message) < 2000


def test_a_refusal_does_not_quote_the_value_it_refuses() -> None:
    _, message = refusal(json.dumps({**GOOD, "image_url": "ftp://user:canary@x", "job_id": "canary"}).encode())
    assert "canary" not in message


def _garbled(source: random.Random) -> bytes:
    match source.randrange(6):
        case 0:
            return source.randbytes(source.randrange(300))
        case 1:
            return BODY[: source.randrange(len(BODY))]
        case 2:
            body = bytearray(BODY)
            for _ in range(source.randrange(1, 6)):
                body[source.randrange(len(body))] = source.randrange(256)
            return bytes(body)
        case 3:
            odd = [
                None,
                True,
                -1,
                1.5,
                10**30,
                "",
                "\u0000",
                "😀" * 200,
                [],
                {},
                [[{}]],
                "2024",
                "\udfff",
                float("nan"),
            ]
            fields = {**GOOD, source.choice(list(GOOD)): source.choice(odd)}
            return json.dumps(fields, ensure_ascii=source.random() < 0.5).encode("utf-8", "surrogatepass")
        case 4:
            depth = source.randrange(1, 3000)
            return BODY[:-1] + b', "x": ' + b"[" * depth + b"]" * source.choice([depth, depth - 1]) + b"}"
        case _:
            start = source.randrange(len(BODY))
            return BODY[:start] + BODY[start : start + source.randrange(80)] + BODY[start:]


@pytest.mark.parametrize("job_type", [EnhanceJob, EnhanceUpdateJob])
def test_five_hundred_garbled_bodies_are_each_a_job_or_a_reason(job_type: type[Job]) -> None:
    source = random.Random(20_240_501)
    jobs, codes = 0, set[str]()
    for _ in range(500):
        body = _garbled(source)
        try:
            job = decode_job(job_type, body)
            jobs += 1
            assert decode_job(job_type, job.encode()) == job
        except JobRefused as error:
            codes.add(error.reason.code)
            error.reason.message.encode()
        assert identify(body).keys() <= {"job_id", "business_id", "image_id"}
    assert jobs < 200 and codes <= {"not_json", "invalid_job", "unknown_schema"} and len(codes) > 1


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=6),
)


@given(_json)
def test_any_json_is_a_job_or_a_reason(document: object) -> None:
    body = json.dumps(document).encode()
    with suppress(JobRefused):
        decode_job(EnhanceJob, body)
    for value in identify(body).values():
        value.encode()


def test_what_identifies_a_body_is_in_the_same_form_as_in_its_job() -> None:
    body = json.dumps({**GOOD, "business_id": " ACME ", "image_id": 7, "job_id": JOB_ID.upper()}).encode()
    job = decode_job(EnhanceJob, body)
    assert identify(body) == {"job_id": job.job_id, "business_id": job.business_id, "image_id": job.image_id}


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({"business_id": "A/B", "image_id": ["x"], "job_id": "1"}, {"business_id": "A/B"}),
        ({"business_id": "x" * 500, "job_id": 7}, {"business_id": "x" * 128}),
        ({"business_id": "\ud800", "image_id": True, "job_id": None}, {"business_id": "?"}),
        ({"business_id": "", "image_id": 9}, {"image_id": "9"}),
    ],
)
def test_a_wrong_id_still_says_what_it_can(fields: dict[str, Any], known: dict[str, str]) -> None:
    assert identify(json.dumps(fields).encode()) == known


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 200_000, b"[1]", b"9" * 6000, BODY + b" " * MAX_BODY_BYTES])
def test_a_body_that_cannot_be_read_identifies_nothing(body: bytes) -> None:
    assert identify(body) == {}
