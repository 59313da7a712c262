"""A model for tritonserver that takes its time and says when. Each instance is a process: this imports little."""

import time
from collections.abc import Sequence

import numpy as np

from workers.server.text_embedding import Embeddings, Texts

NAP_S = 0.3


class Napping:
    """A text model that takes NAP_S seconds and says when: its vectors are the seconds and their fraction, when it
    began and when it ended, by the clock that all processes share."""

    name, weights, space, dimension = "napping", "none", "text/napping", 4

    def encode(self, batch: Sequence[Texts]) -> list[Embeddings]:
        began = time.monotonic()
        time.sleep(NAP_S if batch[0][0] != "to be ready" else 0)
        row = np.array([*divmod(began, 1), *divmod(time.monotonic(), 1)], np.float32)
        return [np.stack([row] * len(texts)) for texts in batch]
