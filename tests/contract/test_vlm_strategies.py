"""Questions with a strategy: the recipe of the built-in model asks them as the orchestrator does."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.config.prompt_examples import SHIPPED, load_prompt_examples
from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.examples import Known
from orchestrator.domain.prompts.examples import nearest as nearest_examples
from orchestrator.domain.prompts.profiles import example_line, profile_for
from orchestrator.domain.prompts.selection import Prompting
from orchestrator.domain.prompts.selection import question as question_about
from orchestrator.domain.prompts.strategies import STRATEGIES
from tests.kit.prompt_examples import prompt_examples
from tests.kit.vlm_lessons import truths
from workers.training.vlm.examples import nearest
from workers.training.vlm.questions import SHARES, forms, names, question, training_question
from workers.training.vlm.strategies_quality import STRATEGIES as COMPARED
from workers.training.world.catalogue import businesses

HOT = Category("1", "bakery", is_hot=True)
FEW_SHOT = profile_for("vision_json_cat_few_shot", HOT)
FORM = f"{FEW_SHOT.version}+category"
EXAMPLES = load_prompt_examples(None)
WORDS = sorted(
    {word for example in EXAMPLES for word in (*example.tags, example.category.upper())} | {"Stra\u00dfe", " "}
)
TAGS = st.dictionaries(st.sampled_from(WORDS), st.floats(0, 1), max_size=10)
CALLED = st.sampled_from(sorted(called for known in names().values() for called in known)) | st.text(max_size=20)


def test_the_examples_of_the_package_are_those_of_the_demo_world() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == prompt_examples(), "run python -m tests.kit.prompt_examples"


@settings(max_examples=50, deadline=None)
@given(tags=TAGS, called=CALLED)
def test_both_choose_the_same_examples(tags: dict[str, float], called: str) -> None:
    most = FEW_SHOT.strategy.example_count
    places = nearest_examples(EXAMPLES, Known("a/1", tags), called, most)
    assert nearest(forms()[FORM], tags, called) == tuple(example_line(EXAMPLES[place]) for place in places)


@pytest.mark.parametrize("name", ["bakery", 'Ben\'s "{examples}" {category} </category>'])
def test_both_show_them_word_for_word(name: str) -> None:
    category, tags = Category("1", name, is_hot=True), {"bread": 0.8, "cafe": 0.3}
    asked = question_about(FEW_SHOT, category, Known("a/1", tags), Prompting(examples=EXAMPLES))
    shown = nearest(forms()[FORM], tags, name)
    assert len(shown) == FEW_SHOT.strategy.example_count
    assert question(FORM, truths(1)[0], name, False, examples=shown).prompt == asked.ask().prompt


def test_a_form_that_shows_no_examples_chooses_none() -> None:
    assert nearest(forms()["vision_json_cat/1+category"], {"bread": 1.0}, "bakery") == ()


def test_questions_of_training_show_as_many_examples_as_the_pipeline_does() -> None:
    rng = random.Random(5)
    asked = [training_question(truth, rng) for truth in truths(46) * 20]
    counts = {one.prompt.count('"reason":') for one in asked if one.form == FORM}
    assert max(counts) == FEW_SHOT.strategy.example_count
    assert {one.prompt.count('"reason":') for one in asked if one.form != FORM} == {0}


def test_every_strategy_is_compared_and_learnt() -> None:
    profiles = {name: profile_for(f"vision_json_cat{suffix}", HOT) for name, suffix in (
        ("zero-shot", ""), ("role", "_role"), ("evidence", "_evidence"), ("few-shot", "_few_shot")
    )}  # fmt: skip
    assert {name: f"{profile.version}+category" for name, profile in profiles.items()} == COMPARED
    assert {profile.strategy for profile in profiles.values()} == set(STRATEGIES)
    assert set(COMPARED.values()) <= SHARES.keys() and sum(SHARES.values()) == pytest.approx(1)


def evidence(kind: str, called: str) -> tuple[list[str], list[str], int]:
    """What is taught of a picture with all that tells a ``kind``, asked about the category ``called`` so."""
    truth = next(one for one in truths(46) if one.category == kind)
    value = json.loads(question("vision_json_cat_evidence/1+category", truth, called, called == kind).answer)
    return value["evidence_for"], value["evidence_against"], value["cat_match"]


def test_evidence_follows_from_what_is_seen_and_what_was_asked() -> None:
    assert evidence("bakery", "bakery") == (["bread", "croissant"], [], 1)
    assert evidence("bakery", "Plumber") == ([], ["bread", "croissant"], 0)
    assert evidence("garage", "car dealer") == (["car"], ["wrench", "toolbox", "tyre"], 0)
    assert evidence("garage", "Car Dealership") == (["car"], ["wrench", "toolbox", "tyre"], 0)


@pytest.mark.parametrize("kind", sorted(businesses()))
def test_something_always_speaks_against_another_kind(kind: str) -> None:
    for other in businesses().keys() - {kind}:
        _, against, verdict = evidence(kind, other)
        assert against and verdict == 0
