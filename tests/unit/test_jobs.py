"""Jobs: what is accepted, in which form, and what a publisher is told about the rest."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.jobs import (
    MAX_CLOCK_SKEW_MS,
    Content,
    Enhanced,
    EnhanceJob,
    EnhanceUpdateJob,
    Job,
    Skipped,
    StoredRendition,
    json_schema,
)

SHA = "ab" * 32
JOB_ID = "018bcfe5-6800-7000-8000-00000000abcd"
GOOD: dict[str, Any] = {"business_id": "acme", "image_id": "7", "image_url": "https://x/7.png"}


def decoded(**fields: Any) -> EnhanceJob:
    return decode_job(EnhanceJob, json.dumps({**GOOD, **fields}).encode())


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_ids_are_normalised_when_a_job_is_decoded() -> None:
    job = decoded(business_id="  ACME ", image_id=7, job_id=JOB_ID.upper(), image_url=" https://x/7.png ")
    assert job == EnhanceJob(business_id="acme", image_id="7", image_url="https://x/7.png", job_id=JOB_ID)


def test_what_may_be_left_out_has_its_default() -> None:
    job = decoded()
    assert (job.schema_, job.served_urls, job.image_type, job.force) == ("justlens.enhance/1", (), "general", False)
    assert (job.job_id, job.submitted_at, job.content_sha256, job.has_identity) == (None, None, None, False)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"business_id": "a/b"}, "business_id: must not contain a slash"),
        ({"business_id": None}, "business_id: must be text or a whole number"),
        ({"image_id": ""}, "image_id: must not be empty"),
        ({"image_id": 1.5}, "image_id: must be text or a whole number"),
        ({"image_url": "ftp://x/7.png"}, "image_url: must start with one of http://, https://, s3://, file://"),
        ({"image_url": "javascript:alert(1)"}, "image_url: must start with one of"),
        ({"image_url": ""}, "image_url: String should have at least 1 character"),
        ({"image_url": "https://" + "x" * 4096}, "image_url: String should have at most 4096 characters"),
        ({"served_urls": "https://x"}, "served_urls: Input should be a valid array"),
        ({"served_urls": ["https://x", "nowhere"]}, "served_urls.1: must start with one of"),
        ({"served_urls": ["https://x"] * 33}, "served_urls: Tuple should have at most 32 items"),
        ({"content_sha256": "AB" * 32}, "content_sha256: String should match pattern"),
        ({"content_sha256": SHA + "\n"}, "content_sha256: String should match pattern"),
        ({"job_id": "job-1"}, "job_id: must be a UUID; leave it out to have one made"),
        ({"job_id": 5}, "job_id: Input should be a valid string"),
        ({"job_id": "{" * 32 + JOB_ID}, "job_id: String should have at most 64 characters"),
        ({"submitted_at": 1_700_000_000}, "submitted_at: Input should be greater than or equal to 1000000000000"),
        ({"submitted_at": 10**13}, "submitted_at: Input should be less than 10000000000000"),
        ({"submitted_at": "yesterday"}, "submitted_at: must be a whole number"),
        ({"submitted_at": now_ms() + MAX_CLOCK_SKEW_MS + 86_400_000}, "in the future; at most 300 s are allowed"),
        ({"image_type": "cat"}, "image_type: Input should be 'general', 'face' or 'text'"),
        ({"submitted_at": "1700000000000"}, "submitted_at: must be a whole number (in JSON without quotes)"),
        ({"force": "perhaps"}, "force: must be true or false"),
        ({"force": "true"}, "force: must be true or false (in JSON without quotes)"),
        ({"force": 0}, "force: must be true or false"),
        ({"image-url": "https://x"}, "image-url: is not a field of this job; remove it or correct its spelling"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_should_be(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(JobRefused) as refused:
        decoded(**fields)
    assert refused.value.reason.code == "invalid_job"
    assert said in refused.value.reason.message


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(JobRefused, match=f"{field}: is missing; add it"):
        decode_job(EnhanceJob, json.dumps({k: v for k, v in GOOD.items() if k != field}).encode())


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(JobRefused) as refused:
        decoded(business_id="", image_id="a b", image_url="x", force=7)
    message = refused.value.reason.message
    assert [line.partition(":")[0] for line in message.split("; ")] == ["business_id", "image_id", "image_url", "force"]


def test_a_clock_a_little_ahead_is_tolerated() -> None:
    assert decoded(submitted_at=now_ms() + MAX_CLOCK_SKEW_MS - 60_000).submitted_at is not None


def test_a_stamp_fills_in_only_what_is_missing() -> None:
    assert decoded(job_id=JOB_ID).with_identity(1_700_000_000_000) == decoded(
        job_id=JOB_ID, submitted_at=1_700_000_000_000
    )
    stamped = decoded(submitted_at=1_600_000_000_000).with_identity(1_700_000_000_000)
    assert stamped.has_identity and stamped.submitted_at == 1_600_000_000_000
    assert stamped.with_identity(1_800_000_000_000) == stamped


def test_a_stamped_job_decodes_as_itself() -> None:
    stamped = decoded(served_urls=["https://a", "https://b"]).with_identity(now_ms())
    assert decode_job(EnhanceJob, stamped.encode()) == stamped


def test_not_a_number_is_refused_because_json_cannot_carry_it_on() -> None:
    body = json.dumps({**json.loads(_update_job().encode()), "job_id": JOB_ID})
    with pytest.raises(JobRefused, match="scale"):
        decode_job(EnhanceUpdateJob, body.replace('"scale": 2.0', '"scale": NaN').encode())


@pytest.mark.parametrize("width", [0, -1, 2**53])
def test_a_picture_of_an_impossible_size_is_refused(width: int) -> None:
    body = _update_job().encode().replace(b'"width":10', f'"width":{width}'.encode())
    with pytest.raises(JobRefused, match=r"content\.width"):
        decode_job(EnhanceUpdateJob, body)


def _update_job() -> EnhanceUpdateJob:
    content = Content(sha256=SHA, phash="0f" * 8, width=10, height=10, format="png", bytes=9)
    made = Enhanced(key="k", width=20, height=20, scale=2.0, model="m", source_sha256=SHA)
    return EnhanceUpdateJob(**GOOD, content=content, enhanced=made)


_json_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
_urls = _json_text.map(lambda rest: "https://x/" + rest.strip())
_sha = st.text("0123456789abcdef", min_size=64, max_size=64)
_size = st.integers(1, 2**53 - 1)
_contents = st.builds(Content, sha256=_sha, phash=_json_text, width=_size, height=_size, format=_json_text, bytes=_size)
_rendition = st.builds(StoredRendition, key=_json_text, width=_size, height=_size)
_made = st.builds(
    Enhanced,
    key=_json_text,
    width=_size,
    height=_size,
    scale=st.floats(allow_nan=False, allow_infinity=False),
    model=_json_text,
    source_sha256=_sha,
)
_common: dict[str, Any] = {
    "business_id": st.text("abcß.-_:üx0", min_size=3, max_size=128),
    "image_id": st.integers(),
    "image_url": _urls,
    "served_urls": st.lists(_urls, max_size=4).map(tuple),
    "content_sha256": st.none() | _sha,
    "job_id": st.none() | st.uuids().map(str),
    "submitted_at": st.none() | st.integers(10**12, 1_700_000_000_000),
}
_jobs = st.one_of(
    st.builds(EnhanceJob, **_common, image_type=st.sampled_from(["general", "face", "text"]), force=st.booleans()),
    st.builds(
        EnhanceUpdateJob,
        **_common,
        content=_contents,
        enhanced=_made | st.builds(Skipped, skipped=_json_text, source_sha256=_sha, rendition=st.none() | _rendition),
    ),
)


@settings(deadline=None)  # a busy machine is no fault
@given(_jobs)
def test_a_job_survives_the_wire(job: Job) -> None:
    body = job.encode()
    assert decode_job(type(job), body) == job
    assert decode_job(type(job), body).encode() == body


@settings(deadline=None)  # a busy machine is no fault
@given(_jobs)
def test_every_encoded_job_satisfies_its_published_schema(job: Job) -> None:
    schema = json_schema(type(job))
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(json.loads(job.encode()))) == []
