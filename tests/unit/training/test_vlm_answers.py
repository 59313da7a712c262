"""What a model is taught to answer follows from the truth, field by field."""

import json
from dataclasses import replace

import pytest

from workers.training.vlm.answers import answer, business_name_seen, people, readable, shortened
from workers.training.vlm.questions import forms, names, related, unrelated
from workers.training.world.catalogue import NONE, businesses, things
from workers.training.world.truth import Truth

TRUTH = Truth(
    category="barber",
    view="counter",
    objects=("man", "razor", "weightlifter"),
    tags=("barber", "counter", "shaving", "razor"),
    alt_text="The counter of a barber shop with two razors.",
    caption="The counter of a barber shop. A man stands behind it, and two razors and three weightlifters are on it.",
    text=("Anna's Barber Shop", "STOCK PHOTO"),
    defects=("watermark", "blur"),
)


def test_every_field_of_the_long_form_says_what_is_true() -> None:
    value = json.loads(answer(TRUTH, forms()["full_details/1+category"]["schema"], True))
    assert value == {
        "description": TRUTH.caption,
        "alt_text": TRUTH.alt_text,
        "tags": list(TRUTH.tags),
        "people": 4,
        "items": list(TRUTH.objects),
        "readable_text": "Anna's Barber Shop / STOCK PHOTO",
        "blur": True,
        "watermark": True,
        "screenshot": False,
        "nudity": 0,
        "business_name_seen": True,
        "cat_match": 1,
    }


def test_the_verdict_comes_last_and_needs_a_category() -> None:
    schema = forms()["cat/1+category"]["schema"]
    assert list(json.loads(answer(TRUTH, schema, False)).items())[-1] == ("cat_match", 0)
    with pytest.raises(ValueError, match="category"):
        answer(TRUTH, schema)


def test_people_are_counted_as_the_caption_counts_them() -> None:
    assert people(replace(TRUTH, objects=("razor",))) == 0
    assert people(replace(TRUTH, objects=("man",), caption="Two men wait.")) == 2


@pytest.mark.parametrize(
    ("lines", "seen"),
    [(("Anna's Barber Shop",), True), (("Barber",), True), (("STOCK PHOTO", "12.50"), False), (("Bakery",), False)],
)
def test_only_a_sign_of_its_own_is_the_name_of_a_business(lines: tuple[str, ...], seen: bool) -> None:
    assert business_name_seen(replace(TRUTH, text=lines)) is seen
    assert not business_name_seen(replace(TRUTH, text=lines, category=NONE))


def test_nothing_readable_is_an_empty_text() -> None:
    assert readable(replace(TRUTH, text=())) == ""


def test_what_is_too_long_is_cut_between_words() -> None:
    assert shortened("two loaves of bread", 12) == "two loaves"
    assert shortened("two loaves", 10) == "two loaves"
    assert shortened("unbreakable", 4) == "unbr"


def test_every_kind_of_business_has_names_to_learn_and_one_to_be_tested_with() -> None:
    assert names().keys() == businesses().keys()
    every = [name for known in names().values() for name in known]
    assert len(every) == len(set(every)) and all(len(known) >= 4 for known in names().values())


def test_related_categories_sell_something_of_what_is_to_be_seen() -> None:
    seen = replace(TRUTH, objects=("scissors",))
    assert set(related(seen)) == {"hairdresser", "tailor"}
    assert not set(related(seen)) & set(unrelated(seen)) and "barber" not in (*related(seen), *unrelated(seen))
    assert len(related(seen)) + len(unrelated(seen)) == len(businesses()) - 1


def test_everybody_in_the_demo_world_is_counted() -> None:
    busts = {name for name, thing in things().items() if thing.place == "bust"}
    assert all(people(replace(TRUTH, objects=(name,), caption="")) == 1 for name in busts)
