"""What the template model says of a picture: what CLIP saw, in plain English, and nothing else."""

import pytest

from tests.kit.sighted_clip import Shown
from tests.unit.template.conftest import Compose

BAKERY = Shown("the front of a bakery", ("bakery", "bread", "croissant"), "exterior")
BARBER = Shown("the inside of a barber shop", ("comb", "scissors", "mirror"), "interior")


@pytest.mark.parametrize(
    ("shown", "alt_text", "description"),
    [
        (
            BAKERY,
            "The front of a bakery with a loaf of bread and a croissant.",
            "The picture shows the front of a bakery. A loaf of bread and a croissant can be seen.",
        ),
        (
            BARBER,
            "The inside of a barber shop with a comb, a pair of scissors and a mirror.",
            "The picture shows the inside of a barber shop. A comb, a pair of scissors and a mirror can be seen.",
        ),
        (
            Shown("", ("scissors", "comb"), "product"),
            "A pair of scissors and a comb on view.",
            "The picture shows a pair of scissors and a comb.",
        ),
        (
            Shown("things from a florist's shop", ("tulip", "woman"), "product"),
            "A tulip and a woman from a florist's shop.",
            "The picture shows a tulip and a woman from a florist's shop.",
        ),
        (Shown("", (), "interior"), "The inside of a room.", "The picture shows the inside of a room."),
        (Shown("", ("kitchen",), "interior"), "A kitchen.", "The picture shows a kitchen."),
        (
            Shown("", ("finance", "money"), "exterior"),
            "The outside of a building.",
            "The picture shows the outside of a building. Its tags are finance and money.",
        ),
        (
            Shown(),
            "The picture is dark and mostly red, in landscape format.",
            "The picture is dark and mostly red, in landscape format; what it shows is not known.",
        ),
    ],
)
def test_sentences_follow_what_was_seen(compose: Compose, shown: Shown, alt_text: str, description: str) -> None:
    answer = compose(shown)
    assert answer["alt_text"] == alt_text
    assert answer["description"] == f"{description} Any text in it was not read."


def test_a_kind_of_business_that_is_only_likely_is_not_stated(compose: Compose) -> None:
    answer = compose(Shown("the front of a bakery beside the front of a bar", ("bread",), "exterior"))
    assert "bakery" not in answer["alt_text"] and "bakery" not in answer["tags"]
    assert "front of a bakery" not in answer["description"]


def test_people_are_a_lower_bound_and_things_are_items(compose: Compose) -> None:
    answer = compose(Shown("", ("chef", "pizza", "bakery"), "interior"))
    assert (answer["people"], answer["items"]) == (1, ["pizza", "chef"])
    assert compose(Shown("", ("group of people",), "people"))["people"] == 2
    assert compose(Shown("", ("pizza",), "food"))["people"] == 0


def test_faults_are_said_and_flagged(compose: Compose) -> None:
    answer = compose(Shown("", ("bread", "dark"), "product", ("blur", "watermark")))
    assert answer["description"].startswith(
        "The picture, which is blurred, watermarked and dark, shows a loaf of bread."
    )
    assert (answer["blur"], answer["watermark"], answer["screenshot"]) == (True, True, False)
    shot = compose(Shown("a screenshot of a phone", (), "screenshot"))
    assert shot["screenshot"] and shot["description"].startswith("The screenshot shows the screen of a phone")


def test_what_it_cannot_know_is_the_neutral_value_and_the_description_says_so(compose: Compose) -> None:
    answer = compose(BAKERY)
    assert (answer["readable_text"], answer["business_name_seen"], answer["nudity"]) == ("", False, 0.0)
    assert "was not read" in answer["description"]


def test_the_kind_of_business_is_the_first_tag_and_none_stands_twice(compose: Compose) -> None:
    tags = compose(Shown("the inside of a barber shop", ("comb", "Comb", "barber"), "interior"))["tags"]
    assert tags[:4] == ["barber", "comb", "interior", "landscape format"]


def test_no_two_things_of_an_alt_text_share_a_word(compose: Compose) -> None:
    glasses = ("glasses", "sunglasses", "goggles", "jeans", "mirror")
    answer = compose(Shown("the front of an optician's shop", glasses, "exterior"))
    assert answer["alt_text"] == "The front of an optician's shop with a pair of glasses and a mirror."
    assert "a pair of goggles" in answer["description"]


def test_a_word_for_a_whole_group_is_said_only_where_nothing_in_particular_was_seen(compose: Compose) -> None:
    assert compose(Shown("", ("tools", "saw"), "product"))["alt_text"] == "A saw on view."
    assert compose(Shown("", ("tools", "health"), "product"))["alt_text"] == "Tools on view."


def test_a_tag_of_unknown_grammar_is_quoted_as_a_tag_only(compose: Compose) -> None:
    answer = compose(Shown("", ("wurst", "bread"), "interior"))
    assert "wurst" not in answer["description"] and answer["tags"][:2] == ["wurst", "bread"]
