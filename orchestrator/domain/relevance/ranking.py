"""Which pictures of one business are shown, and in which order.

By scores where there are any, by the rule set where there are none: each item says which of the two it rests on.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator.domain.display import Candidate, Display, find_display, only_current

Basis = Literal["scores", "rule_set"]

NEAR_DUPLICATE_BITS = 10
"""Pictures whose 64-bit perceptual hashes differ in at most so many bits count as one picture. Source: the default of
imagededup, whose hash is made the same way but for the coefficient of the mean."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture as it is shown. ``score`` 0 to 1, None for the rule set."""

    image_id: str
    display: Display
    alt_text: str | None
    score: float | None
    basis: Basis
    image_class: str | None
    quality: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The three blocks of a result page: the business's one best picture, the best for what was asked, and a varied
    row. ``basis`` is "scores" as soon as one picture has a score for what was asked."""

    basis: Basis
    static: Item | None
    dynamic: tuple[Item, ...]
    carousel: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture that may be shown, as the rule set would show it. ``marked`` is True when somebody vouches for its
    class: only such a picture can take part in the rule set."""

    item: Item
    marked: bool
    candidate: Candidate


def rank(candidates: Iterable[Candidate], *, category_id: str | None, limit: int) -> Answer:
    """Answer for one business and, maybe, one of its categories.

    - Never shown: an image that the catalogue calls invalid, one of a class marked 0, one of which ``find_display``
      finds nothing. A class the catalogue brings itself comes before the model's, and so does its quality; the model's
      mark is about the model's class and does not count then. Tags and scores of another content do not count.
    - ``dynamic``: images with a score for the category (for no category: their best score) by falling score, then
      quality, then image id. Behind them the images without one, as the rule set orders them.
    - The rule set takes the images of the business's one class: the most frequent among those marked 1; of several, the
      one with the higher total quality, then the first by name. An image nobody has marked is left out: nothing says
      that it may be shown. Order: falling quality, a missing one last, then image id.
    - ``static`` is the first when no category is asked for: it is the business's picture, not the query's.
    - ``carousel``: the order of ``dynamic`` without pictures that look like, or are, an earlier one.
    - With every image marked 0 all blocks are empty. At most ``limit`` (at least 1) items in a row.
    """
    shown = [it for it in map(_shown, candidates) if it is not None]
    ranked = _ranked(shown, category_id)
    best = ranked if category_id is None else _ranked(shown, None)
    return Answer(
        basis=ranked[0].item.basis if ranked else "rule_set",
        static=best[0].item if best else None,
        dynamic=tuple(it.item for it in ranked[:limit]),
        carousel=_varied(ranked, limit),
    )


def _shown(known: Candidate) -> _Shown | None:
    candidate = only_current(known)
    catalogue, clip = candidate.catalogue, candidate.metadata.get("clip") or {}
    own_class = catalogue.image_class if catalogue is not None else None
    own_quality = _number(catalogue.quality) if catalogue is not None else None
    if (catalogue is not None and not catalogue.valid) or (own_class is None and clip.get("class_valid") == 0):
        return None
    display = find_display(known)
    if display is None:
        return None
    item = Item(
        image_id=candidate.image_id,
        display=display,
        alt_text=candidate.alt_text,
        score=None,
        basis="rule_set",
        image_class=own_class if own_class is not None else clip.get("class"),
        quality=own_quality if own_quality is not None else _number(clip.get("quality")),
    )
    marked = item.image_class is not None and (own_class is not None or clip.get("class_valid") == 1)
    return _Shown(item, marked, candidate)


def _ranked(shown: Sequence[_Shown], category_id: str | None) -> list[_Shown]:
    """The pictures, best first: the scored ones, then the rule set's."""
    scored: list[_Shown] = []
    left: list[_Shown] = []
    one_class = _one_class(shown)
    for it in shown:
        score = _score(it.candidate, category_id)
        if score is not None:
            scored.append(replace(it, item=replace(it.item, score=score, basis="scores")))
        elif it.marked and it.item.image_class == one_class:
            left.append(it)
    return sorted(scored, key=lambda it: (-(it.item.score or 0.0), *_by_quality(it))) + sorted(left, key=_by_quality)


def _by_quality(shown: _Shown) -> tuple[float, str]:
    return (math.inf if shown.item.quality is None else -shown.item.quality, shown.item.image_id)


def _one_class(shown: Iterable[_Shown]) -> str | None:
    qualities: dict[str, list[float]] = defaultdict(list)
    for it in shown:
        if it.marked and it.item.image_class is not None:
            qualities[it.item.image_class].append(it.item.quality or 0.0)
    return min(qualities, key=lambda name: (-len(qualities[name]), -math.fsum(qualities[name]), name), default=None)


def _score(candidate: Candidate, category_id: str | None) -> float | None:
    scores = (candidate.relevance or {}).get("scores") or ()
    wanted = (it for it in scores if category_id is None or it.get("category_id") == category_id)
    return max((score for it in wanted if (score := _number(it.get("score"))) is not None), default=None)


def _varied(ranked: Iterable[_Shown], limit: int) -> tuple[Item, ...]:
    """The first ``limit`` that are not, and do not look like, one that was taken before."""
    taken: list[Item] = []
    contents: set[str] = set()
    hashes: list[int] = []
    for it in ranked:
        content = it.candidate.metadata.get("content") or {}
        sha256, phash = content.get("sha256"), _phash(content.get("phash"))
        alike = phash is not None and any((phash ^ other).bit_count() <= NEAR_DUPLICATE_BITS for other in hashes)
        if len(taken) == limit or alike or sha256 in contents:
            continue
        taken.append(it.item)
        contents.update([sha256] if sha256 else [])
        hashes.extend([] if phash is None else [phash])
    return tuple(taken)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _phash(value: object) -> int | None:
    try:
        return int(str(value), 16) if value else None
    except ValueError:
        return None
