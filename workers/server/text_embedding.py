"""POST /encode, the same in every worker that makes vectors of texts."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from workers.errors import Refused, mistakes
from workers.server.service import Answer
from workers.wire import MAX_TEXT_CHARS, MAX_TEXTS, VECTOR_MEDIA_TYPE, EncodeReply, EncodeRequest

Texts = tuple[str, ...]
"""The texts of one request: one item of a batch."""
Embeddings = NDArray[np.float32]
"""Unit vectors, one per row."""


class TextModel(Protocol):
    """What makes vectors of texts. ``weights`` is the digest of the weights, or "none"; ``space`` names the space that
    the vectors, of ``dimension`` numbers, live in: it changes whenever the weights do."""

    name: str
    weights: str
    space: str
    dimension: int

    def encode(self, batch: Sequence[Texts]) -> list[Embeddings]:
        """One unit vector per text, for each of several requests. Raises MemoryError when the device has none left."""


def read_texts(body: bytes) -> Texts:
    """The texts of a request. Raises Refused: bad_request, too_many_texts, text_too_long.

    The text that is wrong is named by its index, never quoted. JSON with half of a surrogate pair is no Unicode text
    and is refused like any other bad JSON.
    """
    try:
        texts = EncodeRequest.model_validate_json(body).texts
    except ValidationError as error:
        raise Refused("bad_request", mistakes(error)) from error
    if len(texts) > MAX_TEXTS:
        raise Refused("too_many_texts", f"texts: {len(texts)} of them; at most {MAX_TEXTS} are encoded at once")
    for index, text in enumerate(texts):
        if len(text) > MAX_TEXT_CHARS:
            raise Refused("text_too_long", f"texts.{index}: {len(text)} characters; at most {MAX_TEXT_CHARS} are read")
    return tuple(texts)


def encode_together(batch: Sequence[Texts], encode: Callable[[list[str]], Embeddings]) -> list[Embeddings]:
    """``encode`` once for the texts of all requests, and each request's rows of the result."""
    rows = encode([text for texts in batch for text in texts])
    ends = np.cumsum([len(texts) for texts in batch])
    return list(np.split(rows, ends[:-1]))


ALIKE = 1 - 1e-6
"""A cosine. Models of random weights tell two different texts or pictures apart by more than that."""


def check_texts(name: str, encode: Callable[[list[str]], Embeddings]) -> int:
    """The dimension of a model's vectors. Raises ValueError for one whose weights give none, or one for everything."""
    try:
        rows = encode(["a red door", "two cats on a wall"])
    except ValueError as error:
        raise ValueError(f"{name}: the weights are damaged: {error}") from error
    if float(rows[0] @ rows[1]) > ALIKE:
        raise ValueError(f"{name}: two texts that differ get one vector; the weights are not trained, or damaged")
    return int(rows.shape[1])


def unit_rows(rows: Embeddings) -> Embeddings:
    """Each row scaled to length 1. Raises ValueError for a row that has no direction."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise ValueError("the model gave a vector that is zero or not finite")
    return np.asarray(rows / lengths, dtype=np.float32)


def vector_bytes(rows: Embeddings) -> bytes:
    """``rows`` as VECTOR_MEDIA_TYPE says."""
    return rows.astype("<f4").tobytes()


def encode_answer(model: TextModel, rows: Embeddings) -> Answer:
    """The 200 for ``rows``."""
    reply = EncodeReply(count=len(rows), dimension=model.dimension, model=model.name, space=model.space)
    return Answer(reply, vector_bytes(rows), VECTOR_MEDIA_TYPE)
