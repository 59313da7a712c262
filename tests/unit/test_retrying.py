"""When to try again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.domain.retrying import GiveUp, RetryAfter, backoff_s, decide_retry


@pytest.mark.parametrize(
    ("attempt", "delays_s", "decision"),
    [
        (1, (5, 30, 300), RetryAfter(5, 2)),
        (2, (5, 30, 300), RetryAfter(30, 3)),
        (3, (5, 30, 300), RetryAfter(300, 4)),
        (4, (5, 30, 300), GiveUp()),
        (99, (5, 30, 300), GiveUp()),
        (0, (5, 30, 300), GiveUp()),
        (1, (), GiveUp()),
        (1, (0.5,), RetryAfter(0.5, 2)),
        (2, (0.5,), GiveUp()),
    ],
)
def test_each_failure_waits_in_its_own_tier_until_none_is_left(
    attempt: int, delays_s: tuple[float, ...], decision: RetryAfter | GiveUp
) -> None:
    assert decide_retry(attempt, delays_s) == decision


@given(st.lists(st.floats(0.001, 1000), max_size=8))
def test_a_queue_with_n_tiers_allows_n_plus_one_attempts(delays_s: list[float]) -> None:
    attempt, waited = 1, []
    while isinstance(decision := decide_retry(attempt, delays_s), RetryAfter):
        waited.append(decision.delay_s)
        attempt = decision.attempt
    assert attempt == len(delays_s) + 1 and waited == delays_s


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_in_place_is_between_half_of_its_ceiling_and_its_ceiling(tries: int, jitter: float) -> None:
    ceiling = min(15.0, 0.2 * 2 ** min(tries, 30))
    assert ceiling / 2 <= backoff_s(tries, jitter=jitter) <= ceiling
    assert ceiling / 2 <= backoff_s(tries) <= ceiling


def test_waits_in_place_double_up_to_the_cap() -> None:
    assert [backoff_s(n, jitter=0) for n in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 7.5]
    assert backoff_s(3, cap_s=1, jitter=0) == 0.5


def test_a_crowd_spreads_out() -> None:
    assert len({backoff_s(0) for _ in range(50)}) > 40


def test_a_queue_s_neighbours_are_named_after_it() -> None:
    assert error_queue("q") == "error.q"
    assert retry_queue("q", 5) == "retry.q.5000ms"
    assert retry_queue("q", 0.25) == "retry.q.250ms"
