"""Sentence vectors by sentence-transformers, from a folder on this machine and from nowhere else."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from workers.device import choose_device, memory_errors
from workers.server.text_embedding import Embeddings, Texts, check_texts, encode_together, unit_rows
from workers.weights.digest import space_id, weights_digest

_TOGETHER = 64
"""Texts in one forward pass. The library sorts them by length first, so that little of it is padding."""


class SentenceModel:
    """The sentence-transformers model in ``folder``. A text beyond the model's own limit (256 tokens for MiniLM) is
    cut there. ``files`` are its weights.

    The same text gets the same vector up to float32 rounding, whatever it shares a batch with.
    """

    def __init__(self, name: str, folder: Path, files: Sequence[Path], *, device: str, threads: int | None) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is imported, so it is imported afterwards
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # stderr is the log
        chosen = choose_device(device, threads)
        self._model = SentenceTransformer(
            str(folder),
            device=str(chosen),
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
        self._model.eval()
        self.name = name
        self.weights = weights_digest(files)
        self.space = space_id("text", name, self.weights)
        self.dimension = check_texts(name, self._rows)

    def encode(self, batch: Sequence[Texts]) -> list[Embeddings]:
        """One unit vector per text, for each of several requests. Raises MemoryError."""
        with memory_errors():
            return encode_together(batch, self._rows)

    def _rows(self, texts: list[str]) -> Embeddings:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        rows = self._model.encode(texts, batch_size=_TOGETHER, show_progress_bar=False, convert_to_numpy=True)
        return unit_rows(np.asarray(rows, np.float32))
