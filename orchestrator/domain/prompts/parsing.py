"""A model's answer, read as what it is: text from somebody who may say anything.

Text is kept as text, HTML and SQL included, because what is harmful depends on where it is shown: whoever puts it into
a page, a query or a prompt escapes it there.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from orchestrator.domain.prompts.answer_schemas import MIN_TAGS
from orchestrator.domain.prompts.profiles import PromptProfile, plain_text
from orchestrator.domain.prompts.request import ModelAnswer

MAX_ANSWER_CHARS = 20_000
MAX_PHRASE_WORDS = 48
MAX_REPEATS = 3
"""How often a phrase may stand in a row: "very, very, very good" is a style, once more is a model that hangs."""

_FENCED = re.compile(r"```json[ \t]*\r?\n(.*)\n[ \t]*```", re.DOTALL)
_WORD = re.compile(r"\w+")
_STUCK = re.compile(r"([^\W\d]{1,8}?)\1{11}")
_ACTS = (
    r"(?:see|view|access|describe|identify|recogni[sz]e|determine|analy[sz]e|process|interpret|help|assist|provide|have"
    r"|fulfil+|comply|answer|respond|comment|continue|generate|write|create|discuss|share|do (?:that|this)|tell)"
)
_REFUSAL = re.compile(
    r"\bi(?: am|'m) (?:\w+ )?(?:sorry|unable|not able|not allowed|not comfortable)\b|\bi apologi[sz]e\b"
    r"|\bas an? (?:ai|(?:large )?language model)\b|\bi(?: am|'m) an? (?:ai|(?:large )?language model)\b"
    rf"|\bi (?:can ?not|can't|could not|couldn't|do not|don't|won't|will not) (?:\w+ )?{_ACTS}\b"
    r"|\bi (?:must|have to) (?:decline|refuse)\b|\bi(?:'d| would) rather not\b"
    r"|^(?:sorry|unfortunately), (?:but )?(?:i|this|that|the (?:image|picture|photo|request))\b"
    rf"|^(?:unable|not able|cannot|can't) (?:to )?{_ACTS}\b"
    r"|^(?:the|this) (?:image|picture|photo|request|content) (?:can ?not|can't|could not|couldn't) be "
    r"(?:described|displayed|shown|processed|analy[sz]ed|loaded|opened|viewed|identified|accessed)\b"
    r"|\bno (?:image|picture|photo) (?:was|is|has been) (?:provided|attached|given|uploaded|visible)\b"
)
_REFUSAL_WITHIN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A valid answer. What the profile does not ask for is empty or None; ``extras`` are the fields that only
    some profiles ask for."""

    description: str
    alt_text: str = ""
    tags: tuple[str, ...] = ()
    cat_match: int | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer cannot be used, in words of ours: nothing of the answer is quoted."""

    message: str


def read_answer(answer: ModelAnswer, profile: PromptProfile) -> Answer | Problem:
    """The answer to a question of ``profile``, or what is wrong with it. Never raises, whatever the text is."""
    if answer.finish_reason == "length":
        return Problem(f"the answer was cut off at {profile.max_tokens} tokens")
    if answer.finish_reason == "refused":
        return Problem("the model refused to answer")
    document = _parse(answer.text)
    if isinstance(document, Problem):
        return document
    try:
        valid = profile.answer.model_validate(document)
    except ValidationError as error:
        return Problem(_mistakes(error, profile))
    return _usable(_cleaned(valid.model_dump()), profile.fields)


def _parse(text: str) -> Any:
    """The JSON value that ``text`` is, white space and one fence around it aside, or a Problem."""
    if len(text) > MAX_ANSWER_CHARS:
        return Problem(f"the answer has {len(text)} characters; {MAX_ANSWER_CHARS} are allowed")
    bare = text.strip()
    fenced = _FENCED.fullmatch(bare)
    try:
        return json.loads(
            fenced[1] if fenced else bare,
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_distinct,
        )
    except RecursionError:
        return Problem("the answer is nested too deeply")
    except json.JSONDecodeError as error:
        return Problem(f"the answer is not JSON: {error.msg} at character {error.pos}")
    except ValueError as error:
        return Problem(f"the answer is not JSON: {error}")


def _no_constant(_name: str) -> float:
    raise ValueError("NaN and Infinity are no numbers")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found


def _mistakes(error: ValidationError, profile: PromptProfile) -> str:
    """What is wrong, field by field. Names that the answer brought along are not repeated."""
    found = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(item["loc"][0]) if item["loc"] else ""
        if item["type"] == "extra_forbidden" or (name and name not in profile.fields):
            found.append("there are fields that were not asked for")
        else:
            found.append(f"{name or 'the answer'}: {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(list(dict.fromkeys(found))[:8])


def _cleaned(fields: dict[str, Any]) -> Answer:
    """Every text on one line without control characters; no tag twice, whatever its case."""
    plain = {name: _plain(value) for name, value in fields.items()}
    tags: dict[str, str] = {}
    for tag in plain.pop("tags", []):
        tags.setdefault(tag.casefold(), tag)
    return Answer(
        description=plain.pop("description"),
        alt_text=plain.pop("alt_text", ""),
        tags=tuple(tags.values()),
        cat_match=plain.pop("cat_match", None),
        extras=plain,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [text for item in value if (text := plain_text(item))]
    return plain_text(value) if isinstance(value, str) else value


def _usable(answer: Answer, asked: tuple[str, ...]) -> Answer | Problem:
    if "tags" in asked and len(answer.tags) < MIN_TAGS:
        return Problem(f"tags: fewer than {MIN_TAGS} different ones")
    for name, text in (("description", answer.description), ("alt_text", answer.alt_text)):
        if not text and name in asked:
            return Problem(f"{name}: is empty")
        if text and not any(char.isalpha() for char in text):
            return Problem(f"{name}: holds no word")
        if is_refusal(text):
            return Problem(f"{name}: says that the picture cannot be described, instead of describing it")
        if repeats_itself(text):
            return Problem(f"{name}: says the same over and over")
    return answer


def is_refusal(text: str) -> bool:
    """Whether a text begins as models do when they do not answer: "I cannot see the image". Sound English only."""
    return bool(_REFUSAL.search(text[:_REFUSAL_WITHIN_CHARS].lower().replace("\u2019", "'")))


def repeats_itself(text: str) -> bool:
    """Whether a phrase of 1 to 48 words stands in a row more than three times, or up to eight letters twelve times."""
    words = _WORD.findall(text.lower())
    for length in range(1, min(MAX_PHRASE_WORDS, len(words) // (MAX_REPEATS + 1)) + 1):
        in_a_row = 0
        for index in range(len(words) - length):
            in_a_row = in_a_row + 1 if words[index] == words[index + length] else 0
            if in_a_row == length * MAX_REPEATS:
                return True
    return bool(_STUCK.search(text.lower()))
