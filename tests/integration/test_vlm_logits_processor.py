"""Decoding inside a schema, without a model: what may be written, and where it has to stop."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from tests.kit.tiny_vlm import llama2_tokenizer, llama3_tokenizer
from tests.kit.vlm_schemas import SCHEMAS
from workers.vlm.grammar import SchemaCache, Vocabulary, is_usable
from workers.vlm.logits_processor import ConstrainedAnswer


@pytest.fixture(scope="module", params=[llama2_tokenizer, llama3_tokenizer])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    make: Callable[[], PreTrainedTokenizerFast] = request.param
    tokenizer = make()
    assert tokenizer.eos_token_id is not None
    return Vocabulary(tokenizer, len(tokenizer), [tokenizer.eos_token_id])


def dictate(vocabulary: Vocabulary, schema: Any, text: str, max_tokens: int = 4000) -> str:
    """What is written when the model wants ``text``, and where that is not allowed, whatever comes first."""
    answer = ConstrainedAnswer(SchemaCache(vocabulary).of(json.dumps(schema)), vocabulary, max_tokens)
    rest = text.encode()
    while not answer.over:
        allowed = np.flatnonzero(answer.allowed())
        assert allowed.size
        fits = [token for token in allowed if vocabulary.texts[token] and rest.startswith(vocabulary.texts[token])]
        wanted = int(max(fits, key=lambda token: len(vocabulary.texts[token])) if fits else allowed[0])
        answer.add(wanted)
        rest = rest.removeprefix(vocabulary.texts[wanted])
    assert answer.ended
    return answer.text


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


LIST = {"type": "array", "items": {"type": "string", "minLength": 2, "maxLength": 5}, "minItems": 1, "maxItems": 3}
NODE = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 3}, "next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}},
    "required": ["name", "next"],
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (SCHEMAS["description"], {"description": 'A sign says "Open",\nand \\ or / \t.'}),
        (SCHEMAS["description"], {"description": "".join(f"é{n}漢🙂" for n in range(60))}),
        (SCHEMAS["description"], {"description": '"' * 300}),
        (SCHEMAS["full_details"], None),
        (LIST, ["ab", "12345", '"\n"']),
        (NODE, {"name": "abc", "next": {"name": '"', "next": {"name": "", "next": None}}}),
        ({"enum": ["é", "two\nlines", 'a "quote"']}, 'a "quote"'),
        ({"enum": ["é", "two\nlines", 'a "quote"']}, "two\nlines"),
        ({"enum": ["é", "two\nlines", 'a "quote"']}, "é"),
        ({"type": "object", "properties": {'k "é"': {"type": "string", "maxLength": 2}}}, {'k "é"': "ab"}),
        ({"type": "object", "additionalProperties": {"type": "string", "maxLength": 2}}, {"any": "ab", "é": "cd"}),
        ({"anyOf": [{"type": "string", "maxLength": 2}, {"type": "string", "maxLength": 4}]}, "abcd"),
    ],
)
def test_what_fits_the_schema_can_be_written(vocabulary: Vocabulary, schema: Any, value: Any) -> None:
    if value is None:
        value = {"description": "d", "alt_text": "a", "tags": ["x", "y"], "people": True, "items": [], "blur": False}
        value |= {"readable_text": 'It says "No".', "nudity": 0.25}
        value = {name: value[name] for name in schema["properties"]}
    assert dictate(vocabulary, schema, compact(value)) == compact(value)


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        (SCHEMAS["description"], {"description": "x" * 301}),
        (SCHEMAS["description"], {"description": "é" * 301}),
        (SCHEMAS["description"], {"description": "x" * 299 + '""'}),
        (SCHEMAS["description"], {"description": ""}),
        (LIST, ["a", "b"]),
        (LIST, ['"', "\n"]),
        (LIST, ["123456"] * 4),
        (NODE, {"name": "abcd", "next": {"name": "abcd", "next": None}}),
        (SCHEMAS["vision_json"], {"description": "d", "alt_text": "a", "tags": ["x" * 41]}),
    ],
)
def test_what_does_not_fit_is_turned_into_what_does(vocabulary: Vocabulary, schema: Any, wanted: Any) -> None:
    text = dictate(vocabulary, schema, compact(wanted))
    assert text != compact(wanted)
    jsonschema.validate(json.loads(text), schema)


@pytest.mark.parametrize("limit", [{}, {"maxLength": 9}, {"pattern": "^.{0,9}$"}])
def test_no_control_character_can_be_written(vocabulary: Vocabulary, limit: dict[str, object]) -> None:
    answer = ConstrainedAnswer(SchemaCache(vocabulary).of(json.dumps({"type": "string", **limit})), vocabulary, 99)
    answer.add(vocabulary.texts.index(b'"'))
    allowed = [vocabulary.texts[token] for token in np.flatnonzero(answer.allowed())]
    assert len(allowed) > 100 and not any(byte < 0x20 for text in allowed for byte in text)


def test_no_half_of_a_surrogate_pair_can_be_written(vocabulary: Vocabulary) -> None:
    answer = ConstrainedAnswer(
        SchemaCache(vocabulary).of(json.dumps({"type": "string", "maxLength": 9})), vocabulary, 99
    )
    for text in (b'"', b"\\"):
        answer.add(vocabulary.texts.index(text))
    assert {vocabulary.texts[token] for token in np.flatnonzero(answer.allowed())} == {b'"', b"\\", b"/", b"n", b"t"}


def test_no_special_token_is_ever_allowed_but_the_stop_at_the_end(vocabulary: Vocabulary) -> None:
    answer = ConstrainedAnswer(SchemaCache(vocabulary).of('{"enum": [1]}'), vocabulary, 9)
    assert {vocabulary.texts[token] for token in np.flatnonzero(answer.allowed())} == {b"1"}
    answer.add(int(np.flatnonzero(answer.allowed())[0]))
    assert list(np.flatnonzero(answer.allowed())) == list(vocabulary.stops)


@pytest.mark.parametrize("text", [b" a", b'","', b"\\", b'\\"', b"a\\\\u", b"\xe6\xbc", b"\\n\\", b"\\/"])
def test_a_token_of_whole_or_begun_characters_is_usable(text: bytes) -> None:
    assert is_usable(text)


@pytest.mark.parametrize("text", [b"", b"\n", b"a\x01", b"\\u", b"\\ud8", b"\\\\\\u", b"\\b", b"x\\r"])
def test_a_token_with_a_control_character_or_an_escape_of_digits_is_not_usable(text: bytes) -> None:
    assert not is_usable(text)
