"""What a vision-language model is asked and what it answers. Without torch, so that everybody may import it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

MAX_PROMPT_CHARS = 20_000
MAX_SCHEMA_CHARS = 65_536
MAX_SCHEMA_DEPTH = 32
MAX_SCHEMA_COUNT = 10_000
"""The largest length or number of items that a schema may name. A grammar grows with it."""
MAX_ANSWER_TOKENS = 4096
MAX_PICTURE_PIXELS = 16_777_216

_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")


class BadPrompt(ValueError):
    """This one question cannot be asked, now or later; the message says why."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One question about one picture. ``image`` is RGB, 8 bits a channel, row by row; ``schema`` is the JSON Schema of
    the answer as JSON text, whose order of properties is the order in which they are answered. The answer takes at
    most ``max_tokens`` tokens, its end included."""

    image: bytes = field(repr=False)
    width: int
    height: int
    prompt: str = field(repr=False)
    schema: str = field(repr=False)
    max_tokens: int


@dataclass(frozen=True, slots=True)
class GenerateResult:
    """The answer. ``finish_reason``: "stop" when ``text`` is a whole JSON value that fits the schema, "length" when
    ``max_tokens`` were not enough to end it, "refused" when the model would not answer."""

    text: str = field(repr=False)
    finish_reason: Literal["stop", "length", "refused"]


def check_request(item: GenerateRequest) -> dict[str, Any]:
    """The schema of ``item``, parsed. Raises BadPrompt for what no model could answer or what would cost too much."""
    if min(item.width, item.height) < 1 or len(item.image) != item.width * item.height * 3:
        raise BadPrompt(f"the picture is not {item.width} x {item.height} pixels of RGB")
    if item.width * item.height > MAX_PICTURE_PIXELS:
        raise BadPrompt(f"the picture has more than {MAX_PICTURE_PIXELS} pixels")
    return check_question(item.prompt, item.schema, item.max_tokens)


def check_question(prompt: str, schema: str, max_tokens: int) -> dict[str, Any]:
    """The same for what is known before the picture is."""
    if not prompt.strip():
        raise BadPrompt("the prompt is empty")
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise BadPrompt("the prompt is no Unicode text") from error
    if len(prompt) > MAX_PROMPT_CHARS:
        raise BadPrompt(f"the prompt has more than {MAX_PROMPT_CHARS} characters")
    if not 1 <= max_tokens <= MAX_ANSWER_TOKENS:
        raise BadPrompt(f"max_tokens is {max_tokens}, not 1 to {MAX_ANSWER_TOKENS}")
    return parse_schema(schema)


def parse_schema(text: str) -> dict[str, Any]:
    """A JSON Schema as a value. Raises BadPrompt when it is none, or too large to be turned into a grammar safely."""
    if len(text) > MAX_SCHEMA_CHARS:
        raise BadPrompt(f"the schema has more than {MAX_SCHEMA_CHARS} characters")
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPrompt("the schema is not JSON") from error
    if not isinstance(schema, dict) or not schema:
        raise BadPrompt("the schema is no object that says anything")
    for depth, value in _walk(schema):
        if depth > MAX_SCHEMA_DEPTH:
            raise BadPrompt(f"the schema is nested deeper than {MAX_SCHEMA_DEPTH}")
        counts = [value.get(name) for name in _COUNTS] if isinstance(value, dict) else []
        if any(isinstance(count, int) and not 0 <= count <= MAX_SCHEMA_COUNT for count in counts):
            raise BadPrompt(f"the schema counts beyond 0 to {MAX_SCHEMA_COUNT}")
    return schema


def _walk(root: object) -> Iterator[tuple[int, object]]:
    """Every value inside ``root`` with its depth, without recursion: it may be nested as deep as it likes."""
    waiting = [(0, root)]
    while waiting:
        depth, value = waiting.pop()
        yield depth, value
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend((depth + 1, child) for child in inner)
