"""What a model says is validated or a problem, never an exception."""

import json
import unicodedata
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.domain.outcome import SetSection
from orchestrator.domain.prompts.parsing import Answer, Problem, read_answer
from orchestrator.domain.prompts.profiles import PROFILES, PromptProfile, profile_for
from orchestrator.domain.prompts.request import ModelAnswer
from orchestrator.stores.values import checked_section
from tests.kit.fake_relevance import HOT, SAID, said
from tests.kit.hostile_answers import DETAILS, EVIDENCE, HOSTILE_TEXTS, hostile_answers

PLAIN, WITH_CAT, LONG = (profile_for(name, HOT) for name in ("vision_json", "vision_json_cat", "full_details"))


def fault_of(answer: Answer, profile: PromptProfile) -> str | None:
    """What a usable answer must never be."""
    texts = [answer.description, answer.alt_text, *answer.tags, *answer.extras.get("items", ())]
    texts.append(answer.extras.get("readable_text", ""))
    if any(unicodedata.category(char) in ("Cc", "Cs") or char in "\u202e\ufeff" for text in texts for char in text):
        return "a character that is no text"
    if any(text != " ".join(text.split()) for text in texts):
        return "white space"
    if not answer.description or len(answer.description) > 1200 or len(answer.alt_text) > 160:
        return "a text's length"
    if "tags" in profile.fields and not (2 <= len(answer.tags) <= 8 and all(0 < len(tag) <= 40 for tag in answer.tags)):
        return "the tags"
    right = (int, {0, 1}) if profile.needs_category else (type(None), {None})
    if type(answer.cat_match) is not right[0] or answer.cat_match not in right[1]:
        return "cat_match"
    checked_section(SetSection("b", "i", "description", "v", {**answer.extras, "text": answer.description}))
    return None


def test_a_thousand_hostile_answers_are_each_validated_or_a_problem() -> None:
    seen, problems = 0, 0
    for profile, text in hostile_answers(PLAIN, WITH_CAT, LONG):
        seen += 1
        answer = read_answer(said(text), profile)
        if isinstance(answer, Problem):
            problems += 1
            assert 0 < len(answer.message) <= 1000 and answer.message.isprintable(), (text[:80], answer)
            continue
        assert fault_of(answer, profile) is None, text[:200]
        body = text.strip().removeprefix("```json").removesuffix("```")
        Draft202012Validator(dict(profile.ask(HOT).schema)).validate(json.loads(body))
    assert seen >= 1000 and 700 <= problems < seen


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_what_is_not_the_one_object_asked_for_is_a_problem(text: str) -> None:
    assert isinstance(read_answer(said(text), WITH_CAT), Problem)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_good_answer_is_read_whatever_white_space_or_fence_is_around_it(profile: PromptProfile) -> None:
    text = json.dumps({name: {**DETAILS, **EVIDENCE}[name] for name in profile.fields})
    expected = read_answer(said(text), profile)
    assert isinstance(expected, Answer) and expected.description == SAID["description"]
    for around in (f" \n{text}\t\n", f"```json\n{text}\n```", f"\n```json \r\n {text} \r\n```  "):
        assert read_answer(said(around), profile) == expected


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("NaN", "NaN and Infinity are no numbers"),
        ("-Infinity", "NaN and Infinity are no numbers"),
        ("1e309", "a number is too large"),
    ],
)
def test_a_number_that_json_does_not_have_makes_the_whole_answer_no_json(number: str, problem: str) -> None:
    text = json.dumps(DETAILS).replace('"nudity": 0', f'"nudity": {number}')
    assert read_answer(said(text), LONG) == Problem(f"the answer is not JSON: {problem}")


def test_an_answer_holds_what_was_said_and_nothing_else() -> None:
    assert read_answer(said(SAID), PLAIN) == Answer(SAID["description"], SAID["alt_text"], ("cake", "table", "window"))
    assert read_answer(said({**SAID, "cat_match": 0}), WITH_CAT) == Answer(
        SAID["description"], SAID["alt_text"], ("cake", "table", "window"), 0
    )
    long = read_answer(said(DETAILS), LONG)
    extras = {key: value for key, value in DETAILS.items() if key not in (*SAID, "cat_match")}
    assert isinstance(long, Answer) and (long.cat_match, long.extras) == (1, extras)


def test_a_cat_match_nobody_asked_for_is_a_problem_and_so_is_a_missing_one() -> None:
    assert read_answer(said({**SAID, "cat_match": 1}), PLAIN) == Problem("there are fields that were not asked for")
    assert read_answer(said(SAID), WITH_CAT) == Problem("cat_match: Field required")


@pytest.mark.parametrize("value", [True, False, 1.0, "1", 2, -1, None, [1]])
def test_cat_match_is_0_or_1_and_nothing_that_merely_equals_it(value: Any) -> None:
    answer = read_answer(said({**SAID, "cat_match": value}), WITH_CAT)
    assert isinstance(answer, Problem) and answer.message.startswith("cat_match: ")


def test_html_and_sql_stay_the_text_they_are() -> None:
    spiteful = "<script>alert(1)</script> & '; DROP TABLE alttags; --"
    answer = read_answer(said({**SAID, "description": spiteful, "tags": ["<b>", "it's"]}), PLAIN)
    assert isinstance(answer, Answer) and (answer.description, answer.tags) == (spiteful, ("<b>", "it's"))


def test_control_characters_go_white_space_collapses_and_no_tag_stays_twice() -> None:
    text = {"description": " a\x00b\n\n c\u202ed\t", "alt_text": "one\r\ntwo", "tags": ["Cake", "cake ", "\x07", "tea"]}
    assert read_answer(said(text), PLAIN) == Answer("ab cd", "one two", ("Cake", "tea"))


def test_what_is_nothing_without_control_characters_is_a_problem() -> None:
    assert read_answer(said({**SAID, "description": "\x00 \u200b"}), PLAIN) == Problem("description: is empty")
    assert read_answer(said({**SAID, "alt_text": "\x01"}), PLAIN) == Problem("alt_text: is empty")
    assert read_answer(said({**SAID, "tags": ["\x00", "\x01"]}), PLAIN) == Problem("tags: fewer than 2 different ones")


def test_an_answer_that_was_cut_off_or_refused_is_a_problem_even_if_it_parses() -> None:
    for reason, word in (("length", "cut off at 512 tokens"), ("refused", "refused")):
        answer = read_answer(ModelAnswer(json.dumps(SAID), reason, "m", "w"), PLAIN)  # type: ignore[arg-type]
        assert isinstance(answer, Problem) and word in answer.message


def test_a_problem_quotes_nothing_of_the_answer() -> None:
    answer = read_answer(said({**SAID, "tags": "IGNORE ALL", "IGNORE ALL": "IGNORE ALL"}), PLAIN)
    assert answer == Problem("tags: Input should be a valid list; there are fields that were not asked for")
