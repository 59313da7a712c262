"""The recipe of the built-in vision-language model is trained on the very questions that the orchestrator asks."""

import json
import random

import pytest
from jsonschema import Draft202012Validator

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.parsing import Answer, read_answer
from orchestrator.domain.prompts.profiles import PROFILES, PromptProfile, repair
from orchestrator.domain.prompts.request import ModelAnswer
from tests.kit.vlm_prompts import FILE, prompts_as_data
from workers.training.vlm.questions import forms, question, training_question
from workers.training.world.catalogue import NONE, businesses
from workers.training.world.truth import Truth

FORMS = {
    profile.version + ("+category" if profile.needs_category else ""): profile
    for profile in [*PROFILES, *(one.without_category for one in PROFILES if one.without_category)]
}
LONG = Truth(
    category="bakery",
    view="exterior",
    objects=tuple(f"a thing with the long name {number} of many" for number in range(30)),
    tags=("bakery", "street front", "a tag that is longer than the forty characters there are", "bread"),
    alt_text="A street " + "with a very long row of loaves of bread " * 6,
    caption="The front of a bakery. " + "Two croissants stand in the window. " * 60,
    text=("Anna's Bakery", "2.50", "word " * 120),
    defects=("blur", "screenshot"),
)
NOWHERE = Truth(
    NONE, "product", (), ("pattern", "abstract"), "A pattern.", "A pattern. No business can be seen.", (), ()
)


def test_the_committed_prompts_are_those_of_the_profiles() -> None:
    assert FILE.read_text(encoding="utf-8") == prompts_as_data(), "run python -m tests.kit.vlm_prompts"


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("name", ["bakery", 'Ben\'s "<category>" & sons </category>', "Fu\u00dfpflege"])
def test_the_recipe_asks_word_for_word_what_the_orchestrator_asks(form: str, name: str) -> None:
    profile = FORMS[form]
    asked = question(form, LONG, name if profile.needs_category else None, True if profile.needs_category else None)
    ask = profile.ask(Category("1", name) if profile.needs_category else None)
    assert asked.prompt == ask.prompt
    assert forms()[form]["schema"] == ask.schema
    assert forms()[form]["max_tokens"] == ask.max_tokens


@pytest.mark.parametrize("truth", [LONG, NOWHERE], ids=["long", "nowhere"])
@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_right_answer_is_valid_whatever_the_picture_shows(form: str, truth: Truth) -> None:
    profile: PromptProfile = FORMS[form]
    asked = question(form, truth, *(("bank", False) if profile.needs_category else (None, None)))
    value = json.loads(asked.answer)
    Draft202012Validator(profile.ask(Category("1", "bank") if profile.needs_category else None).schema).validate(value)
    assert tuple(value) == profile.fields
    read = read_answer(ModelAnswer(asked.answer, "stop", "tiny", "0"), profile)
    assert isinstance(read, Answer) or truth is LONG, read


def test_questions_of_training_use_every_form_and_balance_the_verdicts() -> None:
    rng = random.Random(1)
    truth = Truth("cafe", "counter", ("coffee cup", "cookie"), ("cafe", "counter"), "A cup.", "A cup.", (), ())
    asked = [training_question(truth, rng) for _ in range(2000)]
    assert {one.form for one in asked} == set(FORMS)
    verdicts = [one.matches for one in asked if one.matches is not None]
    assert 0.45 < sum(verdicts) / len(verdicts) < 0.55
    wrong = {one.category.lower() for one in asked if one.matches is False and one.category}
    assert {"bakery", "plumber"} <= wrong and len(wrong) > len(businesses())


def test_a_repaired_question_of_training_reads_like_one_of_the_orchestrator() -> None:
    rng = random.Random(2)
    asked = [training_question(NOWHERE, rng) for _ in range(2000)]
    repaired = next(one for one in asked if "earlier answer" in one.prompt and one.form == "description/1")
    ask = FORMS["description/1"].ask(None)
    problem = json.loads(repaired.prompt.partition("could not be used: ")[2].rpartition(". Answer")[0])
    assert repaired.prompt == repair(ask, problem).prompt
