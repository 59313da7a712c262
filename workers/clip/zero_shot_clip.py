"""A clip model of two towers and a vocabulary: what pictures show is said from their vectors alone."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from workers.clip.model import ClipResult, Towers
from workers.clip.preprocessing import PreprocessedImage
from workers.clip.vocabulary import Vocabulary
from workers.clip.zero_shot import ZeroShotClassifier
from workers.server.text_embedding import Embeddings, Texts, encode_together

_REMEMBERED = 4096
"""Vectors: at most 16 MB of them."""


class ZeroShotClip:
    """A ClipModel. The vectors of the pictures seen last are remembered by the hash of what was seen, so that a picture
    that comes again, as after a fault it does, costs no second forward pass."""

    def __init__(self, towers: Towers, vocabulary: Vocabulary) -> None:
        self.name, self.weights, self.space = towers.name, towers.weights, towers.space
        self.dimension, self.framing, self.scale = towers.dimension, towers.framing, towers.scale
        self._towers = towers
        self._memory = _Memory()
        self.judge_by(vocabulary)

    def judge_by(self, vocabulary: Vocabulary) -> None:
        """Take another vocabulary. Vectors stay what they are."""
        self._judge = ZeroShotClassifier(vocabulary, self._towers.encode_texts, self._towers.scale).judge

    def embed_and_classify(self, batch: Sequence[PreprocessedImage]) -> list[ClipResult]:
        """One per picture, in order. Raises MemoryError when the device has none left."""
        keys = [hashlib.sha256(image.pixels).digest() for image in batch]
        vectors = self._memory.found(keys)
        new = {key: image.pixels for key, image in zip(keys, batch, strict=True) if key not in vectors}
        if new:
            made = dict(zip(new, self._towers.encode_images(list(new.values())), strict=True))
            self._memory.keep(made)
            vectors |= made
        return [ClipResult(vectors[key], self._judge(vectors[key])) for key in keys]

    def encode(self, batch: Sequence[Texts]) -> list[Embeddings]:
        """One unit vector per text, for each of several requests. Raises MemoryError."""
        return encode_together(batch, self._towers.encode_texts)


class _Memory:
    """The vectors used last, by key."""

    def __init__(self) -> None:
        self._vectors: OrderedDict[bytes, Embeddings] = OrderedDict()
        self._lock = Lock()

    def found(self, keys: Sequence[bytes]) -> dict[bytes, Embeddings]:
        with self._lock:
            here = {key: self._vectors[key] for key in keys if key in self._vectors}
            for key in here:
                self._vectors.move_to_end(key)
            return here

    def keep(self, made: dict[bytes, Embeddings]) -> None:
        with self._lock:
            self._vectors |= {key: vector.copy() for key, vector in made.items()}
            while len(self._vectors) > _REMEMBERED:
                self._vectors.popitem(last=False)
