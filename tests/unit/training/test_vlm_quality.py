"""How the figures of the vision-language model come about, with models that answer by rote."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from PIL import Image

from tests.kit.vlm_lessons import truths
from workers.training.vlm.quality import NAMES, OWN, Answered, answers_to, figures, valid_answer
from workers.training.vlm.questions import question
from workers.vlm.requests import GenerateRequest, GenerateResult

FORM = "vision_json_cat/1+category"
PICTURE = Image.new("RGB", (8, 8))
ASKED = [
    (PICTURE, truth, question(FORM, truth, truth.category if number % 2 else "zoo", number % 2 == 1))
    for number, truth in enumerate(truths(10))
]


class Rote:
    """Gives these answers, one after the other."""

    def __init__(self, texts: Sequence[str], finish: str = "stop") -> None:
        self._texts = iter(texts)
        self._finish = finish
        self.sizes: list[int] = []

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        self.sizes.append(len(batch))
        return [GenerateResult(next(self._texts), self._finish) for _ in batch]  # type: ignore[arg-type]


def by_name(answered: Sequence[Answered]) -> dict[str, float]:
    return {row["name"]: row["value"] for row in figures({**dict.fromkeys(NAMES, answered), "": []})}


def test_right_answers_get_full_marks() -> None:
    model = Rote([asked.answer for _, _, asked in ASKED])
    found = by_name(list(zip(ASKED, answers_to(model, ASKED), strict=True)))
    assert set(found.values()) == {1.0} and len(found) == 7
    assert model.sizes == [8, 2]


def test_wrong_verdicts_and_tags_cost_what_they_should() -> None:
    said = []
    for _, _, asked in ASKED:
        value = json.loads(asked.answer)
        said.append(json.dumps(value | {"cat_match": 1, "tags": ["tree", *value["tags"][1:]]}))
    found = by_name(list(zip(ASKED, answers_to(Rote(said), ASKED), strict=True)))
    assert found[f"vlm: cat_match accuracy, balanced, {OWN}"] == 0.5
    assert found["vlm: category as first tag"] == 0
    assert 0.5 < found["vlm: tag F1"] < 1
    assert found["vlm: valid JSON"] == found["vlm: description ROUGE-L"] == 1


def test_an_answer_that_is_none_is_wrong_everywhere() -> None:
    found = by_name(list(zip(ASKED, answers_to(Rote(["{"] * 10), ASKED), strict=True)))
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize("text", ["", "[]", '{"description":"x"}', "nonsense"])
def test_what_does_not_fit_the_schema_is_no_answer(text: str) -> None:
    assert valid_answer(GenerateResult(text, "stop"), ASKED[0][2]) is None


def test_an_answer_that_was_cut_off_or_failed_is_no_answer() -> None:
    asked = ASKED[0][2]
    assert valid_answer(GenerateResult(asked.answer, "stop"), asked) == json.loads(asked.answer)
    assert valid_answer(GenerateResult(asked.answer, "length"), asked) is None
    assert valid_answer(ValueError("no"), asked) is None


def test_a_field_of_the_wrong_type_is_no_answer() -> None:
    asked = replace(ASKED[0][2])
    text = json.dumps(json.loads(asked.answer) | {"cat_match": 2})
    assert valid_answer(GenerateResult(text, "stop"), asked) is None
