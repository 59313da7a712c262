"""The measures by which the built-in CLIP is judged. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold gives. Precision is 1 where nothing reaches it."""

    threshold: float
    precision: float
    recall: float

    def f_score(self, beta: float) -> float:
        """Their mean, recall counting ``beta`` times as much as precision. Source: C. J. van Rijsbergen (1979)."""
        both = beta**2 * self.precision + self.recall
        return (1 + beta**2) * self.precision * self.recall / both if both else 0.0


def ranks(similarities: NDArray[np.floating]) -> NDArray[np.int64]:
    """For each text the rank, from 1, of the picture of the same number: [text, picture]. An equal one comes before
    it, so that a model that tells nothing apart finds nothing."""
    own = np.diagonal(similarities)[:, np.newaxis]
    return np.asarray((similarities >= own).sum(axis=1), np.int64)


def recall_at(found: NDArray[np.int64], most: int) -> float:
    """The share of ranks up to ``most``."""
    return float((found <= most).mean())


def area_under_curve(present: Sequence[float], absent: Sequence[float]) -> float:
    """How likely a picture that has something scores above one that has not; equal scores count half.

    Source: H. B. Mann and D. R. Whitney (1947). Raises ValueError when either is empty.
    """
    if not present or not absent:
        raise ValueError("nothing to compare")
    difference = np.subtract.outer(np.asarray(present), np.asarray(absent))
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def set_point(said: Sequence[Collection[str]], true: Sequence[Collection[str]], threshold: float = 0.0) -> Point:
    """Precision and recall of all words said of all pictures together."""
    right = sum(len(set(words) & set(truly)) for words, truly in zip(said, true, strict=True))
    told, wanted = sum(map(len, said)), sum(map(len, true))
    return Point(threshold, right / told if told else 1.0, right / wanted if wanted else 1.0)


def curve(scores: Numbers, true: NDArray[np.bool_]) -> list[Point]:
    """Precision and recall over thresholds, from the lowest. ``scores`` and ``true`` are of any one shape; thresholds
    are the scores that occur."""
    order = np.argsort(-scores, axis=None, kind="stable")
    sorted_scores, hits = scores.ravel()[order], true.ravel()[order].cumsum()
    last_of_each = np.flatnonzero(np.append(np.diff(sorted_scores) != 0, True))
    wanted = max(1, int(true.sum()))
    points = [
        Point(float(sorted_scores[at]), float(hits[at] / (at + 1)), float(hits[at] / wanted)) for at in last_of_each
    ]
    return points[::-1]


def best_threshold(scores: Numbers, true: NDArray[np.bool_], beta: float) -> Point:
    """The point of the highest F score; of equal ones that with the highest threshold."""
    points = curve(scores, true)
    return max(points, key=lambda point: (point.f_score(beta), point.threshold))


def precise_threshold(scores: Numbers, true: NDArray[np.bool_], least: float) -> Point:
    """The point of the most recall at a precision of at least ``least``; threshold 1 and no recall when there is
    none."""
    points = [point for point in curve(scores, true) if point.precision >= least]
    return max(points, key=lambda point: (point.recall, point.threshold), default=Point(1.0, 1.0, 0.0))
