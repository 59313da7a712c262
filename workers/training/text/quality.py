"""How close the built-in sentence model stays to the one it was made from."""

import numpy as np
from numpy.typing import NDArray

from workers.server.text_embedding import Embeddings, TextModel
from workers.training.figures import Row, row
from workers.training.text.corpus import KINDS, descriptions, names

SEED = 20
SPEARMAN_AT_LEAST = 0.995
COSINE_AT_LEAST = 0.99
MAY_COST = 0.01
"""Of what the model is used for."""


def rows(made: TextModel, original: TextModel) -> list[Row]:
    """``made`` against ``original``, over category names and descriptions of pictures. No text was used to make it."""
    described = descriptions(SEED, 20)
    texts = [*names(), *(text for text, _ in described)]
    vectors, wanted = _vectors(made, texts), _vectors(original, texts)
    pairs = np.triu_indices(len(texts), 1)
    ours, theirs = (vectors @ vectors.T)[pairs], (wanted @ wanted.T)[pairs]
    cosines = (vectors * wanted).sum(axis=1)
    right, right_before = (_right(rows, [kind for _, kind in described]) for rows in (vectors, wanted))
    n_pairs, n_texts = f"{len(ours)} pairs of {len(texts)} texts", f"{len(texts)} texts"
    return [
        row("text: Spearman of similarities with float32", spearman(ours, theirs), n_pairs, SPEARMAN_AT_LEAST),
        row("text: mean cosine with float32", float(cosines.mean()), n_texts, COSINE_AT_LEAST),
        row("text: right category found", right, f"{len(described)} texts", right_before - MAY_COST),
    ]


def spearman(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The rank correlation of two series without ties to speak of."""
    first, second = (np.argsort(np.argsort(values)).astype(np.float64) for values in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


def _vectors(model: TextModel, texts: list[str]) -> Embeddings:
    return model.encode([tuple(texts)])[0]


def _right(vectors: Embeddings, kinds: list[str]) -> float:
    """Share of the descriptions that lie nearest to the name of their own kind. Names come first in ``vectors``."""
    count = len(KINDS)
    best = (vectors[count:] @ vectors[:count].T).argmax(axis=1)
    return float(np.mean([KINDS[found] == kind for found, kind in zip(best, kinds, strict=True)]))
