"""How well one picture fits each category of its business: named parts, one score.

A part is 0 to 1, or missing. The score is the weighted mean of the parts that are there, so a missing part is neutral:
the score is the same as if that part had agreed with the others, neither raised nor lowered. It rises, or stays, with
every part.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.catalogue.model import Category, IdfSnapshot
from orchestrator.domain.relevance.idf import idf, phrase_of, words_of
from orchestrator.domain.relevance.vectors import Vector, cosine, weighted_mean

SCORED_LANGUAGE = "en"
DUMMY_MODEL = "dummy"
DECIMALS = 6
FORMULA = "phrase-1"
"""Names how a score is worked out, its calibration included; another name wherever the same inputs give another score.
Only scores of one formula can be compared. A record without one was made of the means of words."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The cosine that counts as 0 and the one that counts as 1; in between it is a straight line."""

    low: float
    high: float

    def part(self, similarity: float) -> float | None:
        """``similarity`` as a part of a score, 0 to 1. None for what is no finite number."""
        if not math.isfinite(similarity):
            return None
        return min(1.0, max(0.0, (similarity - self.low) / (self.high - self.low)))


DESCRIPTION = Calibration(low=0.0, high=0.5)
"""Measured with all-MiniLM-L6-v2 in 8 bits on 64 judged picture descriptions and the phrases of 16 kinds of business
(``make quality`` measures it again): half of the fitting pairs lay at 0.24 to 0.39, median 0.31, one of 64 above 0.5;
the others had the median 0.08 and the 95th percentile 0.24, and descriptions of nothing in particular 0.09 and 0.23.
The middle, 0.25, is undecided: three of four fitting pairs lie above it and 19 of 20 others below."""

CLIP = Calibration(low=0.15, high=0.35)
"""Not measured here. Published for ViT-B/32: pairs scraped from the web count as fitting from 0.28 (LAION-5B, Schuhmann
et al. 2022), and cosines seldom leave 0 to 0.4 (CLIPScore, Hessel et al. 2021). The middle, 0.25, is undecided."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one score; None is missing. ``cat_match`` is there only for the category the prompt asked about."""

    description: float | None = None
    cat_match: float | None = None
    clip: float | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part counts, relative to the others that are there."""

    description: float
    cat_match: float
    clip: float


WEIGHTS = Weights(description=0.5, cat_match=0.25, clip=0.25)
"""Half for the one part whose calibration was measured, the other half in equal shares for the two that were not."""


@dataclass(frozen=True, slots=True)
class CategoryScore:
    """One category's score, 0 to 1, and what it is made of."""

    category_id: str
    name: str
    score: float
    parts: Parts

    def value(self) -> dict[str, Any]:
        """As it is stored: plain numbers and text."""
        return {
            "category_id": self.category_id,
            "name": self.name,
            "score": self.score,
            "parts": {
                "description": self.parts.description,
                "cat_match": self.parts.cat_match,
                "clip": self.parts.clip,
            },
        }


@dataclass(frozen=True, slots=True)
class Usable:
    """Which parts can be made of what is known of a picture. ``asked`` is the category the prompt asked about with the
    answer, 1 or 0. ``notes`` says by part why it is missing, or what is to be thought of it."""

    description: bool
    clip: bool
    asked: tuple[str, float] | None
    notes: Mapping[str, str]


def usable(section: Mapping[str, Any], clip_problem: str | None) -> Usable:
    """Decide what a ``description`` section is good for, given what stands against the clip part (None: nothing).

    The vectors of category names are English ones, so a description in another language cannot be compared. What a
    dummy wrote means nothing: its cat_match is never used, and its description only when there is no clip part either,
    so that a set-up of nothing but dummies still shows scores; the notes then say so.
    """
    language = str(section.get("language") or SCORED_LANGUAGE).partition("-")[0].lower()
    dummy = section.get("model") == DUMMY_MODEL
    match, category_id = section.get("cat_match"), section.get("category_id")
    notes = {"clip": clip_problem} if clip_problem else {}
    if language != SCORED_LANGUAGE:
        notes["description"] = "other_language"
    elif dummy:
        notes["description"] = "dummy_model_used_for_want_of_another_part" if clip_problem else "dummy_model"
    if match not in (0, 1) or category_id is None:
        notes["cat_match"] = "not_asked"
    elif dummy:
        notes["cat_match"] = "dummy_model"
    comparable = language == SCORED_LANGUAGE and (not dummy or clip_problem is not None)
    asked = None if "cat_match" in notes else (str(category_id), float(match or 0))
    return Usable(comparable, clip_problem is None, asked, notes)


def score_of(parts: Parts, weights: Weights = WEIGHTS) -> float | None:
    """The weighted mean of the parts that are there, 0 to 1; None when none is."""
    weighted = (
        (weights.description, parts.description),
        (weights.cat_match, parts.cat_match),
        (weights.clip, parts.clip),
    )
    there = [(weight, part) for weight, part in weighted if part is not None and math.isfinite(part)]
    if not there:
        return None
    return round(sum(weight * part for weight, part in there) / sum(weight for weight, _ in there), DECIMALS)


def category_vector(name: str, vectors: Mapping[str, Vector], snapshot: IdfSnapshot) -> Vector | None:
    """The vector of a name's phrase. Of a name whose phrase has none, the mean of its words', each weighted once by its
    IDF; None when there is no such mean. ``vectors`` are by text, phrases and words alike."""
    if (whole := vectors.get(phrase_of(name))) is not None:
        return whole
    words = [word for word in words_of(name) if word in vectors]
    try:
        return weighted_mean([vectors[word] for word in words], [idf(snapshot, word) for word in words])
    except ValueError:
        return None


def description_parts(
    categories: Iterable[Category], vectors: Mapping[str, Vector], snapshot: IdfSnapshot, description: Vector
) -> dict[str, float]:
    """By category id, how near the description is to the category's name; those that can be compared."""
    made = ((it.category_id, category_vector(it.name, vectors, snapshot)) for it in categories)
    parts = ((id_, DESCRIPTION.part(cosine(description, vector))) for id_, vector in made if vector is not None)
    return {id_: part for id_, part in parts if part is not None}


def clip_parts(captions: Mapping[str, Vector], image: Vector) -> dict[str, float]:
    """By category id, how near the picture is to the category's caption; those that can be compared."""
    parts = ((id_, CLIP.part(cosine(image, caption))) for id_, caption in captions.items())
    return {id_: part for id_, part in parts if part is not None}


def caption_of(name: str) -> str:
    """What CLIP compares a picture with. Source of the wording: Radford et al. 2021, section 3.1.4."""
    return f"a photo of {name}"


def category_scores(
    categories: Iterable[Category],
    description: Mapping[str, float],
    clip: Mapping[str, float],
    asked: tuple[str, float] | None,
) -> tuple[CategoryScore, ...]:
    """The score of every category that has at least one part, by falling score, then by category id.

    A category without any part gets no score rather than a made-up one.
    """
    scored = []
    for it in categories:
        match = asked[1] if asked is not None and asked[0] == it.category_id else None
        parts = Parts(_rounded(description.get(it.category_id)), match, _rounded(clip.get(it.category_id)))
        if (score := score_of(parts)) is not None:
            scored.append(CategoryScore(it.category_id, it.name, score, parts))
    return tuple(sorted(scored, key=lambda it: (-it.score, it.category_id)))


def _rounded(part: float | None) -> float | None:
    return None if part is None else round(part, DECIMALS)
