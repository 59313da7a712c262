"""A model that says the same over and over: its text is closed, and what comes behind it is still asked for."""

import json
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from orchestrator.domain.prompts.parsing import repeats_itself
from tests.kit.tiny_vlm import llama2_tokenizer, llama3_tokenizer
from workers.vlm.grammar import SchemaCache, Vocabulary
from workers.vlm.logits_processor import ConstrainedAnswer, is_loop

TEXT = {"type": "string", "maxLength": 2000}
SCHEMA = json.dumps(
    {"type": "object", "properties": {"description": TEXT, "alt_text": TEXT}, "required": ["description", "alt_text"]}
)


@pytest.fixture(scope="module", params=[llama2_tokenizer, llama3_tokenizer])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    make: Callable[[], PreTrainedTokenizerFast] = request.param
    tokenizer = make()
    return Vocabulary(tokenizer, len(tokenizer), [tokenizer.eos_token_id])


def written(vocabulary: Vocabulary, description: str) -> dict[str, str]:
    """What comes of a model that wants to say ``description`` and then "A cake.", and goes on to the latter when it is
    not let."""
    answer = ConstrainedAnswer(SchemaCache(vocabulary).of(SCHEMA), vocabulary, 4000)
    wanted = {"description": description, "alt_text": "A cake."}
    rest = json.dumps(wanted, ensure_ascii=False, separators=(",", ":")).encode()
    while not answer.over:
        allowed = np.flatnonzero(answer.allowed())
        if not (fits := fitting(vocabulary, allowed, rest)):
            rest = rest[max(rest.find(b'","'), 0) :]
            fits = fitting(vocabulary, allowed, rest)
        token = fits[0] if fits else int(allowed[0])
        answer.add(token)
        rest = rest.removeprefix(vocabulary.texts[token])
    assert answer.ended
    found: dict[str, str] = json.loads(answer.text)
    return found


def fitting(vocabulary: Vocabulary, allowed: Iterable[int], rest: bytes) -> list[int]:
    """Of the ``allowed`` tokens those that ``rest`` begins with, the longest first."""
    texts = vocabulary.texts
    found = [int(token) for token in allowed if texts[token] and rest.startswith(texts[token])]
    return sorted(found, key=lambda token: -len(texts[token]))


@pytest.mark.parametrize("phrase", ["very ", "x", "A red door and a blue door. ", "很好", "🙂"])
def test_a_loop_inside_a_text_is_closed_and_the_next_field_is_written(vocabulary: Vocabulary, phrase: str) -> None:
    said = f"A cake. {phrase * (1800 // len(phrase))}"
    found = written(vocabulary, said)
    assert len(found["description"]) < max(120, 7 * len(phrase)) and said.startswith(found["description"])
    assert found["alt_text"] == "A cake."
    assert repeats_itself(found["description"]) or not phrase.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "Tables 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 and 16 are taken.",
        "A very, very, very, very good cake",
        "SALE SALE SALE",
        "The clock shows 00:00:00 and the price 10000000.",
        " ".join(f"A shelf with {number} jars." for number in range(40)),
    ],
)
def test_ordinary_repetition_is_written_in_full(vocabulary: Vocabulary, text: str) -> None:
    assert written(vocabulary, text) == {"description": text, "alt_text": "A cake."}


def test_the_same_texts_in_a_list_are_no_loop(vocabulary: Vocabulary) -> None:
    schema = json.dumps({"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 60})
    answer = ConstrainedAnswer(SchemaCache(vocabulary).of(schema), vocabulary, 4000)
    wanted = json.dumps(["door"] * 50, separators=(",", ":")).encode()
    while wanted:
        token = fitting(vocabulary, np.flatnonzero(answer.allowed()), wanted)[0]
        answer.add(token)
        wanted = wanted.removeprefix(vocabulary.texts[token])
    assert json.loads(answer.text) == ["door"] * 50


@pytest.mark.parametrize(
    ("tokens", "loop"),
    [
        ([7] * 23, False),
        ([7] * 24, True),
        ([1, 2] * 11 + [1], False),
        ([1, 2] * 12, True),
        ([9, *range(6), *range(6), *range(6), *range(6)], False),
        ([9, 8, *[*range(6)] * 5], True),
        ([*[*range(6)] * 5, 9], False),
        ([*range(64)] * 5, True),
        ([*range(65)] * 5, False),
        ([], False),
    ],
)
def test_a_loop_is_five_times_the_same_and_at_least_24_tokens(tokens: list[int], loop: bool) -> None:
    assert is_loop(tokens) is loop
