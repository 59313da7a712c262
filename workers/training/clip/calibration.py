"""Thresholds of a vocabulary, chosen on pictures that no figure is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.clip.model import Towers
from workers.clip.vocabulary import Vocabulary
from workers.training.clip.metrics import Point, best_threshold, precise_threshold
from workers.training.clip.quality import Judged, Seen, judged, scores_and_truth
from workers.training.world.truth import Truth

_DECIMALS = 4
_BETA = 0.5
_FLAG_PRECISION = 0.8


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A vocabulary with its thresholds, and by group or flag what they give."""

    vocabulary: Vocabulary
    points: dict[str, Point]


def calibrated(towers: Towers, vocabulary: Vocabulary, seen: Seen) -> Calibrated:
    """For each group of tags the threshold of the best F score on ``seen``, precision counting twice as much as recall;
    for each flag that of the most recall at a precision that can be relied on. A flag that no picture of ``seen`` has
    keeps its own."""
    found = judged(towers, vocabulary, seen)
    groups = {
        name: best_threshold(*scores_and_truth(found, seen.truths, number), _BETA)
        for number, name in enumerate(vocabulary.groups)
    }
    flags = {
        name: precise_threshold(*_flag(found, seen.truths, name), _FLAG_PRECISION)
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


def _flag(found: Sequence[Judged], truths: Sequence[Truth], name: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array([one.flags[name] for one in found]), np.array([name in truth.defects for truth in truths])


def _rounded(point: Point) -> float:
    """Downwards, so that the score it was chosen by still reaches it."""
    return float(np.floor(point.threshold * 10**_DECIMALS) / 10**_DECIMALS)
