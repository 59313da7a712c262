"""Dead letters: an error queue may hold anything, and every message of it can be shown."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.deadletters import MAX_INDEXED_BYTES, dropped_entry, is_parked, letter_id, read_letter
from orchestrator.domain.errors import Reason
from orchestrator.domain.headers import Envelope, read_envelope
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry

NOW = 1_700_000_000_000
JOB_ID = "018bcfe5-6800-7000-8000-00000000abcd"
BODY = json.dumps({"job_id": JOB_ID, "business_id": " ACME", "image_id": 7}).encode()


def test_a_letter_says_what_the_engine_wrote_on_it() -> None:
    envelope = Envelope(4, NOW, replays=2, releases=1, traceparent="00-t", foreign={"tenant": "a"})
    headers = envelope.dead_headers(Reason("deadline", "too slow", "f < g"), NOW + 60_000)
    assert read_letter("q", BODY, headers, NOW + 99_000) == DeadLetter(
        queue="q",
        letter_id=JOB_ID,
        reason=Reason("deadline", "too slow", "f < g"),
        attempts=4,
        replays=2,
        first_seen=NOW,
        died_at=NOW + 60_000,
        body=BODY,
        headers=envelope.headers(),
        job_id=JOB_ID,
        business_id="acme",
        image_id="7",
    )


def test_a_letter_s_headers_read_back_as_the_envelope_it_died_with() -> None:
    envelope = Envelope(4, NOW, replays=2, releases=1, traceparent="00-t", foreign={"tenant": "a"})
    letter = read_letter("q", BODY, envelope.dead_headers(Reason("bug", ""), NOW), NOW)
    assert read_envelope(letter.headers, NOW) == envelope


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "unknown"),
        ({"x-first-death-reason": "delivery_limit"}, "delivery_limit"),
        ({"x-first-death-reason": "maxlen"}, "maxlen"),
        ({"x-first-death-reason": 7}, "unknown"),
        ({"x-death": "odd", "x-first-death-reason": "delivery_limit"}, "delivery_limit"),
        ({"x-death": [], "x-first-death-reason": "delivery_limit"}, "delivery_limit"),
        ({"x-death": [7], "x-first-death-reason": "delivery_limit"}, "delivery_limit"),
        # It waited in a retry queue first; then it killed the process again and again.
        (
            {"x-death": [{"reason": "delivery_limit"}, {"reason": "expired"}], "x-first-death-reason": "expired"},
            "delivery_limit",
        ),
        ({"x-error-code": "bug", "x-first-death-reason": "expired"}, "bug"),
    ],
)
def test_what_the_broker_put_there_has_the_broker_s_last_reason(headers: dict[str, Any], code: str) -> None:
    reason = read_letter("q", BODY, headers, NOW).reason
    assert reason.code == code
    if code == "delivery_limit":
        assert "may kill the process" in reason.message


@pytest.mark.parametrize(
    ("headers", "died_at"),
    [
        ({"x-death": [{"time": datetime.fromtimestamp(NOW / 1000 - 60, UTC)}, {"time": "odd"}]}, NOW - 60_000),
        ({"x-death": [{"time": datetime.fromtimestamp(NOW / 1000 - 60, UTC)}], "x-error-at": NOW - 5}, NOW - 5),
        ({"x-death": [{"time": NOW // 1000 - 60}]}, NOW - 60_000),
        ({"x-death": [{"time": "odd"}]}, 0),
        ({"x-death": "odd"}, 0),
        ({}, 0),
    ],
)
def test_what_the_broker_put_there_died_when_the_broker_says(headers: dict[str, Any], died_at: int) -> None:
    assert read_letter("q", BODY, headers, NOW).died_at == died_at


def test_a_body_that_names_no_job_is_named_by_its_bytes() -> None:
    assert letter_id(b"garbage") == "raw-" + sha256(b"garbage").hexdigest()[:16] != letter_id(b"garbage ")


@pytest.mark.parametrize("job_id", ["1", "", None, 7, "../../etc", ["x"], "x" * 10_000])
def test_two_bodies_with_a_job_id_that_is_none_stay_two_letters(job_id: Any) -> None:
    letters = [read_letter("q", json.dumps({"job_id": job_id, "n": n}).encode(), {}, NOW) for n in (1, 2)]
    assert letters[0].letter_id != letters[1].letter_id
    assert {letter.job_id for letter in letters} == {None}


def test_copies_of_one_job_share_a_letter_however_the_id_is_spelt() -> None:
    assert letter_id(BODY) == letter_id(BODY.replace(JOB_ID.encode(), JOB_ID.upper().encode())) == JOB_ID


def test_only_the_beginning_of_a_large_body_is_indexed() -> None:
    assert read_letter("q", b"x" * 300_000, {}, NOW).body == b"x" * MAX_INDEXED_BYTES


_names = st.sampled_from(
    [f"x-error-{n}" for n in ("code", "message", "stack", "at", "attempts")]
    + ["x-attempt", "x-replays", "x-first-seen", "x-releases", "x-death", "x-first-death-reason", "traceparent"]
)
_any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.binary() | _any.map(lambda v: repr(v).encode("utf-8", "replace")), st.dictionaries(_names | st.text(), _any))
def test_reading_a_letter_never_raises_and_it_can_always_be_sent_again(body: bytes, headers: dict[str, Any]) -> None:
    letter = read_letter("q", body, headers, NOW)
    again = read_envelope(letter.headers, letter.first_seen).replayed()
    assert again.attempt == 1 and again.replays == letter.replays + 1
    for text in (letter.letter_id, letter.reason.code, letter.reason.message, letter.reason.stack):
        text.encode()
    assert letter.attempts >= 0 and letter.died_at >= 0 and letter.reason.code


@pytest.mark.parametrize(("replays", "parked"), [(0, False), (2, False), (3, True), (9, True)])
def test_a_letter_replayed_three_times_in_vain_is_parked(replays: int, parked: bool) -> None:
    assert is_parked(read_letter("q", BODY, {"x-replays": replays}, NOW)) is parked


def test_a_dropped_letter_is_a_line_in_the_ledger() -> None:
    letter = read_letter("q", BODY, {"x-attempt": 3, "x-replays": 1, "x-error-at": NOW}, NOW + 5)
    reason = Reason("dropped", "removed by an operator")
    assert dropped_entry(letter, reason) == LedgerEntry(
        job_id=JOB_ID,
        queue="q",
        outcome="dropped",
        attempts=3,
        business_id="acme",
        image_id="7",
        received_at=NOW,
        took_ms=0.0,
        reason=reason,
        replays=1,
    )
    assert dropped_entry(read_letter("q", b"garbage", {}, NOW), reason) is None


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ({}, True),
        ({"queue": "q", "reason": "bug", "business_id": "acme", "letter_id": JOB_ID}, True),
        ({"queue": "other"}, False),
        ({"reason": "deadline"}, False),
        ({"business_id": "globex"}, False),
        ({"letter_id": "raw-0"}, False),
        ({"older_than_s": 60}, True),
        ({"older_than_s": 60.1}, False),
        ({"newer_than_s": 60}, True),
        ({"newer_than_s": 59.9}, False),
        ({"queue": "q", "newer_than_s": 1}, False),
    ],
)
def test_a_filter_means_a_letter_only_if_every_part_does(wanted: dict[str, Any], meant: bool) -> None:
    letter = read_letter("q", BODY, {"x-error-code": "bug", "x-error-at": NOW}, NOW)
    assert DeadLetterFilter(**wanted).matches(letter, NOW + 60_000) is meant
