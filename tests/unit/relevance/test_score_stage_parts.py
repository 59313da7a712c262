"""The score stage when something is missing or means nothing: which parts are left, and what the notes say."""

from typing import Any

import pytest

from orchestrator.domain.catalogue.model import Category
from tests.kit.fake_encoding import FakeEncoder, FakeVectors
from tests.kit.score_world import (
    GYM,
    SECTION,
    TAGGED,
    TEXT,
    WALLS,
    World,
    clip_part,
    description_part,
    parts_of,
    scored,
)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"clip": None}, "not_tagged"),
        ({"clip": {**TAGGED, "model": "dummy"}}, "dummy_model"),
        ({"clip": {**TAGGED, "source_sha256": "cd" * 32}}, "other_picture"),
        ({"vectors": FakeVectors()}, "no_vector"),
        ({"captions": FakeEncoder("clip/other@3")}, "other_space"),
    ],
)
async def test_without_a_comparable_image_vector_the_clip_part_is_missing_and_says_why(
    change: dict[str, Any], note: str
) -> None:
    world = World(**change)
    value = await world.value()
    assert value["notes"] == {"clip": note}
    assert [it["clip"] for it in parts_of(value).values()] == [None, None]
    assert parts_of(value)["c2"]["description"] == description_part(WALLS)
    assert world.captions.asked == []


async def test_a_description_in_another_language_is_stored_but_not_compared() -> None:
    world = World(description={**SECTION, "language": "de"})
    outcome = await world.outcome()
    value = outcome.writes[-1].value
    assert value["notes"] == {"description": "other_language"}
    assert parts_of(value)["c1"] == {"description": None, "cat_match": 1.0, "clip": clip_part(GYM)}
    assert world.sentences.texts() == [TEXT] and outcome.writes[0].kind == "descriptions"


async def test_another_language_and_no_image_vector_leave_only_the_category_that_was_asked_about() -> None:
    value = await scored(description={**SECTION, "language": "de"}, clip=None)
    assert [(it["category_id"], it["score"]) for it in value["scores"]] == [("c1", 1.0)]


async def test_what_a_dummy_described_is_left_out_when_a_real_model_tagged() -> None:
    value = await scored(description={**SECTION, "model": "dummy"})
    assert value["notes"] == {"description": "dummy_model", "cat_match": "dummy_model"}
    assert parts_of(value)["c1"] == {"description": None, "cat_match": None, "clip": clip_part(GYM)}


async def test_with_nothing_but_dummies_the_description_is_scored_and_the_notes_say_so() -> None:
    value = await scored(description={**SECTION, "model": "dummy"}, clip={**TAGGED, "model": "dummy"})
    assert value["notes"]["description"] == "dummy_model_used_for_want_of_another_part"
    assert parts_of(value)["c1"] == {"description": description_part(GYM), "cat_match": None, "clip": None}


async def test_names_of_stop_words_only_or_of_no_word_are_scored() -> None:
    odd = (Category("c1", "The And Of"), Category("c2", "☕"))
    parts = parts_of(await scored(categories=odd))
    assert parts["c1"]["description"] == description_part(odd[0])
    assert parts["c2"]["description"] == description_part(odd[1])


async def test_a_blank_category_name_has_no_description_part_and_breaks_nothing() -> None:
    parts = parts_of(await scored(categories=(GYM, Category("c9", "  "))))
    assert parts["c9"]["description"] is None and parts["c9"]["clip"] is not None
