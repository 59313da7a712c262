"""The first cut of scoring: parts, their calibration, one score."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.relevance.idf import idf, idf_snapshot_of
from orchestrator.domain.relevance.scoring import (
    CLIP,
    DESCRIPTION,
    WEIGHTS,
    Calibration,
    CategoryScore,
    Parts,
    category_scores,
    category_vector,
    clip_parts,
    description_parts,
    score_of,
    usable,
)
from orchestrator.domain.relevance.vectors import Vector

PART_NAMES = ("description", "cat_match", "clip")
UNIT = st.floats(0, 1)
PARTS = st.builds(Parts, st.none() | UNIT, st.none() | UNIT, st.none() | UNIT)
ROUNDING = 1e-6
ENGLISH = {"text": "a gym", "language": "en", "model": "llava", "cat_match": 1, "category_id": "c1"}


def unit(*numbers: float) -> Vector:
    return Vector.unit("s", numbers)


@given(PARTS)
def test_a_score_is_between_the_smallest_and_the_largest_of_its_parts(parts: Parts) -> None:
    there = [part for name in PART_NAMES if (part := getattr(parts, name)) is not None]
    score = score_of(parts)
    if not there:
        assert score is None
    else:
        assert score is not None and 0.0 <= score <= 1.0
        assert min(there) - ROUNDING <= score <= max(there) + ROUNDING


@given(PARTS, st.sampled_from(PART_NAMES), UNIT, UNIT)
def test_a_score_never_falls_when_a_part_rises(parts: Parts, name: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    lower, higher = score_of(replace(parts, **{name: low})), score_of(replace(parts, **{name: high}))
    assert lower is not None and higher is not None and lower <= higher
    if high - low > 0.001:
        assert lower < higher


@given(PARTS, st.sampled_from(PART_NAMES))
def test_a_missing_part_counts_as_if_it_agreed_with_the_others(parts: Parts, name: str) -> None:
    without = replace(parts, **{name: None})
    score = score_of(without)
    assume(score is not None)
    assert score_of(replace(parts, **{name: score})) == pytest.approx(score, abs=ROUNDING)


@given(PARTS, st.sampled_from(PART_NAMES), UNIT)
def test_a_part_that_comes_in_moves_the_score_towards_itself(parts: Parts, name: str, value: float) -> None:
    before = score_of(replace(parts, **{name: None}))
    after = score_of(replace(parts, **{name: value}))
    assume(before is not None)
    assert after is not None and before is not None
    assert min(before, value) - ROUNDING <= after <= max(before, value) + ROUNDING


def test_the_weights_are_what_they_say() -> None:
    assert score_of(Parts(description=1.0, cat_match=0.0, clip=0.0)) == WEIGHTS.description
    assert score_of(Parts(description=0.0, cat_match=1.0, clip=0.0)) == WEIGHTS.cat_match
    assert score_of(Parts(description=0.0, cat_match=0.0, clip=1.0)) == WEIGHTS.clip
    assert score_of(Parts(description=0.4, clip=0.7)) == 0.5
    assert score_of(Parts(clip=0.7)) == 0.7


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([DESCRIPTION, CLIP]))
def test_a_calibrated_part_is_in_range_or_missing_and_never_nan(similarity: float, calibration: Calibration) -> None:
    part = calibration.part(similarity)
    assert part is None if not math.isfinite(similarity) else part is not None and 0.0 <= part <= 1.0


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_calibrated_part_never_falls_when_the_cosine_rises(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert DESCRIPTION.part(low) <= DESCRIPTION.part(high)  # type: ignore[operator]


def test_what_was_measured_spreads_over_the_range() -> None:
    parts = [DESCRIPTION.part(cosine) for cosine in (0.08, 0.24, 0.31, 0.39)]
    assert parts == pytest.approx([0.16, 0.48, 0.62, 0.78])


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_part_that_is_no_number_is_missing(odd: float) -> None:
    assert score_of(Parts(description=odd, clip=0.25)) == 0.25
    assert score_of(Parts(description=odd)) is None


def test_a_category_is_its_whole_phrase_in_any_spelling_of_case_and_space() -> None:
    vectors = {"car repair": unit(3, 4), "car": unit(1, 0), "repair": unit(0, 1)}
    assert category_vector("  Car  REPAIR ", vectors, idf_snapshot_of([])) == unit(3, 4)


def test_without_its_phrase_a_category_is_the_mean_of_its_words_each_weighted_once() -> None:
    snapshot = idf_snapshot_of(["car repair", "car wash", "car dealers"])
    words = {"car": unit(1, 0), "repair": unit(0, 1)}
    vector = category_vector("Car Repair", words, snapshot)
    assert vector is not None
    across, up = vector.array()
    assert up / across == pytest.approx(idf(snapshot, "repair") / idf(snapshot, "car"), rel=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"car": unit(1, 0), "repair": Vector("other", unit(0, 1).values)},
        {"car": unit(1, 0), "repair": unit(-1, 0)},
        {"car": Vector("s", b"\x00\x00\xc0\x7f" * 2), "repair": unit(1, 0)},
    ],
    ids=["no vectors", "two spaces", "a sum of zero", "NaN"],
)
def test_a_category_without_a_mean_has_no_vector(words: dict[str, Vector]) -> None:
    assert category_vector("car repair", words, idf_snapshot_of([])) is None
    assert description_parts([Category("c1", "car repair")], words, idf_snapshot_of([]), unit(1, 0)) == {}


def test_nan_in_a_stored_vector_leaves_the_part_missing() -> None:
    nan = Vector("s", b"\x00\x00\xc0\x7f" * 2)
    assert clip_parts({"c1": unit(1, 0)}, nan) == {}
    assert description_parts([Category("c1", "car")], {"car": unit(1, 0)}, idf_snapshot_of([]), nan) == {}


def test_scores_come_by_falling_score_then_by_category_id() -> None:
    categories = [Category(id_, id_.upper()) for id_ in ("d", "b", "a", "c")]
    scores = category_scores(categories, {"a": 0.5, "b": 0.5, "c": 0.9, "d": 0.1}, {}, None)
    assert [(it.category_id, it.score) for it in scores] == [("c", 0.9), ("a", 0.5), ("b", 0.5), ("d", 0.1)]
    assert scores[0] == CategoryScore("c", "C", 0.9, Parts(description=0.9))


def test_cat_match_belongs_to_the_category_that_was_asked_about_and_to_no_other() -> None:
    categories = [Category("a", "A"), Category("b", "B")]
    yes = category_scores(categories, {"a": 0.5, "b": 0.5}, {}, ("a", 1.0))
    no = category_scores(categories, {"a": 0.5, "b": 0.5}, {}, ("a", 0.0))
    assert [(it.category_id, it.parts.cat_match) for it in yes] == [("a", 1.0), ("b", None)]
    assert [(it.category_id, it.parts.cat_match) for it in no] == [("b", None), ("a", 0.0)]
    assert yes[1].score == no[0].score == 0.5


def test_a_category_without_any_part_gets_no_score() -> None:
    categories = [Category("a", "A"), Category("b", "B")]
    assert [it.category_id for it in category_scores(categories, {}, {"b": 0.3}, None)] == ["b"]


def test_everything_is_usable_when_nothing_speaks_against_it() -> None:
    plan = usable(ENGLISH, None)
    assert (plan.description, plan.clip, plan.asked, plan.notes) == (True, True, ("c1", 1.0), {})
    assert usable({**ENGLISH, "cat_match": 0}, None).asked == ("c1", 0.0)


@pytest.mark.parametrize(("language", "scored"), [("en", True), ("en-IN", True), (None, True), ("de", False)])
def test_only_english_descriptions_are_compared(language: str | None, scored: bool) -> None:
    plan = usable({**ENGLISH, "language": language}, None)
    assert plan.description is scored
    assert plan.notes == ({} if scored else {"description": "other_language"})
    assert plan.asked == ("c1", 1.0)


@pytest.mark.parametrize("change", [{"cat_match": None}, {"cat_match": 7}, {"category_id": None}])
def test_a_cat_match_that_is_no_answer_is_missing(change: dict[str, object]) -> None:
    plan = usable({**ENGLISH, **change}, None)
    assert plan.asked is None and plan.notes == {"cat_match": "not_asked"}


def test_what_a_dummy_wrote_is_left_out_when_there_is_a_clip_part() -> None:
    plan = usable({**ENGLISH, "model": "dummy"}, None)
    assert (plan.description, plan.clip, plan.asked) == (False, True, None)
    assert plan.notes == {"description": "dummy_model", "cat_match": "dummy_model"}


def test_what_a_dummy_wrote_is_used_for_want_of_another_part_and_said_to_be() -> None:
    plan = usable({**ENGLISH, "model": "dummy"}, "dummy_model")
    assert (plan.description, plan.clip, plan.asked) == (True, False, None)
    assert plan.notes == {
        "clip": "dummy_model",
        "cat_match": "dummy_model",
        "description": "dummy_model_used_for_want_of_another_part",
    }
