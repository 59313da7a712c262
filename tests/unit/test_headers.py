"""Headers: ours always travel, the broker's never, and all of them fit into one frame."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from orchestrator.domain.errors import JobRefused, Reason
from orchestrator.domain.headers import Envelope, foreign_headers, read_envelope

FRAME_MAX_BYTES = 131_072  # what RabbitMQ offers and aio_pika accepts
NOW = 1_700_000_000_000
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
FROM_THE_BROKER: dict[str, Any] = {
    "x-death": [{"reason": "expired", "queue": "retry.q.5000ms", "count": 3}],
    "x-first-death-reason": "expired",
    "x-first-death-queue": "retry.q.5000ms",
    "x-first-death-exchange": "",
    "x-last-death-reason": "expired",
    "x-delivery-count": 4,
}


def frame_bytes(headers: dict[str, Any]) -> int:
    properties = Basic.Properties(headers=headers, message_id="m" * 32, correlation_id="c" * 36)
    return len(ContentHeader(0, 1, properties).marshal()) + 8


def test_a_message_without_headers_is_a_first_attempt() -> None:
    assert read_envelope({}, NOW) == Envelope(1, NOW)
    assert not read_envelope({}, NOW).seen_before


def test_an_envelope_survives_the_wire() -> None:
    envelope = Envelope(3, NOW, replays=2, releases=1, traceparent=TRACE, foreign={"tenant": "a", "n": -5})
    assert read_envelope(envelope.headers(), NOW + 1) == envelope


@pytest.mark.parametrize("envelope", [Envelope(2, NOW), Envelope(1, NOW, replays=1), Envelope(1, NOW, releases=1)])
def test_a_message_that_was_sent_again_may_have_been_settled_before(envelope: Envelope) -> None:
    assert read_envelope(envelope.headers(), NOW).seen_before


def test_what_the_broker_added_is_never_copied() -> None:
    headers = {**FROM_THE_BROKER, "x-error-code": "old", "x-error-stack": "s", "tenant": "a", "x-attempt": 2}
    envelope = read_envelope(headers, NOW)
    assert envelope.headers() == {"tenant": "a", "x-attempt": 2, "x-first-seen": NOW}
    assert envelope.dead_headers(Reason("bug", "it broke", "f < g"), NOW + 1) == {
        "tenant": "a",
        "x-attempt": 2,
        "x-first-seen": NOW,
        "x-error-code": "bug",
        "x-error-message": "it broke",
        "x-error-stack": "f < g",
        "x-error-at": NOW + 1,
        "x-error-attempts": 2,
    }


def test_each_hop_counts_what_it_should_and_nothing_else() -> None:
    here = Envelope(3, NOW, replays=1, releases=2, traceparent=TRACE, foreign={"tenant": "a"})
    assert here.for_attempt(4) == Envelope(4, NOW, 1, 2, TRACE, {"tenant": "a"})
    assert here.released() == Envelope(3, NOW, 1, 3, TRACE, {"tenant": "a"})
    assert here.replayed() == Envelope(1, NOW, 2, 0, TRACE, {"tenant": "a"})
    assert here.for_next_job(NOW + 9) == Envelope(1, NOW + 9, 0, 0, TRACE, {"tenant": "a"})


@pytest.mark.parametrize("name", ["x-attempt", "x-first-seen", "x-replays", "x-releases"])
@pytest.mark.parametrize("value", ["1", -1, 1.0, True, None, [], {}, b"1", 2**53, 2**63 - 1])
def test_a_header_of_ours_with_a_wrong_value_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(JobRefused, match=f"{name}: must be a whole number") as refused:
        read_envelope({name: value}, NOW)
    assert refused.value.reason.code == "bad_header"


def test_attempt_zero_counts_as_the_first() -> None:
    assert read_envelope({"x-attempt": 0}, NOW).attempt == 1


@pytest.mark.parametrize("value", [7, None, b"00", [], TRACE.encode()])
def test_a_trace_that_is_no_text_is_left_out(value: Any) -> None:
    assert read_envelope({"traceparent": value}, NOW) == Envelope(1, NOW)


@pytest.mark.parametrize(
    "value", [None, True, 1.5, b"bytes", [1], {"a": 1}, 2**63, -(2**63) - 1, "x" * 1025, "é" * 600, "\ud800"]
)
def test_a_foreign_value_that_not_every_broker_takes_stays_behind(value: Any) -> None:
    assert foreign_headers({"odd": value, "good": "kept"}) == {"good": "kept"}


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128, "\ud800"])
def test_a_foreign_name_that_not_every_broker_takes_stays_behind(name: str) -> None:
    assert foreign_headers({name: "v", "good": "kept"}) == {"good": "kept"}


def test_at_most_32_foreign_headers_travel() -> None:
    assert list(foreign_headers({f"h{n}": n for n in range(40)})) == [f"h{n}" for n in range(32)]


def test_a_dead_letter_s_headers_fit_into_a_frame_at_their_worst() -> None:
    hostile = {f"{n:02d}{'é' * 126}": "😀" * 256 for n in range(60)}
    envelope = read_envelope({**hostile, "traceparent": TRACE}, NOW)
    reason = Reason("😀" * 10_000, "😀" * 10_000 + "\ud800", "\udfff😀" * 10_000)
    assert len(envelope.foreign) == 32
    assert frame_bytes(envelope.dead_headers(reason, NOW)) < FRAME_MAX_BYTES


_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers())
_names = st.sampled_from(["x-attempt", "x-replays", "x-releases", "x-first-seen", "traceparent", *FROM_THE_BROKER])


@given(st.dictionaries(st.text(max_size=300) | _names, _values, max_size=12))
def test_whatever_the_headers_are_the_answer_can_be_published(headers: dict[str, Any]) -> None:
    try:
        envelope = read_envelope(headers, NOW)
    except JobRefused:
        envelope = Envelope(1, NOW, foreign=foreign_headers(headers))
    sent = envelope.released().replayed().dead_headers(Reason("bug", "x"), NOW)
    assert not sent.keys() & FROM_THE_BROKER.keys()
    assert {"x-attempt", "x-first-seen", "x-replays"} <= sent.keys()
    if envelope.traceparent is None or envelope.traceparent.isprintable():
        assert frame_bytes(sent) < FRAME_MAX_BYTES


@pytest.mark.parametrize(
    "deaths",
    ["text", 7, [1], [[]], [{"queue": "error.q", "reason": "expired"}], [{"queue": "q"}, {"queue": "dev.error.q"}]],
    ids=str,
)
def test_a_death_that_no_broker_writes_is_refused(deaths: object) -> None:
    with pytest.raises(JobRefused, match="x-death"):
        read_envelope({"x-death": deaths}, 0)
