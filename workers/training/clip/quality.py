"""What the built-in CLIP can do, on pictures of the world that it never saw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.clip.builtin import VOCABULARY, builtin_towers
from workers.clip.defects import CONFIRMED, Defects, defects_of, judged_with
from workers.clip.model import Judgement, Towers
from workers.clip.preprocessing import crop_to_square
from workers.clip.vocabulary import Vocabulary, read_vocabulary
from workers.clip.zero_shot import ZeroShotClassifier
from workers.server.text_embedding import Embeddings
from workers.training.clip.metrics import Point, area_under_curve, curve, ranks, recall_at, set_point
from workers.training.clip.vocabulary import class_of, true_tags
from workers.training.figures import Row, row
from workers.training.world.catalogue import NONE
from workers.training.world.scene import scene
from workers.training.world.truth import Split, Truth

RECALLS = (0.2, 0.4, 0.6, 0.8, 0.9)
"""Where the curve of precision over recall is shown."""
HELD_OUT = 500
_TOGETHER = 32
_BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class Seen:
    """Pictures as the towers see them, what is true of them, and what was measured on their pixels."""

    vectors: Embeddings
    truths: tuple[Truth, ...]
    defects: tuple[Defects, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of a picture, with the scores behind it."""

    judgement: Judgement
    groups: list[dict[str, float]]
    flags: dict[str, float]


def look_at(towers: Towers, split: Split, count: int) -> Seen:
    """The first ``count`` pictures of ``split``, crop_to_square as the worker frames them."""
    truths, vectors, defects = [], [], []
    for start in range(0, count, _TOGETHER):
        shown = [scene(split, index) for index in range(start, min(start + _TOGETHER, count))]
        vectors.append(towers.encode_images([crop_to_square(one.picture, towers.framing).tobytes() for one in shown]))
        truths += [one.truth for one in shown]
        defects += [defects_of(one.picture.convert("L")) for one in shown]
    return Seen(np.concatenate(vectors), tuple(truths), tuple(defects))


def judged(towers: Towers, vocabulary: Vocabulary, seen: Seen) -> list[Judged]:
    """Every picture by the words of ``vocabulary``."""
    judge = ZeroShotClassifier(vocabulary, towers.encode_texts, towers.scale)
    return [Judged(judge.judge(one), judge.group_scores(one), judge.flag_scores(one)) for one in seen.vectors]


def rows(towers: Towers, vocabulary: Vocabulary, seen: Seen) -> list[Row]:
    """Every figure. Texts look for their pictures among all of ``seen``."""
    found = judged(towers, vocabulary, seen)
    return [
        *_retrieval(towers, seen, "caption", [truth.caption for truth in seen.truths], 0.9),
        *_retrieval(towers, seen, "alt text", [truth.alt_text for truth in seen.truths], None),
        *_tagging(vocabulary, found, seen.truths),
        *_curves(vocabulary, found, seen.truths),
        *_defects([_measured(one, defects) for one, defects in zip(found, seen.defects, strict=True)], seen.truths),
    ]


def builtin_rows(count: int = HELD_OUT) -> list[Row]:
    """The figures of the built-in model. Raises ValueError when its files are not those that were released."""
    towers = builtin_towers(threads=None)
    return rows(towers, read_vocabulary(VOCABULARY), look_at(towers, Split.HELD_OUT, count))


def precision_curve(towers: Towers, vocabulary: Vocabulary, seen: Seen) -> dict[str, list[Point]]:
    """Precision of the tags at each of RECALLS, by group."""
    return _points(vocabulary, judged(towers, vocabulary, seen), seen.truths)


def _points(vocabulary: Vocabulary, found: Sequence[Judged], truths: Sequence[Truth]) -> dict[str, list[Point]]:
    made = {}
    for number, name in enumerate(vocabulary.groups):
        points = curve(*scores_and_truth(found, truths, number))
        made[name] = [min(points, key=lambda point: abs(point.recall - wanted)) for wanted in RECALLS]
    return made


def _curves(vocabulary: Vocabulary, found: Sequence[Judged], truths: Sequence[Truth]) -> list[Row]:
    return [
        row(f"clip: precision of {name} tags at recall {wanted:g}", point.precision, f"{len(truths)} held-out scenes")
        for name, points in _points(vocabulary, found, truths).items()
        for wanted, point in zip(RECALLS, points, strict=True)
    ]


def scores_and_truth(found: Sequence[Judged], truths: Sequence[Truth], group: int) -> tuple[np.ndarray, np.ndarray]:
    """[picture, tag]: the scores of a group's tags, and whether they are true."""
    scores = np.array([list(one.groups[group].values()) for one in found])
    tags = [true_tags(truth) for truth in truths]
    return scores, np.array([[name in true for name in found[0].groups[group]] for true in tags])


def _retrieval(towers: Towers, seen: Seen, kind: str, texts: list[str], target_at_5: float | None) -> list[Row]:
    found = ranks(towers.encode_texts(texts) @ seen.vectors.T)
    n = f"{len(texts)} held-out scenes"
    made = [
        row(f"clip: Recall@{most}, {kind} to picture", recall_at(found, most), n, target_at_5 if most == 5 else None)
        for most in (1, 5, 10)
    ]
    return [*made, row(f"clip: median rank, {kind} to picture", float(np.median(found)), n)]


def _tagging(vocabulary: Vocabulary, found: Sequence[Judged], truths: Sequence[Truth]) -> list[Row]:
    n = f"{len(truths)} held-out scenes"
    said = [{name for name, _ in one.judgement.tags} for one in found]
    words = {name for group in vocabulary.all_groups() for name in group.tags}
    true = [true_tags(truth) for truth in truths]
    shown = [words.intersection(truth.tags) for truth in truths]
    business = [number for number, truth in enumerate(truths) if truth.category != NONE]
    kinds = list(vocabulary.groups).index(_BUSINESS)
    right = [max(found[at].groups[kinds].items(), key=lambda one: one[1])[0] == truths[at].category for at in business]
    classes = [one.judgement.image_class == class_of(truth) for one, truth in zip(found, truths, strict=True)]
    return [
        row("clip: tag precision at the vocabulary's thresholds", set_point(said, true).precision, n),
        row("clip: tag recall at the vocabulary's thresholds", set_point(said, shown).recall, n),
        row("clip: kind of business right", float(np.mean(right)), f"{len(business)} held-out scenes"),
        row("clip: class right", float(np.mean(classes)), n),
    ]


def _measured(found: Judged, defects: Defects) -> Judged:
    """What the worker says: of what can be measured, the measure decides."""
    alone = {name: share for name, share in defects.items() if name not in CONFIRMED}
    return Judged(judged_with(found.judgement, defects), found.groups, {**found.flags, **alone})


def _defects(found: Sequence[Judged], truths: Sequence[Truth]) -> list[Row]:
    made = []
    for name in found[0].flags:
        has = [one.flags[name] for one, truth in zip(found, truths, strict=True) if name in truth.defects]
        lacks = [one.flags[name] for one, truth in zip(found, truths, strict=True) if name not in truth.defects]
        if has and lacks:
            n = f"{len(has)} with, {len(lacks)} without"
            made.append(row(f"clip: area under the curve, {name}", area_under_curve(has, lacks), n))
    clean = [one.judgement.quality for one, truth in zip(found, truths, strict=True) if not truth.defects]
    spoilt = [one.judgement.quality for one, truth in zip(found, truths, strict=True) if truth.defects]
    n = f"{len(clean)} without defects, {len(spoilt)} with"
    return [*made, row("clip: area under the curve, quality", area_under_curve(clean, spoilt), n)]
