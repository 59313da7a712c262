"""Sentence vectors by onnxruntime, from a graph and a tokenizer on this machine: no torch."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from workers.server.text_embedding import Embeddings, Texts, check_texts, encode_together, unit_rows
from workers.weights.digest import space_id, weights_digest

_TOKENS_TOGETHER = 1024
"""In one forward pass, which bounds its memory (some 30 MB for MiniLM). More are hardly faster."""
_TEXTS_TOKENIZED_TOGETHER = 64
"""Beyond its limit a text is cut after all of it was read: what was cut off is soon let go again."""


class OnnxSentences:
    """``model`` makes of token ids [texts, tokens] the mean of each text's tokens [texts, dimension]; ``tokenizer``
    cuts a text at the model's own limit and pads none.

    Only texts of the same number of tokens go through the model together. So no padding is computed, and a text gets
    the same vector to the last bit, whatever it shares a batch with.
    """

    def __init__(self, name: str, model: Path, tokenizer: Path, *, threads: int | None) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._session = _session(model, threads)
        self.name = name
        self.weights = weights_digest([model, tokenizer])
        self.space = space_id("text", name, self.weights)
        self.dimension = int(self._session.get_outputs()[0].shape[1])
        check_texts(name, self._rows)

    def encode(self, batch: Sequence[Texts]) -> list[Embeddings]:
        """One unit vector per text, for each of several requests."""
        return encode_together(batch, self._rows)

    def _rows(self, texts: list[str]) -> Embeddings:
        rows = np.empty((len(texts), self.dimension), np.float32)
        tokens = self._tokens(texts)
        for together in _of_one_length(tokens):
            ids = np.array([tokens[index] for index in together], np.int32)
            rows[together] = self._session.run(None, {"ids": ids})[0]
        return unit_rows(rows)

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        tokens: list[list[int]] = []
        for start in range(0, len(texts), _TEXTS_TOKENIZED_TOGETHER):
            part = texts[start : start + _TEXTS_TOKENIZED_TOGETHER]
            tokens += [encoding.ids for encoding in self._tokenizer.encode_batch_fast(part)]
        return tokens


def _of_one_length(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The indexes of texts with equally many tokens, few enough for one forward pass."""
    indexes: dict[int, list[int]] = defaultdict(list)
    for index, ids in enumerate(tokens):
        indexes[len(ids)].append(index)
    for length, alike in indexes.items():
        count = max(1, _TOKENS_TOGETHER // length)
        yield from (alike[start : start + count] for start in range(0, len(alike), count))


def _session(model: Path, threads: int | None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone: stderr is the log
    # The extended level would fuse each Add and LayerNormalization into an operator that takes seven times as long.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # Threads that spin between two operators take the cores from the other workers of this machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.intra_op_num_threads = threads or 0  # 0 = one per core
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
