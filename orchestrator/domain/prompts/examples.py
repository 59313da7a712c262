"""Labelled examples of right verdicts, and which of them are nearest to a picture that is to be asked about."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

_WORD = re.compile(r"\w+")
_CATEGORY_WEIGHT = 0.5
_DIGITS = 9
"""Likenesses that differ by less are equal: which example comes first must not hang on the order of a sum."""


@dataclass(frozen=True, slots=True)
class Example:
    """What a picture showed, the category that was asked about, whether it fits, and why. ``image`` is the id
    of the picture's document, if it has one."""

    tags: tuple[str, ...]
    category: str
    cat_match: int
    reason: str
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a picture before anybody is asked: the id of its document, and its tags' scores (0 to 1)."""

    image: str
    tags: Mapping[str, float]


def nearest(examples: Sequence[Example], picture: Known, category: str, most: int) -> tuple[int, ...]:
    """The places of at most ``most`` examples in ``examples``, the nearest to the question first; among equals the
    earlier one. None where no tags are known, none that is like the question in nothing, never the picture itself.

    Likeness is the cosine of the tags (scores of the one, ones for the other) plus half the share of words that the
    names of the categories have in common (Jaccard): a like picture tells more than a like category. Source of the
    choice by nearness: J. Liu et al., "What Makes Good In-Context Examples for GPT-3?", DeeLIO 2022.
    """
    scores = {_folded(tag): score for tag, score in picture.tags.items()}
    length = math.hypot(*scores.values())
    if not length:
        return ()
    found = []
    for place, example in enumerate(examples):
        tags = {_folded(tag) for tag in example.tags}
        shared = sum(sorted(scores[tag] for tag in tags & scores.keys()))
        alike = _CATEGORY_WEIGHT * _shared_words(category, example.category)
        likeness = shared / (length * math.sqrt(len(tags))) + alike
        if likeness and example.image != picture.image:
            found.append((-round(likeness, _DIGITS), place))
    return tuple(place for _, place in sorted(found)[:most])


def digest(examples: Sequence[Example]) -> str:
    """Eight hexadecimal digits that change with the examples and their order."""
    text = json.dumps([asdict(example) for example in examples], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _shared_words(one: str, other: str) -> float:
    ours, theirs = set(_WORD.findall(_folded(one))), set(_WORD.findall(_folded(other)))
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
