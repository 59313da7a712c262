"""What a picture's vector says in words, without having been trained for it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.clip.model import Judgement
from workers.clip.vocabulary import Vocabulary
from workers.server.text_embedding import Embeddings, unit_rows

Encode = Callable[[list[str]], Embeddings]


class ZeroShotClassifier:
    """Compares pictures with the captions of a vocabulary.

    Source for tags and class: A. Radford et al., "Learning Transferable Visual Models From Natural Language
    Supervision" (2021), sections 3.1.2 and 3.1.4: softmax over ``scale`` times the cosine with each word's vector, the
    mean of the vectors of its captions; here within each group of tags. Source for quality and flags: J. Wang et al.,
    "Exploring CLIP for Assessing the Look and Feel of Images" (2023), equation 2: the same over a caption and its
    opposite; quality is the mean over the pairs.
    """

    def __init__(self, vocabulary: Vocabulary, encode: Encode, scale: float) -> None:
        self._vocabulary = vocabulary
        self._scale = scale
        self._groups = [(group, _means(group.captions(), encode)) for group in vocabulary.all_groups()]
        self._classes = _means([one.prompts for one in vocabulary.classes.values()], encode)
        self._quality = _pairs([(pair.good, pair.bad) for pair in vocabulary.quality], encode)
        flags = [(flag.present, flag.absent) for flag in vocabulary.flags.values()]
        self._flags = _pairs(flags, encode) if flags else None

    def judge(self, vector: Embeddings) -> Judgement:
        """What is said of the picture with this unit vector."""
        known = self._vocabulary
        scores = self.flag_scores(vector)
        flags = tuple(name for name, score in scores.items() if score >= known.flags[name].threshold)
        image_class, otherwise = self._class_of(vector, flags)
        return Judgement(
            tags=self._tags_of(vector),
            image_class=image_class,
            class_valid=known.classes[image_class].showable,
            quality=round(float(self._shares(self._quality @ vector)[:, 0].mean()), 4),
            flags=flags,
            otherwise=None if otherwise is None else (otherwise, known.classes[otherwise].showable),
        )

    def group_scores(self, vector: Embeddings) -> list[dict[str, float]]:
        """The share of every tag, by group."""
        return [
            dict(zip(group.tags, self._shares(rows @ vector).tolist(), strict=True)) for group, rows in self._groups
        ]

    def flag_scores(self, vector: Embeddings) -> dict[str, float]:
        """How much rather each flag is true than its opposite, 0 to 1."""
        if self._flags is None:
            return {}
        return dict(zip(self._vocabulary.flags, self._shares(self._flags @ vector)[:, 0].tolist(), strict=True))

    def _tags_of(self, vector: Embeddings) -> tuple[tuple[str, float], ...]:
        found = [
            (group, name, score)
            for (group, _), scores in zip(self._groups, self.group_scores(vector), strict=True)
            for name, score in scores.items()
            if score >= group.threshold
        ]
        found.sort(key=lambda one: (-one[0].priority, -one[2], one[1]))
        best = [(name, round(score, 4)) for _, name, score in found[: self._vocabulary.most_tags]]
        return tuple(sorted(best, key=lambda tag: (-tag[1], tag[0])))

    def _class_of(self, vector: Embeddings, raised: Sequence[str]) -> tuple[str, str | None]:
        """The nearest class; one that says the same as a flag only with that flag, and with the next best beside it."""
        names = np.array(list(self._vocabulary.classes))[np.argsort(-(self._classes @ vector), kind="stable")].tolist()
        plain = next((name for name in names if name not in self._vocabulary.flags), None)
        if names[0] not in self._vocabulary.flags or plain is None:
            return names[0], None
        return (names[0], plain) if names[0] in raised else (plain, None)

    def _shares(self, cosines: Embeddings) -> NDArray[np.float64]:
        """Softmax over the last axis."""
        scaled = cosines.astype(np.float64) * self._scale
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _pairs(captions: Sequence[tuple[str, str]], encode: Encode) -> Embeddings:
    """[pair, which of the two, dimension]."""
    return encode([caption for pair in captions for caption in pair]).reshape(len(captions), 2, -1)


def _means(captions: Sequence[Sequence[str]], encode: Encode) -> Embeddings:
    """One unit vector per word: the mean direction of its captions."""
    rows = encode([caption for group in captions for caption in group])
    starts = np.cumsum([0, *(len(group) for group in captions)])[:-1]
    return unit_rows(np.add.reduceat(rows, starts, axis=0))
