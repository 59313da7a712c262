"""The exact answer to every question about a picture whose truth is known."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from workers.training.world.catalogue import Business, businesses, things
from workers.training.world.grammar import NUMBERS
from workers.training.world.truth import Truth

PEOPLE = frozenset(
    (
        "artist", "chef", "doctor", "man", "mechanic", "person", "person doing yoga", "person having a haircut",
        "teacher", "weightlifter", "woman",
    )
)  # fmt: skip
"""Of the things of the demo world those that are people."""
NO_BUSINESS = "no business can be seen"
_ANYBODY = r"[\w-]+"


def answer(
    truth: Truth, schema: Mapping[str, Any], matches: bool | None = None, sold: frozenset[str] = frozenset()
) -> str:
    """What a model should write: compact JSON, the fields of ``schema`` in its order. ``matches`` is cat_match;
    ``sold`` are the things that the category sells which the question is about, as far as it is known."""
    wanted = schema["properties"]
    if "cat_match" in wanted and matches is None:
        raise ValueError("the question is about a category")
    values = verdict(truth, bool(matches), sold)
    values |= {name: MAKERS[name](truth) for name in wanted if name not in values}
    fitted = {name: _fitted(values[name], wanted[name]) for name in wanted}
    return json.dumps(fitted, ensure_ascii=False, separators=(",", ":"))


def verdict(truth: Truth, matches: bool, sold: frozenset[str]) -> dict[str, Any]:
    """What is said of the category: things that belong to it, things that do not, and whether it fits. Nothing speaks
    against the right one; against another one speaks what belongs to the business of the picture and not to it."""
    business = businesses().get(truth.category)
    own = things_of(business) if business else frozenset()
    telling = tuple(name for name in truth.objects if name in own) or truth.objects
    if matches:
        return {"evidence_for": telling, "evidence_against": (), "cat_match": 1}
    other = tuple(name for name in telling if name not in sold)
    return {
        "evidence_for": tuple(name for name in telling if name in sold),
        "evidence_against": other or (NO_BUSINESS,),
        "cat_match": 0,
    }


def things_of(business: Business) -> frozenset[str]:
    """All that such a business sells, by name."""
    return frozenset(thing.name for group in (*business.signature, business.more) for thing in group)


def people(truth: Truth) -> int:
    """How many people the caption tells of."""
    return sum(_count(name, truth.caption) for name in truth.objects if name in PEOPLE)


def readable(truth: Truth) -> str:
    """Everything that can be read, line by line, on one line."""
    return " / ".join(truth.text)


def business_name_seen(truth: Truth) -> bool:
    """Whether one of the lines is the sign of the business."""
    business = businesses().get(truth.category)
    signs = business.signs if business else ()
    patterns = [re.escape(sign).replace(re.escape("{name}"), _ANYBODY) for sign in signs]
    return any(re.fullmatch(pattern, line) for pattern in patterns for line in truth.text)


def shortened(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters, cut between words where it has any."""
    if len(text) <= most:
        return text
    kept = text[: most + 1].rpartition(" ")[0] or text[:most]
    return kept.rstrip(" ,.:;/")


def _count(name: str, caption: str) -> int:
    thing = things()[name]
    found = re.search(rf"\b({'|'.join(NUMBERS[2:])}) {re.escape(thing.many)}\b", caption, re.IGNORECASE)
    return NUMBERS.index(found[1].lower()) if found else 1


def _fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return shortened(value, schema.get("maxLength", len(value)))
    if isinstance(value, Sequence):
        kept = value[: schema.get("maxItems", len(value))]
        return [_fitted(item, schema["items"]) for item in kept]
    return value


MAKERS: Mapping[str, Callable[[Truth], Any]] = MappingProxyType(
    {
        "description": lambda truth: truth.caption,
        "alt_text": lambda truth: truth.alt_text,
        "tags": lambda truth: truth.tags,
        "people": people,
        "items": lambda truth: truth.objects,
        "readable_text": readable,
        "blur": lambda truth: "blur" in truth.defects,
        "watermark": lambda truth: "watermark" in truth.defects,
        "screenshot": lambda truth: "screenshot" in truth.defects,
        "nudity": lambda _truth: 0,
        "business_name_seen": business_name_seen,
    }
)
"""How each field of an answer follows from the truth; what ``verdict`` says follows from the question, too."""
