"""Measures, on cases small enough to be worked out by hand."""

import numpy as np
import pytest

from workers.training.clip.metrics import (
    Point,
    area_under_curve,
    best_threshold,
    curve,
    precise_threshold,
    ranks,
    recall_at,
    set_point,
)


def test_the_rank_of_a_text_is_the_place_of_its_own_picture() -> None:
    found = ranks(np.array([[0.9, 0.1, 0.2], [0.8, 0.5, 0.1], [0.3, 0.4, 0.2]]))
    assert found.tolist() == [1, 2, 3]
    assert [recall_at(found, most) for most in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_model_that_tells_nothing_apart_finds_nothing() -> None:
    assert ranks(np.ones((4, 4))).tolist() == [4, 4, 4, 4]


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order() -> None:
    assert area_under_curve([0.9, 0.4], [0.5, 0.1]) == 0.75
    assert area_under_curve([0.5], [0.5]) == 0.5
    with pytest.raises(ValueError, match="nothing to compare"):
        area_under_curve([], [0.5])


def test_precision_and_recall_count_words_of_all_pictures() -> None:
    point = set_point([{"bread", "cat"}, {"shop"}, set()], [{"bread"}, {"shop", "dog"}, {"bus"}])
    assert (point.precision, point.recall) == pytest.approx((2 / 3, 1 / 2))
    assert set_point([set()], [{"bread"}]) == Point(0.0, 1.0, 0.0)


def test_a_curve_goes_from_everything_to_the_surest() -> None:
    points = curve(np.array([[0.9, 0.2], [0.6, 0.6]]), np.array([[True, False], [True, False]]))
    assert [(point.threshold, point.precision, point.recall) for point in points] == [
        (0.2, 0.5, 1.0),
        (0.6, 2 / 3, 1.0),
        (0.9, 1.0, 0.5),
    ]


SCORES = np.array([0.9, 0.8, 0.3, 0.2])


def test_the_best_threshold_has_the_highest_f_score() -> None:
    true = np.array([True, True, False, True])
    best = best_threshold(SCORES, true, beta=1.0)
    assert (best.threshold, best.f_score(1.0)) == (0.2, pytest.approx(6 / 7))
    precise = best_threshold(SCORES, true, beta=0.5)
    assert (precise.threshold, precise.precision) == (0.8, 1.0)
    assert precise.f_score(0.5) == pytest.approx(1.25 * (2 / 3) / (0.25 + 2 / 3))


def test_a_precise_threshold_has_the_most_recall_or_is_never_reached() -> None:
    assert precise_threshold(SCORES, np.array([True, False, True, True]), 0.7) == Point(0.2, 0.75, 1.0)
    assert precise_threshold(SCORES, np.array([False, False, False, True]), 0.8) == Point(1.0, 1.0, 0.0)
