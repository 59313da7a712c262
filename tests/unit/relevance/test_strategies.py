"""Prompting strategies: what each adds to the same question, and that a version means one wording."""

import hashlib
import json

import pytest

from orchestrator.domain.prompts.answer_schemas import CAT_MATCH
from orchestrator.domain.prompts.examples import Example
from orchestrator.domain.prompts.profiles import PROFILES, PromptProfile, example_line, profile_for
from orchestrator.domain.prompts.strategies import STRATEGIES
from tests.kit.fake_relevance import HOT

PLAIN, ROLE, EVIDENCE, FEW_SHOT = (
    profile_for(f"vision_json_cat{suffix}", HOT) for suffix in ("", "_role", "_evidence", "_few_shot")
)
EXAMPLES = (Example(("cake",), "Cake shops", 1, "a cake"), Example(("car",), "Cake shops", 0, "a car"))
ZERO_SHOT_SHA256 = "cb48fa2ed356f6f739e325e206ed0cbefc22f95c1d8e1148f50dc60a3029a61a"


def lines(profile: PromptProfile, *examples: Example) -> list[str]:
    return profile.ask(HOT, examples).prompt.splitlines()


def test_each_strategy_is_followed_by_a_profile_with_a_name_and_a_version_of_its_own() -> None:
    assert {profile.strategy for profile in PROFILES} == set(STRATEGIES)
    assert (
        len({profile.version for profile in PROFILES}) == len({profile.name for profile in PROFILES}) == len(PROFILES)
    )


def test_the_question_without_a_strategy_reads_as_it_always_did() -> None:
    assert PLAIN.version == "vision_json_cat/1"
    assert hashlib.sha256(PLAIN.ask(HOT).prompt.encode()).hexdigest() == ZERO_SHOT_SHA256


def test_a_role_is_one_sentence_before_everything_else() -> None:
    assert lines(ROLE) == [ROLE.strategy.role, *lines(PLAIN)]
    assert ROLE.ask(HOT).schema == PLAIN.ask(HOT).schema


def test_evidence_is_written_right_before_the_verdict() -> None:
    assert EVIDENCE.fields == (*PLAIN.fields[:-1], *EVIDENCE.strategy.evidence, "cat_match")
    asked = lines(EVIDENCE)
    assert [line.split(":")[0] for line in asked if "evidence" in line] == ['- "evidence_for"', '- "evidence_against"']
    assert [line for line in asked if "evidence" not in line] == lines(PLAIN)
    schema = EVIDENCE.ask(HOT).schema["properties"]
    assert schema["cat_match"]["description"] == CAT_MATCH.description
    assert all(schema[name]["maxItems"] == 8 for name in EVIDENCE.strategy.evidence)


def test_examples_come_between_the_fields_and_the_category() -> None:
    asked = lines(FEW_SHOT, *EXAMPLES)
    start, end = asked.index("<examples>"), asked.index("</examples>")
    assert asked[start + 1 : end] == [example_line(example) for example in EXAMPLES]
    assert asked[: start - 1] + asked[end + 1 :] == lines(PLAIN)
    assert asked[-1] == f"<category>{json.dumps(HOT.name)}</category>"
    assert len(EXAMPLES) <= FEW_SHOT.strategy.example_count


def test_without_examples_the_question_is_the_plain_one() -> None:
    assert FEW_SHOT.ask(HOT) == PLAIN.ask(HOT)
    assert FEW_SHOT.without_examples == PLAIN


@pytest.mark.parametrize("profile", [ROLE, EVIDENCE, FEW_SHOT], ids=lambda profile: profile.name)
def test_without_a_category_there_is_no_verdict_to_lead_to(profile: PromptProfile) -> None:
    plain = profile_for(profile.name, None)
    assert (plain.name, plain.strategy.name) == ("vision_json", "zero_shot")
