"""Which pictures of a business are shown, and in which order."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.display import Candidate, Display
from orchestrator.domain.relevance.ranking import NEAR_DUPLICATE_BITS, Answer, Item
from tests.kit.ranking import ask, candidate, ids, listed

EMPTY = Answer("rule_set", None, (), ())


def test_an_item_carries_everything_that_is_shown() -> None:
    one = replace(candidate("7", scores={"c1": 0.7}, content={"width": 100, "height": 80}), alt_text="A gym")
    display = Display("https://x/7.png", stored=False, enhanced=False, width=100, height=80)
    item = Item("7", display, "A gym", 0.7, "scores", "indoor", 0.5)
    assert ask(one) == Answer("scores", item, (item,), (item,))


def test_for_a_category_its_scores_decide_and_the_best_over_all_stays_the_businesss_picture() -> None:
    images = (candidate("1", scores={"c1": 0.2, "c2": 0.9}), candidate("2", scores={"c1": 0.6, "c2": 0.1}))
    answer = ask(*images, category_id="c1")
    assert [(it.image_id, it.score) for it in answer.dynamic] == [("2", 0.6), ("1", 0.2)]
    assert answer.static is not None and (answer.static.image_id, answer.static.score) == ("1", 0.9)


def test_without_a_category_the_best_score_of_each_picture_decides() -> None:
    images = (candidate("1", scores={"c1": 0.2, "c2": 0.5}), candidate("2", scores={"c1": 0.6}))
    assert [(it.image_id, it.score) for it in ask(*images).dynamic] == [("2", 0.6), ("1", 0.5)]


def test_equal_scores_are_ordered_by_quality_then_by_image_id() -> None:
    images = [candidate(name, clip=("a", 1, quality), scores={"c1": 0.5})
              for name, quality in (("4", None), ("3", 0.2), ("2", 0.2), ("1", 0.1), ("5", 0.9))]  # fmt: skip
    assert ids(ask(*images).dynamic) == ["5", "2", "3", "1", "4"]


@pytest.mark.parametrize("scores", [None, {}, {"other": 0.9}, {"c1": float("nan")}])
def test_with_no_score_for_the_category_the_rule_set_answers_by_quality(scores: dict[str, float] | None) -> None:
    images = [candidate(name, clip=("a", 1, quality), scores=scores)
              for name, quality in (("3", 0.2), ("2", 0.2), ("1", None), ("5", 0.9))]  # fmt: skip
    answer = ask(*images, category_id="c1")
    assert answer.basis == "rule_set" and ids(answer.dynamic) == ["5", "2", "3", "1"]
    assert {(it.basis, it.score) for it in answer.dynamic} == {("rule_set", None)}


def test_with_only_some_scored_those_come_first_and_every_item_says_what_it_rests_on() -> None:
    answer = ask(candidate("1", clip=("a", 1, 0.9)), candidate("2", clip=("a", 1, 0.1), scores={"c1": 0.01}))
    assert answer.basis == "scores"
    assert [(it.image_id, it.basis, it.score) for it in answer.dynamic] == [
        ("2", "scores", 0.01),
        ("1", "rule_set", None),
    ]


def test_the_rule_set_shows_the_most_frequent_class_alone() -> None:
    images = (
        candidate("1", clip=("menu", 1, 0.99)),
        candidate("2", clip=("a", 1, 0.1)),
        candidate("3", clip=("a", 1, 0)),
    )
    assert ids(ask(*images).dynamic) == ["2", "3"]


@pytest.mark.parametrize(("menu_quality", "shown"), [(0.6, "menu"), (0.4, "indoor"), (0.5, "indoor"), (None, "indoor")])
def test_of_classes_equally_frequent_total_quality_then_the_name_decides(
    menu_quality: float | None, shown: str
) -> None:
    answer = ask(candidate("1", clip=("menu", 1, menu_quality)), candidate("2", clip=("indoor", 1, 0.5)))
    assert [it.image_class for it in answer.dynamic] == [shown]


def test_pictures_marked_0_neither_show_nor_count_for_the_class() -> None:
    images = (candidate("1", clip=("a", 0, 0.9)), candidate("2", clip=("a", 0, 0.9)), candidate("3"))
    assert ids(ask(*images).dynamic) == ["3"]


def test_a_score_does_not_bring_back_a_picture_marked_0() -> None:
    assert ask(candidate("1", clip=("a", 0, 0.9), scores={"c1": 1.0})) == EMPTY


def test_with_every_picture_marked_0_all_blocks_are_empty() -> None:
    assert ask(candidate("1", clip=("a", 0, 0.9)), candidate("2", clip=("b", 0, 0.9))) == EMPTY
    assert ask() == EMPTY


@pytest.mark.parametrize("clip", [None, (None, 1, 0.9), ("a", None, 0.9)])
def test_a_picture_nobody_has_looked_at_is_not_in_the_rule_set(
    clip: tuple[str | None, int | None, float | None] | None,
) -> None:
    assert ask(candidate("1", clip=clip)) == EMPTY


def test_an_image_the_catalogue_calls_invalid_is_never_shown() -> None:
    assert ask(candidate("1", catalogue=listed("1", valid=False, image_class="a"), scores={"c1": 1.0})) == EMPTY


def test_the_catalogues_class_and_quality_come_before_the_models() -> None:
    own = candidate("1", clip=("a", 0, 0.9), catalogue=listed("1", image_class="front", quality=0.0))
    (item,) = ask(own).dynamic
    assert (item.image_class, item.quality) == ("front", 0.0)


def test_a_catalogue_without_a_class_of_its_own_leaves_the_models_mark_standing() -> None:
    assert ask(candidate("1", clip=("a", 0, 0.9), catalogue=listed("1", quality=1.0))) == EMPTY
    (item,) = ask(candidate("1", clip=("a", 1, 0.9), catalogue=listed("1"))).dynamic
    assert (item.image_class, item.quality) == ("a", 0.9)


def test_an_image_without_any_url_is_not_shown() -> None:
    bare = candidate("1", scores={"c1": 0.5}, source={})
    assert ask(bare) == EMPTY
    (item,) = ask(replace(bare, relevance={**(bare.relevance or {}), "url": "https://y/1"})).dynamic
    assert item.display.address == "https://y/1"


def test_tags_of_another_content_neither_show_nor_hide_an_image() -> None:
    content = {"sha256": "b"}
    assert ask(candidate("1", clip=("a", 1, 0.9), clip_of="a", content=content)) == EMPTY
    hidden = candidate("1", clip=("a", 0, 0.9), clip_of="a", content=content, scores={"c1": 0.4})
    (item,) = ask(hidden).dynamic
    assert (item.score, item.image_class, item.quality) == (0.4, None, None)


def test_scores_of_another_content_do_not_count() -> None:
    changed = candidate("1", clip=("a", 1, 0.9), scores={"c1": 0.9}, scores_of="a", content={"sha256": "b"})
    (item,) = ask(changed).dynamic
    assert (item.basis, item.score) == ("rule_set", None)


def test_the_carousel_leaves_out_what_was_there_and_what_looks_like_it() -> None:
    near, far = (1 << NEAR_DUPLICATE_BITS) - 1, (1 << NEAR_DUPLICATE_BITS + 1) - 1
    images = (
        candidate("1", scores={"c1": 0.9}, content={"sha256": "aa", "phash": f"{0:016x}"}),
        candidate("2", scores={"c1": 0.8}, content={"sha256": "bb", "phash": f"{near:016x}"}),
        candidate("3", scores={"c1": 0.7}, content={"sha256": "cc", "phash": f"{far:016x}"}),
        candidate("4", scores={"c1": 0.6}, content={"sha256": "aa"}),
        candidate("5", scores={"c1": 0.5}),
        candidate("6", scores={"c1": 0.4}, content={"sha256": "dd", "phash": "no hash"}),
    )
    answer = ask(*images)
    assert ids(answer.carousel) == ["1", "3", "5", "6"]
    assert ids(answer.dynamic) == ["1", "2", "3", "4", "5", "6"]
    assert ids(ask(*images, limit=2).carousel) == ["1", "3"]


def test_no_row_is_longer_than_the_limit() -> None:
    answer = ask(*(candidate(str(number), scores={"c1": 0.5}) for number in range(9)), limit=3)
    assert (len(answer.dynamic), len(answer.carousel)) == (3, 3)


CANDIDATES = st.lists(
    st.builds(
        candidate,
        st.sampled_from([str(number) for number in range(20)]),
        clip=st.none() | st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 1), st.none() | st.floats(0, 1)),
        scores=st.none() | st.dictionaries(st.sampled_from(["c1", "c2"]), st.floats(0, 1)),
        content=st.builds(lambda bits: {"phash": f"{bits:016x}"}, st.integers(0, 2**64 - 1)),
    ),
    unique_by=lambda it: it.image_id,
)


@given(CANDIDATES, st.randoms(), st.sampled_from([None, "c1"]), st.integers(1, 5))
def test_the_answer_does_not_depend_on_the_order_of_what_is_known(
    candidates: list[Candidate], random: Any, category_id: str | None, limit: int
) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)
    assert ask(*shuffled, category_id=category_id, limit=limit) == ask(
        *candidates, category_id=category_id, limit=limit
    )


@given(CANDIDATES, st.sampled_from([None, "c1"]))
def test_scored_pictures_come_first_and_by_falling_score(candidates: list[Candidate], category_id: str | None) -> None:
    items = ask(*candidates, category_id=category_id, limit=100).dynamic
    keys = [(it.score is None, -(it.score or 0.0)) for it in items]
    assert keys == sorted(keys)
    assert all((it.basis == "scores") == (it.score is not None) for it in items)
