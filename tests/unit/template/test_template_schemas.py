"""The template model and the form of its answers: every schema of every profile, whatever is seen."""

import json
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.parsing import Answer, read_answer
from orchestrator.domain.prompts.profiles import PromptProfile, repair
from orchestrator.domain.prompts.request import ModelAnswer
from orchestrator.domain.relevance.alt_text import clean, problem_of
from orchestrator.domain.relevance.scoring import usable
from tests.kit.sighted_clip import Shown, SightedClip
from tests.kit.vlm_schemas import SCHEMAS
from tests.unit.template.conftest import ASKED, answer_to, prompt_about
from workers.clip.vocabulary import BUILT_IN, read_vocabulary
from workers.vlm.requests import BadPrompt, GenerateRequest, GenerateResult
from workers.vlm.template.words import read_wording
from workers.vlm.template_describer import TemplateDescriber

WORDING = read_wording()
VOCABULARY = read_vocabulary(BUILT_IN)
THINGS = WORDING.articled | WORDING.bare | WORDING.general | WORDING.phrases.keys()
WORDS = sorted({*THINGS, *WORDING.kinds, *WORDING.places, *VOCABULARY.tags})
CAPTIONS = ["", *(f"the inside of {kind.noun}" for kind in WORDING.kinds.values()), "a blurred screenshot", "a meadow"]
SIGHTS = st.builds(
    Shown,
    st.sampled_from(CAPTIONS),
    st.lists(st.sampled_from(WORDS), max_size=10, unique=True).map(tuple),
    st.sampled_from(["unknown", "other", *WORDING.views]),
    st.lists(st.sampled_from([*WORDING.faults, "screenshot"]), max_size=6, unique=True).map(tuple),
)
NOTHING = TemplateDescriber(SightedClip(), BUILT_IN)
CATEGORY = Category("1", 'Bakery "<x>" & Söhne', is_hot=True)


def asked(shown: Shown, profile: PromptProfile) -> tuple[Answer, ModelAnswer]:
    ask = repair(profile.ask(CATEGORY if profile.needs_category else None), "it was too long")
    said = answer_to(shown, ask.prompt, dict(ask.schema))
    assert isinstance(said, GenerateResult), said
    jsonschema.validate(json.loads(said.text), ask.schema)
    assert list(json.loads(said.text)) == list(profile.fields)
    answer = ModelAnswer(said.text, said.finish_reason, "template", "w")
    read = read_answer(answer, profile)
    assert isinstance(read, Answer), (read, said.text)
    return read, answer


@settings(max_examples=40, deadline=None)
@given(shown=SIGHTS, profile=st.sampled_from(ASKED))
def test_every_answer_is_one_that_the_pipeline_takes(shown: Shown, profile: PromptProfile) -> None:
    read, _ = asked(shown, profile)
    description = read.description.removesuffix(" Any text in it was not read.")
    assert 1 <= description.count(". ") + 1 <= 3


@settings(max_examples=100, deadline=None)
@given(shown=SIGHTS)
def test_an_alt_text_is_english_grounded_and_short(shown: Shown) -> None:
    read, _ = asked(shown, next(profile for profile in ASKED if profile.name == "vision_json"))
    alt = clean(read.alt_text)
    assert problem_of(alt, read.description, read.tags) in (None, "too short") and len(alt) <= 125
    if problem_of(alt, read.description, read.tags):
        assert len(alt) < 20  # a room, a market: there was nothing more to say


@pytest.mark.parametrize(("width", "height"), [(64, 64), (1, 672), (672, 1)])
@pytest.mark.parametrize("profile", ASKED, ids=lambda profile: f"{profile.name} {profile.needs_category}")
def test_a_picture_of_which_nothing_is_known_is_answered_too(profile: PromptProfile, width: int, height: int) -> None:
    ask = profile.ask(CATEGORY if profile.needs_category else None)
    noise = random.Random(width).randbytes(width * height * 3)
    item = GenerateRequest(noise, width, height, ask.prompt, json.dumps(ask.schema), ask.max_tokens)
    [said] = NOTHING.generate([item])
    assert isinstance(said, GenerateResult), said
    assert isinstance(read_answer(ModelAnswer(said.text, "stop", "template", "w"), profile), Answer)


def test_an_answer_counts_as_one_of_a_model_that_sees() -> None:
    read, said = asked(Shown("the front of a bakery", ("bread",), "exterior"), ASKED[2])
    section = {"model": said.model, "language": "en", "cat_match": read.cat_match, "category_id": "1"}
    found = usable(section, None)
    assert found.description and found.asked == ("1", 1.0) and not found.notes


@pytest.mark.parametrize("name", SCHEMAS)
def test_other_forms_of_the_same_fields_are_kept(name: str) -> None:
    shown = Shown("the front of a bakery", ("bread", "chef"), "exterior")
    said = answer_to(shown, prompt_about("bakery"), dict(SCHEMAS[name]))
    assert isinstance(said, GenerateResult), said
    jsonschema.validate(json.loads(said.text), SCHEMAS[name])


def test_what_is_not_known_is_null_where_that_can_be_said() -> None:
    said = answer_to(Shown(), prompt_about("bakery"), dict(SCHEMAS["full_details"]))
    assert isinstance(said, GenerateResult) and json.loads(said.text)["readable_text"] is None


def test_a_short_limit_cuts_between_sentences_then_between_words() -> None:
    shown = Shown("the front of a bakery", ("bread",), "exterior")
    texts = {most: described(shown, {"type": "string", "maxLength": most}) for most in (40, 20, 3)}
    assert texts == {40: "The picture shows the front of a bakery.", 20: "The picture shows", 3: "The"}


def described(shown: Shown, form: dict[str, Any]) -> str:
    said = answer_to(shown, "?", {"type": "object", "properties": {"description": form}})
    assert isinstance(said, GenerateResult), said
    return str(json.loads(said.text)["description"])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object"},
        {"properties": {"price": {"type": "number"}}},
        {"properties": {"description": {"type": "string", "pattern": "^x"}}},
        {"properties": {"description": {"type": "string", "minLength": 5000}}},
        {"properties": {"description": {"type": "string", "maxLength": "many"}}},
        {"properties": {"tags": {"type": "array", "items": {"enum": ["a"]}}}},
        {"properties": {"tags": {"type": "array", "minItems": 50}}},
        {"properties": {"people": {"type": "integer", "minimum": 3}}},
        {"properties": {"blur": {"enum": ["yes", "no"]}}},
        {"properties": {"description": {"$ref": "#/properties/description"}}},
        {"properties": {"description": 5}},
        {"properties": {"cat_match": {"enum": [0, 1]}}},
    ],
)
def test_what_it_cannot_answer_truly_it_refuses(schema: dict[str, Any]) -> None:
    assert isinstance(answer_to(Shown(), "Describe.", schema), BadPrompt)
