"""How strategies are compared, with models that answer by rote or by the prompt."""

import json
from collections.abc import Sequence

import pytest
from PIL import Image

from tests.kit.sighted_clip import Shown, SightedClip
from tests.kit.vlm_lessons import truths
from workers.training.vlm.questions import forms
from workers.training.vlm.strategies_quality import STRATEGIES, asked_names, compared, tagger
from workers.training.world.catalogue import NONE
from workers.vlm.requests import GenerateRequest, GenerateResult

SHOWN = [(Image.new("RGB", (8, 8)), truth) for truth in truths(40)]
ANSWER = {"description": "x", "alt_text": "x", "tags": ["a", "b"]}
EVIDENCE = {"evidence_for": [], "evidence_against": []}


class PrefixCache:
    """Says yes where the nearest example is a yes to the same category, and no else; it sees nothing."""

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        return [GenerateResult(self._answer(item), "stop") for item in batch]

    def _answer(self, item: GenerateRequest) -> str:
        before, _, asked = item.prompt.partition("<category>")
        lines = [json.loads(line) for line in before.splitlines() if line.startswith("{")]
        category = json.loads(asked.partition("</category>")[0])
        told = {line["cat_match"] for line in lines[:1] if line["category"] == category}
        evidence = EVIDENCE if "evidence_for" in item.schema else {}
        return json.dumps({**ANSWER, **evidence, "cat_match": int(told == {1})})


class Failing:
    """Fails at some questions and answers the others with nothing of use."""

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        return [GenerateResult("no", "stop") if place % 2 else ValueError("no") for place, _ in enumerate(batch)]


def by_name(model: PrefixCache | Failing, tags: Sequence[dict[str, float]]) -> dict[str, float]:
    said = iter(tags)
    return {row["name"]: row["value"] for row in compared(model, SHOWN, lambda _: next(said))}


def test_a_model_that_reads_its_examples_does_better_with_them_than_without() -> None:
    found = by_name(PrefixCache(), [{truth.category: 0.9} for _, truth in SHOWN])
    accuracy = {name: found[f"vlm, {name}: cat_match accuracy, balanced"] for name in STRATEGIES}
    assert accuracy["few-shot"] > 0.6
    assert {accuracy[name] for name in STRATEGIES if name != "few-shot"} == {0.5}
    assert {found[f"vlm, {name}: valid JSON"] for name in STRATEGIES} == {1.0}


def test_lengths_are_of_what_was_read_and_written() -> None:
    rows = compared(PrefixCache(), SHOWN, lambda _: {"bread": 1.0})
    found = {row["name"]: row for row in rows}
    prompt = {name: found[f"vlm, {name}: prompt length, characters"] for name in STRATEGIES}
    answer = {name: found[f"vlm, {name}: answer length, characters"]["value"] for name in STRATEGIES}
    assert prompt["zero-shot"]["value"] < prompt["role"]["value"] < prompt["few-shot"]["value"]
    assert prompt["few-shot"]["n"] == "40 held-out questions, 40 with examples"
    assert prompt["role"]["n"] == "40 held-out questions, 0 with examples"
    assert answer["zero-shot"] == answer["few-shot"] == len(json.dumps({**ANSWER, "cat_match": 0}))
    assert answer["evidence"] == len(json.dumps({**ANSWER, **EVIDENCE, "cat_match": 0}))


def test_of_pictures_without_tags_few_shot_is_the_plain_question() -> None:
    rows = {row["name"]: row for row in compared(PrefixCache(), SHOWN, lambda _: {})}
    plain, few_shot = (rows[f"vlm, {name}: prompt length, characters"] for name in ("zero-shot", "few-shot"))
    assert few_shot["value"] == plain["value"] and few_shot["n"].endswith(" 0 with examples")


def test_a_failure_is_a_wrong_verdict_and_no_text() -> None:
    found = by_name(Failing(), [{}] * len(SHOWN))
    for name in STRATEGIES:
        assert found[f"vlm, {name}: cat_match accuracy, balanced"] == found[f"vlm, {name}: valid JSON"] == 0
        assert found[f"vlm, {name}: answer length, characters"] == 1


def test_every_strategy_is_asked_the_same_and_half_of_it_is_right() -> None:
    asked = asked_names(SHOWN * 10)
    assert asked == asked_names(SHOWN * 10)
    assert sum(fits for _, fits in asked) / len(asked) == pytest.approx(0.5, abs=0.1)
    assert all(fits == (called == truth.category) for (called, fits), (_, truth) in zip(asked, SHOWN * 10, strict=True))
    assert NONE not in {called for called, _ in asked}
    assert {*STRATEGIES.values()} <= forms().keys()


def test_tags_are_those_of_the_clip_model() -> None:
    clip = SightedClip({(200, 30, 30): Shown("a bakery", ("bread", "counter"))})
    tags_of = tagger(clip)
    assert tags_of(Image.new("RGB", (40, 30), (200, 30, 30))) == {"bread": 0.9, "counter": 0.85}
    assert tags_of(Image.new("RGB", (40, 30))) == {}
