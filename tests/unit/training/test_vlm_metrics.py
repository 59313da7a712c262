"""The figures of the vision-language model, on cases worked out by hand."""

import pytest

from workers.training.vlm.metrics import balanced_accuracy, common_length, f1, rouge_l


def test_f1_of_tags_counts_each_tag_once_and_ignores_case() -> None:
    assert f1(["Bread", "shop", "shop"], ["bread", "cake", "shop", "door"]) == pytest.approx(2 * 2 / (2 + 4))
    assert f1([], ["bread"]) == 0
    assert f1([], []) == 1


def test_rouge_l_is_about_the_longest_common_subsequence() -> None:
    # From the paper that defines it, section 3.1: "police killed the gunman" against two candidates.
    assert rouge_l("police kill the gunman", "police killed the gunman") == pytest.approx(3 / 4)
    assert rouge_l("the gunman kill police", "police killed the gunman") == pytest.approx(2 / 4)


def test_rouge_l_punishes_length_on_either_side_alike() -> None:
    assert rouge_l("a b", "a b c d") == rouge_l("a b c d", "a b") == pytest.approx(2 * 2 / 6)
    assert rouge_l("", "a") == rouge_l("a", "") == 0
    assert rouge_l("", "") == 1


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert rouge_l("A red, red door!", "a red red door") == 1


def test_the_common_subsequence_may_have_gaps_but_keeps_the_order() -> None:
    assert common_length(list("abcd"), list("bxda")) == 2


def test_balanced_accuracy_is_not_won_by_always_saying_no() -> None:
    right = [True] + [False] * 9
    assert balanced_accuracy([False] * 10, right) == pytest.approx(0.5)
    assert balanced_accuracy(right, right) == 1
    assert balanced_accuracy([True] + [False] * 6 + [True] * 3, right) == pytest.approx((1 + 6 / 9) / 2)


def test_balanced_accuracy_needs_questions_of_both_kinds() -> None:
    with pytest.raises(ValueError, match="True"):
        balanced_accuracy([False], [False])
