"""The checker finds every planted mistake, under its right name, and finds none where there is none."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.checker import Verdict, check
from tests.kit.evidence import Copies, Evidence, JobKey
from tests.kit.mutants import (
    FIRST,
    MUTATIONS,
    SECOND,
    Planted,
    clean_run,
    drop_a_done_one,
    duplicate_a_dead_one,
    hide_one,
    invent_one,
    repeat_an_effect,
)

CLASSES = (
    "lost",
    "missing_next",
    "unexpected",
    "double_terminal",
    "duplicate_effects",
    "missing_effects",
    "unaccounted",
    "redundant",
)


def flagged(verdict: Verdict) -> dict[str, tuple[object, ...]]:
    return {name: getattr(verdict, name) for name in CLASSES if getattr(verdict, name)}


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_planted_mistake_is_named_alone(mutate: Callable[[Evidence, random.Random], Planted]) -> None:
    rng = random.Random(7)
    changed, expected_class, named = mutate(clean_run(rng), rng)
    verdict = check(changed)
    assert flagged(verdict) == {expected_class: (named,)}
    assert not verdict.clean
    assert verdict.ok is (expected_class == "redundant")


@pytest.mark.parametrize("seed", range(100))
def test_every_random_mutant_of_a_clean_run_is_flagged_under_its_class(seed: int) -> None:
    rng = random.Random(seed)
    run = clean_run(rng)
    assert check(run).clean
    changed, expected_class, named = rng.choice(MUTATIONS)(run, rng)
    assert flagged(check(changed)) == {expected_class: (named,)}


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), jobs=st.integers(0, 120))
def test_a_clean_run_is_never_flagged(seed: int, jobs: int) -> None:
    verdict = check(clean_run(random.Random(seed), jobs))
    assert verdict.clean and verdict.ok, str(verdict)


def test_several_mistakes_at_once_are_all_found() -> None:
    rng = random.Random(3)
    run = clean_run(rng)
    expected = set()
    for mutate in (drop_a_done_one, invent_one, hide_one, repeat_an_effect, duplicate_a_dead_one):
        run, expected_class, _ = mutate(run, rng)
        expected.add(expected_class)
    assert set(flagged(check(run))) == expected


def test_a_job_that_is_still_queued_is_not_lost_and_may_have_sent_its_successor_already() -> None:
    first, second = JobKey("a", FIRST), JobKey("a", SECOND)
    evidence = Evidence(
        confirmed=frozenset({first}), queued={first: 1}, done=frozenset({second}), expected_next={first: (second,)}
    )
    assert check(evidence).clean


def test_an_unknown_publish_may_be_there_or_not() -> None:
    key = JobKey("a", FIRST)
    absent = check(Evidence(confirmed=frozenset(), unknown=frozenset({key})))
    present = check(Evidence(confirmed=frozenset(), unknown=frozenset({key}), done=frozenset({key})))
    assert absent.clean and present.clean
    assert dict(absent.counts)["recovered"] == 0 and dict(present.counts)["recovered"] == 1


def test_a_job_queued_twice_is_redundant() -> None:
    key = JobKey("a", FIRST)
    verdict = check(Evidence(confirmed=frozenset({key}), queued={key: 2}))
    assert verdict.ok and verdict.redundant == (Copies(key, done=False, dead=0, queued=2),)


def test_a_successor_that_was_published_from_outside_proves_nothing_about_its_predecessor() -> None:
    first, second = JobKey("a", FIRST), JobKey("a", SECOND)
    evidence = Evidence(
        confirmed=frozenset({second}),
        unknown=frozenset({first}),
        done=frozenset({second}),
        expected_next={first: (second,)},
    )
    assert check(evidence).clean


def test_a_job_found_with_zero_copies_is_not_found() -> None:
    key = JobKey("a", FIRST)
    assert check(Evidence(confirmed=frozenset({key}), queued={key: 0}, dead={key: 0})).lost == (key,)


def test_the_table_counts_every_class_and_names_examples() -> None:
    keys = frozenset(JobKey(f"job-{number}", FIRST) for number in range(8))
    table = str(check(Evidence(confirmed=keys)))
    assert table.startswith("BROKEN: 8 confirmed, 0 unknown")
    (row,) = (line for line in table.splitlines() if line.split()[0] == "lost")
    assert row.split()[1] == "8" and f"job-0@{FIRST}" in row and row.endswith("and 3 more")
    assert str(check(Evidence(confirmed=frozenset()))).startswith("OK: 0 confirmed")
