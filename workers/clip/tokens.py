"""Texts as the token ids of a model that has a tokenizer of its own, in a file beside its weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Ids = NDArray[np.int64]
PAD = 0


class Tokens:
    """``tokenizer`` sets the first and the last token of a text itself. A text of more than ``context`` tokens is cut;
    the last token is kept, for the text tower reads its result from there. With ``whole`` every row has ``context``
    tokens."""

    def __init__(self, tokenizer: Path, context: int, *, whole: bool = False) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(context)
        self._tokenizer.no_padding()
        self._least = context if whole else 0

    def __call__(self, texts: Sequence[str]) -> Ids:
        """One row per text, as wide as the longest of them; PAD fills up."""
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch_fast([_plain(text) for text in texts])]
        ids = np.full((len(rows), max(self._least, *map(len, rows))), PAD, np.int64)
        for row, found in zip(ids, rows, strict=True):
            row[: len(found)] = found
        return ids


def _plain(text: str) -> str:
    """Without needless white space, as open_clip hands texts to any tokenizer."""
    return " ".join(text.split())
