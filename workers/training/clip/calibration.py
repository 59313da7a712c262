"""Thresholds of a vocabulary, chosen on pictures that no figure is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.clip.defects import CONFIRMED, CURVES
from workers.clip.model import Towers
from workers.clip.vocabulary import Vocabulary
from workers.clip.zero_shot import ZeroShotClassifier
from workers.server.text_embedding import Embeddings
from workers.training.clip.metrics import Numbers, Point, best_threshold, precise_threshold
from workers.training.clip.quality import Judged, Seen, judged, scores_and_truth
from workers.training.world.truth import Truth

_DECIMALS = 4
_BETA = 0.5
_FLAG_PRECISION = 0.8
_PHOTOGRAPHS_FLAGGED = 0.01
"""The share of photographs without a defect that a flag may be raised on."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A vocabulary with its thresholds, and by group or flag what they give."""

    vocabulary: Vocabulary
    points: dict[str, Point]


def calibrated(towers: Towers, vocabulary: Vocabulary, seen: Seen, photographs: Embeddings) -> Calibrated:
    """For each group of tags the threshold of the best F score on ``seen``, precision counting twice as much as recall;
    for each flag that of the most recall at a precision that can be relied on. A flag that no picture of ``seen`` has
    keeps its own. A flag that is not measured on pixels is also to stay down on ``photographs``, the vectors of
    pictures without any defect: they are not of the world that the flags were learnt in, and are what comes."""
    found = judged(towers, vocabulary, seen)
    groups = {
        name: best_threshold(*scores_and_truth(found, seen.truths, number), _BETA)
        for number, name in enumerate(vocabulary.groups)
    }
    floors = _floors(towers, vocabulary, photographs)
    flags = {
        name: _flag_point(*_flag(found, seen.truths, name), floors.get(name, 0.0))
        for name in _seen_flags(vocabulary, seen.truths)
    }
    new = vocabulary.model_copy(
        update={
            "groups": {
                name: group.model_copy(update={"threshold": _rounded(groups[name])})
                for name, group in vocabulary.groups.items()
            },
            "flags": {
                name: flag.model_copy(update={"threshold": _rounded(flags[name])}) if name in flags else flag
                for name, flag in vocabulary.flags.items()
            },
        }
    )
    return Calibrated(new, groups | {f"flag {name}": point for name, point in flags.items()})


def _seen_flags(vocabulary: Vocabulary, truths: Sequence[Truth]) -> list[str]:
    return [name for name in vocabulary.flags if any(name in truth.defects for truth in truths)]


def _floors(towers: Towers, vocabulary: Vocabulary, photographs: Embeddings) -> dict[str, float]:
    """For each flag that pixels do not decide alone, what nearly all photographs stay below."""
    judge = ZeroShotClassifier(vocabulary, towers.encode_texts, towers.scale)
    scores = [judge.flag_scores(one) for one in photographs]
    names = [name for name in vocabulary.flags if name not in CURVES or name in CONFIRMED] if scores else []
    return {name: float(np.quantile([one[name] for one in scores], 1 - _PHOTOGRAPHS_FLAGGED)) for name in names}


def _flag_point(scores: Numbers, true: NDArray[np.bool_], floor: float) -> Point:
    """The point of the most recall at a precision that can be relied on, or that of ``floor``, if it is higher."""
    point = precise_threshold(scores, true, _FLAG_PRECISION)
    if floor <= point.threshold:
        return point
    told = scores >= floor
    return Point(floor, float(true[told].mean()) if told.any() else 1.0, float(told[true].mean()))


def _flag(found: Sequence[Judged], truths: Sequence[Truth], name: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array([one.flags[name] for one in found]), np.array([name in truth.defects for truth in truths])


def _rounded(point: Point) -> float:
    """Downwards, so that the score it was chosen by still reaches it."""
    return float(np.floor(point.threshold * 10**_DECIMALS) / 10**_DECIMALS)
