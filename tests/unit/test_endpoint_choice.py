"""Which endpoint is used next, and when one is not used at all."""

import pytest

from orchestrator.clients.circuit import (
    CLOSED,
    PERSISTENTLY_BUSY_S,
    Circuit,
    Policy,
    choose,
    lets_through,
    on_busy,
    on_failure,
    on_no_answer,
    on_probe,
)

OPEN = Circuit("open", failures=3, opened_at=100.0)
HALF_OPEN = Circuit("half_open", failures=3, opened_at=100.0)


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
    ("before", "last_in_use", "after"),
    [
        (CLOSED, False, Circuit("closed", 1)),
        (Circuit("closed", 1), False, Circuit("closed", 2)),
        (Circuit("closed", 2), False, Circuit("open", 3, opened_at=200.0)),
        (Circuit("closed", 2), True, Circuit("closed", 3)),
        (Circuit("closed", 7), True, Circuit("closed", 8)),
        (Circuit("closed", 7), False, Circuit("open", 8, opened_at=200.0)),
        (OPEN, False, Circuit("open", 4, opened_at=100.0)),
        (OPEN, True, Circuit("open", 4, opened_at=100.0)),
        (HALF_OPEN, False, Circuit("open", 4, opened_at=200.0)),
        (HALF_OPEN, True, Circuit("open", 4, opened_at=200.0)),
    ],
)
def test_a_failure_moves_the_circuit(before: Circuit, last_in_use: bool, after: Circuit) -> None:
    assert on_failure(before, now=200.0, eject_after=3, last_in_use=last_in_use) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CLOSED, Circuit(busy_since=200.0)),
        (Circuit(busy_since=199.0), Circuit(busy_since=199.0)),
        (Circuit(busy_since=200.0 - PERSISTENTLY_BUSY_S), Circuit(failures=1, busy_since=200.0 - PERSISTENTLY_BUSY_S)),
        (HALF_OPEN, Circuit("open", 3, 100.0, busy_since=200.0)),
        (OPEN, Circuit("open", 3, 100.0, busy_since=200.0)),
    ],
)
def test_busy_is_a_failure_only_when_it_lasts(before: Circuit, after: Circuit) -> None:
    assert on_busy(before, now=200.0, eject_after=3, last_in_use=False) == after


@pytest.mark.parametrize(
    ("circuit", "now", "lets"),
    [
        (CLOSED, 0.0, True),
        (Circuit("closed", 9), 0.0, True),
        (OPEN, 109.9, False),
        (OPEN, 110.0, True),
        (HALF_OPEN, 999.0, False),
    ],
)
def test_an_open_circuit_lets_one_probe_through_when_it_is_time(circuit: Circuit, now: float, lets: bool) -> None:
    assert lets_through(circuit, now=now, probe_after_s=10.0) is lets


def test_a_probe_that_was_given_up_lets_the_next_one_go_at_once() -> None:
    abandoned = on_no_answer(on_probe(OPEN))

    assert abandoned == OPEN
    assert lets_through(abandoned, now=110.0, probe_after_s=10.0)
    assert on_no_answer(CLOSED) == CLOSED
