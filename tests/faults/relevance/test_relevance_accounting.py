"""The evidence of the relevance road is right: whatever is falsified in one of its stores, the checker names."""

import random

import pytest

from tests.faults.figures import at_most
from tests.kit.checker import Verdict, check
from tests.kit.relevance_mutants import MUTATIONS, Mutation
from tests.kit.relevance_run import clean_relevance_run

SEEDS = range(10)
CLASSES = ("lost", "missing_next", "unexpected", "double_terminal", "duplicate_effects", "missing_effects", "redundant")


def flagged(verdict: Verdict) -> dict[str, list[str]]:
    return {name: [str(one) for one in getattr(verdict, name)] for name in CLASSES if getattr(verdict, name)}


def test_a_clean_run_is_clean() -> None:
    verdict = check(clean_relevance_run().evidence())
    assert verdict.clean, str(verdict)
    assert dict(verdict.counts)["done"] == 17 and dict(verdict.counts)["dead"] == 2


def falsified(mutate: Mutation, seed: int) -> dict[str, list[str]]:
    """What the checker says of a clean run after one mutation."""
    return flagged(check(mutate(clean_relevance_run(), random.Random(seed)).evidence()))


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_what_is_falsified_in_one_store_is_named_as_what_it_is(mutate: Mutation) -> None:
    expected_class, begins = MUTATIONS[mutate]
    for seed in SEEDS:
        found = falsified(mutate, seed)
        assert list(found) == [expected_class], found
        assert any(named.startswith(begins) for named in found[expected_class])


def test_no_falsified_run_passes_for_a_clean_one() -> None:
    verdicts = [falsified(mutate, seed) for mutate in MUTATIONS for seed in SEEDS]
    unnoticed = sum(not found for found in verdicts)
    what = f"of {len(MUTATIONS)} ways to falsify a run of the relevance road, {len(SEEDS)} times each, not noticed"
    at_most("R30.relevance.unnoticed", what, unnoticed, 0, len(verdicts))
    assert unnoticed == 0
