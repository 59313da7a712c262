"""Alt texts: candidates, what speaks against one, the choice."""

import pytest

from orchestrator.domain.relevance.alt_text import (
    Candidate,
    candidate_texts,
    choose,
    clean,
    composed,
    first_sentence,
    problem_of,
)

DESCRIPTION = "A chocolate cake stands on a wooden table. Behind it is a window."
TAGS = ("cake", "table")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image of a red door", "A red door"),
        ("An image of: a red door", "A red door"),
        ("A picture of  the\n door", "The door"),
        ("This photo shows a red door.", "A red door."),
        ("The photograph depicts a red door", "A red door"),
        ("A close-up photo of a red door", "A red door"),
        ("Photography studio with lamps", "Photography studio with lamps"),
        ("Picture frames on a wall", "Picture frames on a wall"),
        ("élan vital", "Élan vital"),
        ("", ""),
        ("word " * 40, "Word" + " word" * 24),
        ("x" * 300, "X" + "x" * 124),
        ("a" * 60 + " " + "b" * 63 + ", " + "c" * 20, "A" + "a" * 59 + " " + "b" * 63),
    ],
)
def test_cleaning_drops_the_opening_and_cuts_between_words(text: str, expected: str) -> None:
    assert clean(text) == expected
    assert len(clean(text)) <= 125


def test_a_first_sentence_ends_before_the_next_one_begins() -> None:
    assert first_sentence(DESCRIPTION) == "A chocolate cake stands on a wooden table."
    assert first_sentence("Dr. smith's clinic at 5.30 p.m. is open") == "Dr. smith's clinic at 5.30 p.m. is open"
    assert first_sentence("") == ""


def test_class_and_tags_make_a_text_without_saying_anything_twice() -> None:
    assert composed("food", ("Food", "cake", "cake", "table", "window", "lamp")) == "food: cake, table and window"
    assert composed("", ("cake", "table")) == "cake and table"
    assert composed("food", ()) == "food"
    assert composed("", (" ",)) == ""


def test_candidates_come_cleaned_in_the_order_of_trust_and_none_twice() -> None:
    assert candidate_texts("image of a cake", DESCRIPTION, TAGS, "food") == (
        ("model", "A cake"),
        ("description", "A chocolate cake stands on a wooden table."),
        ("tags", "Food: cake and table"),
    )
    assert candidate_texts("a chocolate CAKE.", "A chocolate cake. More.", (), "") == (("model", "A chocolate CAKE."),)
    assert candidate_texts("", "", (), "") == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Chocolate cake on a wooden table", None),
        ("Cakes on two tables", None),
        ("Cake", "too short"),
        ("Extraordinarily", "too short"),
        ("चॉकलेट केक और मेज", "not in English"),
        ("Chocolate cake, call 98765 43210", "holds a phone number that cannot be read in the picture"),
        ("Chocolate cake +91-98765-43210", "holds a phone number that cannot be read in the picture"),
        ("Chocolate cake for Rs. 450", "holds a price that cannot be read in the picture"),
        ("Chocolate cake at $5.99", "holds a price that cannot be read in the picture"),
        ("Chocolate cake, 450 rupees", "holds a price that cannot be read in the picture"),
        ("Chocolate cake from www.cakes.example", "holds a web address that cannot be read in the picture"),
        ("Chocolate cake from best-cakes.com", "holds a web address that cannot be read in the picture"),
        ("Chocolate cake by joe@cakes.example", "holds an email address that cannot be read in the picture"),
        ("Chocolate cake <b>on</b> a table", "holds markup"),
        ("Cake cake on a table", "repeats words"),
        ("Cake shop, cake stand, cake counter", "repeats words"),
        ("Modern office with grey chairs", "shares no word with description or tags"),
        ("Two 4.5 inch cakes from 2019", None),
    ],
)
def test_what_speaks_against_a_text_is_said(text: str, problem: str | None) -> None:
    assert problem_of(text, DESCRIPTION, TAGS) == problem


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("Cake shop sign with 98765 43210", "CALL 98765-43210"),
        ("Cake for Rs. 450 on a board", "cake rs 450"),
        ("Cake box from best-cakes.com", "www.best-cakes.com"),
    ],
)
def test_what_can_be_read_in_the_picture_may_be_said(text: str, readable: str) -> None:
    assert problem_of(text, DESCRIPTION, TAGS, readable) is None
    assert problem_of(text, DESCRIPTION, TAGS, "something else") is not None


def test_the_most_similar_of_the_valid_ones_is_chosen() -> None:
    low, high = Candidate("low", "model", 0.1), Candidate("high", "description", 0.3)
    bad = Candidate("bad", "tags", 0.9, "too short")
    assert choose((low, bad, high)) == high
    assert choose((Candidate("less", "model", -0.9), Candidate("more", "tags", -0.2))) == Candidate(
        "more", "tags", -0.2
    )


def test_the_first_valid_one_is_chosen_where_nothing_was_compared_or_all_are_alike() -> None:
    bad, first, second = Candidate("b", "model", None, "x"), Candidate("1", "description"), Candidate("2", "tags")
    assert choose((bad, first, second)) == first
    assert choose((Candidate("1", "model", 0.5), Candidate("2", "tags", 0.5))) == Candidate("1", "model", 0.5)


def test_none_is_chosen_where_something_speaks_against_every_one() -> None:
    assert choose((Candidate("b", "model", 0.5, "x"),)) is None
    assert choose(()) is None


@pytest.mark.parametrize("image_class", ["unknown", "Other ", ""])
def test_a_class_that_names_nothing_is_not_said(image_class: str) -> None:
    assert composed(image_class, ("grey", "square")) == "grey and square"
