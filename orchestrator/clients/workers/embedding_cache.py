"""Vectors of short texts, remembered: captions and category names come again with every job."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from orchestrator.domain.relevance.vectors import Vector

MAX_CHARS = 256
"""A longer text is a description: it comes once, and would push out many that come again."""
_OVERHEAD_BYTES = 400
"""What an entry takes beside its text and its numbers."""


class VectorMemory:
    """The vectors used last, by space and text, in at most ``max_bytes``. Two spaces never meet."""

    def __init__(self, max_bytes: int = 32 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._vectors: OrderedDict[tuple[str, str], Vector] = OrderedDict()

    def find(self, space: str, texts: Iterable[str]) -> dict[str, Vector]:
        """The vectors in ``space`` of those of ``texts`` that are remembered."""
        found = {text: self._vectors[space, text] for text in texts if (space, text) in self._vectors}
        for text in found:
            self._vectors.move_to_end((space, text))
        return found

    def keep(self, vectors: Mapping[str, Vector]) -> None:
        """Remember the vectors of short texts; forget the ones that were used longest ago."""
        for text, vector in vectors.items():
            if len(text) <= MAX_CHARS and (vector.space, text) not in self._vectors:
                self._vectors[vector.space, text] = vector
                self._bytes += _size(text, vector)
        while self._bytes > self._max_bytes:
            (_, text), vector = self._vectors.popitem(last=False)
            self._bytes -= _size(text, vector)


def _size(text: str, vector: Vector) -> int:
    return len(text) + len(vector.values) + _OVERHEAD_BYTES
