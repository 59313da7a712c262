"""Which endpoint is used next, and when one is not used at all."""

from dataclasses import replace

import pytest

from orchestrator.clients.circuit_breaker import (
    CLOSED,
    PERSISTENTLY_BUSY_S,
    Circuit,
    Policy,
    choose,
    on_busy,
    on_failure,
    on_no_answer,
    on_probe,
)


def failed(*jobs: int) -> Circuit:
    return Circuit(failed=frozenset(jobs))


def opened(*jobs: int, probe_at: float) -> Circuit:
    return Circuit("open", frozenset(jobs), probe_at)


OPEN = opened(1, 2, 3, probe_at=110.0)
HALF_OPEN = on_probe(OPEN)


@pytest.mark.parametrize(
    ("policy", "loads", "cursor", "chosen"),
    [
        ("round_robin", [], 0, None),
        ("round_robin", [None, None], 1, None),
        ("round_robin", [0, 0, 0], 0, 0),
        ("round_robin", [0, 0, 0], 2, 2),
        ("round_robin", [9, 0, 0], 0, 0),
        ("round_robin", [0, None, 0], 1, 2),
        ("round_robin", [0, None, None], 1, 0),
        ("round_robin", [0, 1], 7, 1),
        ("least_in_flight", [], 0, None),
        ("least_in_flight", [None], 0, None),
        ("least_in_flight", [2, 1, 3], 0, 1),
        ("least_in_flight", [None, 4, 3], 0, 2),
        ("least_in_flight", [1, 1, 1], 2, 2),
        ("least_in_flight", [1, 0, 0], 2, 2),
        ("least_in_flight", [0, 1, 1], 2, 0),
    ],
)
def test_the_policy_chooses_among_the_eligible(
    policy: Policy, loads: list[int | None], cursor: int, chosen: int | None
) -> None:
    assert choose(loads, policy, cursor) == chosen


def test_round_robin_over_unequal_loads_gives_everyone_the_same() -> None:
    cursor, taken = 0, [0, 0, 0]
    for _ in range(300):
        index = choose([5, 0, 2], "round_robin", cursor)
        assert index is not None
        taken[index] += 1
        cursor = index + 1

    assert taken == [100, 100, 100]


@pytest.mark.parametrize(
    ("before", "job", "last_in_use", "after"),
    [
        (CLOSED, 7, False, failed(7)),
        (failed(1), 7, False, failed(1, 7)),
        (failed(1, 7), 7, False, failed(1, 7)),  # the same job again is no further evidence
        (failed(1, 2), 7, False, opened(1, 2, 7, probe_at=210.0)),
        (failed(1, 2), 7, True, opened(1, 2, 7, probe_at=200.0)),
        (OPEN, 7, False, opened(1, 2, 3, 7, probe_at=110.0)),
        (HALF_OPEN, 7, True, Circuit("half_open", frozenset({1, 2, 3, 7}), 110.0)),
    ],
)
def test_failures_of_different_jobs_open_the_circuit(
    before: Circuit, job: int, last_in_use: bool, after: Circuit
) -> None:
    assert after == on_failure(before, job, now=200.0, eject_after=3, probe_after_s=10.0, last_in_use=last_in_use)


LONG_BUSY = Circuit(busy_since=200.0 - PERSISTENTLY_BUSY_S)


@pytest.mark.parametrize(
    ("before", "last_in_use", "after"),
    [
        (CLOSED, False, Circuit(busy_since=200.0)),
        (Circuit(busy_since=199.0), False, Circuit(busy_since=199.0)),
        (LONG_BUSY, False, Circuit("open", probe_at=210.0, busy_since=LONG_BUSY.busy_since)),
        (LONG_BUSY, True, LONG_BUSY),
        (OPEN, False, replace(OPEN, busy_since=200.0)),
    ],
)
def test_busy_is_a_failure_only_when_it_lasts(before: Circuit, last_in_use: bool, after: Circuit) -> None:
    assert on_busy(before, now=200.0, probe_after_s=10.0, last_in_use=last_in_use) == after


def test_a_canary_that_was_not_answered_leaves_the_circuit_open_until_the_next() -> None:
    assert on_no_answer(on_probe(OPEN), probe_at=130.0) == replace(OPEN, probe_at=130.0)
