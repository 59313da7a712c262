"""A picture against captions: how much likelier one is than the others, as a share of 1."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from workers.clip.model import ClipModel
from workers.server.text_embedding import Embeddings, unit_rows
from workers.vlm.template.category import KindNames
from workers.vlm.template.words import Wording

SCALE, MATCH_SCALE = 40.0, 20.0
"""What a cosine is multiplied by before the softmax, the sharpness of the probabilities: of the kinds of business, and
of a name against them."""
_REMEMBERED_NAMES = 1024

Floats = NDArray[np.float64]
CaptionMeans = Callable[[Sequence[Sequence[str]]], Embeddings]


class Contrasts:
    """Compares the vector of a picture with captions of kinds of business and of names.

    Source: A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021), section
    3.1.4: softmax over ``scale`` (for names ``match_scale``) times the cosine with the mean vector of several captions
    each.
    """

    def __init__(self, clip: ClipModel, scale: float, match_scale: float, wording: Wording) -> None:
        self._wording = wording
        self._scale, self._match_scale = scale, match_scale
        self._names = KindNames(wording)
        self._means = _encoder(clip)
        self._kind_names = tuple(wording.kinds)
        self._kinds = self._means([_captions(wording, kind.noun) for kind in wording.kinds.values()])
        self._neutral = self._means(wording.neutral)
        self._row = lru_cache(maxsize=_REMEMBERED_NAMES)(self._row_of)

    def kinds(self, vector: Embeddings) -> Mapping[str, float]:
        """The probability of each kind of business; what is missing to 1 is that of no business at all."""
        shares = _softmax(np.concatenate([self._kinds, self._neutral]) @ vector, self._scale)
        return dict(zip(self._kind_names, shares.tolist(), strict=False))

    def match(self, vector: Embeddings, name: str) -> float:
        """The probability that the picture shows what ``name`` means, rather than another kind of business or none.

        It rises with the picture's likeness to the name. A name that means a known kind is compared as that kind;
        one that narrows a kind does not compete with it.
        """
        kind = self._names.kind_of(name)
        row = self._row(name) if kind is None else self._kinds[self._kind_names.index(kind)]
        same = {kind} if kind is not None else self._names.related(name)
        others = [it for known, it in zip(self._kind_names, self._kinds, strict=True) if known not in same]
        shares = _softmax(np.stack([row, *others, *self._neutral]) @ vector, self._match_scale)
        return float(shares[0])

    def _row_of(self, name: str) -> Embeddings:
        return np.asarray(self._means([_captions(self._wording, name)])[0])


def _softmax(cosines: Embeddings, scale: float) -> Floats:
    scaled = cosines.astype(np.float64) * scale
    powers = np.exp(scaled - scaled.max())
    return np.asarray(powers / powers.sum())


def _captions(wording: Wording, name: str) -> list[str]:
    return [caption.replace("{name}", name) for caption in wording.captions]


def _encoder(clip: ClipModel) -> CaptionMeans:
    def means(groups: Sequence[Sequence[str]]) -> Embeddings:
        """One unit vector per group: the mean direction of its captions."""
        rows = clip.encode([tuple(group) for group in groups])
        return unit_rows(np.stack([part.mean(axis=0) for part in rows]))

    return means
