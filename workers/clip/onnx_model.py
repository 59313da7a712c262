"""The towers of the built-in CLIP in onnxruntime, without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from workers.clip.folder import framing_of, read_config
from workers.clip.tokens import Tokens
from workers.server.text_embedding import Embeddings, unit_rows
from workers.weights.digest import space_id, weights_digest

_TOGETHER = 64
"""Texts in one forward pass."""
_NO_MEMORY = ("bad_alloc", "Failed to allocate memory", "out of memory")


@dataclass(frozen=True, slots=True)
class OnnxSource:
    """``image`` makes vectors of 8-bit RGB squares [picture, row, column, channel], ``text`` of ids [text, token].
    Both read their numbers from ``weights``, which lies beside them. ``config`` and ``tokenizer`` are open_clip's."""

    name: str
    image: Path
    text: Path
    weights: Path
    config: Path
    tokenizer: Path


class OnnxTowers:
    """Both towers on the CPU, with ``threads`` threads (onnxruntime decides when None)."""

    def __init__(self, source: OnnxSource, *, threads: int | None) -> None:
        config = read_config(source.config)
        self.name = source.name
        self.weights = weights_digest([source.weights])
        self.space = space_id("clip", source.name, self.weights)
        self.framing = framing_of(config.preprocess)
        self._tokens = Tokens(source.tokenizer, config.context)
        self._image, self._text = (_session(path, threads) for path in (source.image, source.text))
        self.scale = float(self._image.get_modelmeta().custom_metadata_map["scale"])
        self.dimension = int(self._image.get_outputs()[0].shape[1])

    def encode_images(self, pictures: Sequence[bytes]) -> Embeddings:
        """See ``Towers.encode_images``."""
        side = self.framing.side
        pixels = np.frombuffer(b"".join(pictures), np.uint8).reshape(-1, side, side, 3)
        return unit_rows(_run(self._image, "pixels", pixels))

    def encode_texts(self, texts: list[str]) -> Embeddings:
        """See ``Towers.encode_texts``."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        parts = [texts[start : start + _TOGETHER] for start in range(0, len(texts), _TOGETHER)]
        return unit_rows(np.concatenate([_run(self._text, "ids", self._tokens(part)) for part in parts]))


def _run(session: onnxruntime.InferenceSession, name: str, values: np.ndarray) -> Embeddings:
    try:
        return np.asarray(session.run(None, {name: values})[0], np.float32)
    except Exception as error:
        if any(words in str(error) for words in _NO_MEMORY):
            raise MemoryError(str(error)) from error
        raise


def _session(path: Path, threads: int | None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.enable_mem_pattern = False  # it is for inputs of one shape, and would be kept for every other one
    options.log_severity_level = 3  # errors alone: stderr is the log
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
