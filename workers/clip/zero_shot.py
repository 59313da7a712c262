"""What a picture's vector says in words, without having been trained for it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.clip.model import Judgement
from workers.clip.vocabulary import Vocabulary
from workers.encoding import Rows, unit_rows

Encode = Callable[[list[str]], Rows]


class ZeroShot:
    """Compares pictures with the captions of a vocabulary.

    Source for tags and class: A. Radford et al., "Learning Transferable Visual Models From Natural Language
    Supervision" (2021), sections 3.1.2 and 3.1.4: softmax over ``scale`` times the cosine with each word's vector, the
    mean of the vectors of its captions. Source for quality: J. Wang et al., "Exploring CLIP for Assessing the Look and
    Feel of Images" (2023), equation 2: the same over a good caption and its opposite, averaged over the pairs.
    """

    def __init__(self, vocabulary: Vocabulary, encode: Encode, scale: float) -> None:
        self._vocabulary = vocabulary
        self._scale = scale
        self._tags = _means(list(vocabulary.tags.values()), encode)
        self._classes = _means([one.prompts for one in vocabulary.classes.values()], encode)
        captions = [caption for pair in vocabulary.quality for caption in (pair.good, pair.bad)]
        self._quality = encode(captions).reshape(len(vocabulary.quality), 2, -1)

    def judge(self, vector: Rows) -> Judgement:
        """What is said of the picture with this unit vector."""
        image_class = self._class_of(vector)
        return Judgement(
            tags=self._tags_of(vector),
            image_class=image_class,
            class_valid=self._vocabulary.classes[image_class].showable,
            quality=round(float(self._shares(self._quality @ vector)[:, 0].mean()), 4),
        )

    def _tags_of(self, vector: Rows) -> tuple[tuple[str, float], ...]:
        scores = self._shares(self._tags @ vector).tolist()
        scored = sorted(zip(self._vocabulary.tags, scores, strict=True), key=lambda tag: (-tag[1], tag[0]))
        best = scored[: self._vocabulary.most_tags]
        return tuple((name, round(score, 4)) for name, score in best if score >= self._vocabulary.threshold)

    def _class_of(self, vector: Rows) -> str:
        return list(self._vocabulary.classes)[int((self._classes @ vector).argmax())]

    def _shares(self, cosines: Rows) -> NDArray[np.float64]:
        """Softmax over the last axis."""
        scaled = cosines.astype(np.float64) * self._scale
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _means(captions: Sequence[Sequence[str]], encode: Encode) -> Rows:
    """One unit vector per word: the mean direction of its captions."""
    rows = encode([caption for group in captions for caption in group])
    starts = np.cumsum([0, *(len(group) for group in captions)])[:-1]
    return unit_rows(np.add.reduceat(rows, starts, axis=0))
