"""Versions: the order of bytes is the order of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.versions import EARLIEST_MS, supersedes, version_of

moments = st.integers(EARLIEST_MS, 10 * EARLIEST_MS - 1)
job_ids = st.uuids().map(str)


@given(moments, job_ids, moments, job_ids)
def test_versions_order_bytewise_by_time_then_by_job(ms_a: int, job_a: str, ms_b: int, job_b: str) -> None:
    a, b = version_of(ms_a, job_a).encode(), version_of(ms_b, job_b).encode()
    assert (a < b) == ((ms_a, job_a) < (ms_b, job_b))
    assert (a == b) == ((ms_a, job_a) == (ms_b, job_b))


@given(moments, job_ids, moments, job_ids)
def test_of_two_writes_exactly_the_newer_one_wins_in_either_order(ms_a: int, job_a: str, ms_b: int, job_b: str) -> None:
    a, b = version_of(ms_a, job_a), version_of(ms_b, job_b)

    def last_standing(*writes: str) -> str | None:
        stored = None
        for write in writes:
            stored = write if supersedes(write, stored) else stored
        return stored

    assert last_standing(a, b) == last_standing(b, a) == max(a, b, key=str.encode)


def test_the_same_version_again_changes_nothing() -> None:
    version = version_of(EARLIEST_MS, "018bcfe5-6800-7000-8000-00000000abcd")
    assert supersedes(version, None)
    assert not supersedes(version, version)


def test_a_version_is_thirteen_digits_and_the_job() -> None:
    job = EnhanceJob(
        business_id="b",
        image_id="i",
        image_url="https://x/i.png",
        job_id="018bcfe5-6800-7000-8000-00000000abcd",
        submitted_at=1_700_000_000_000,
    )
    assert job.version == "1700000000000-018bcfe5-6800-7000-8000-00000000abcd"


def test_a_job_without_identity_has_no_version() -> None:
    job = EnhanceJob(business_id="b", image_id="i", image_url="https://x/i.png")
    with pytest.raises(ValueError, match="before it has an identity"):
        _ = job.version
