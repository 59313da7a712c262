"""Reading prompts about pictures, and nothing of it twice."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from workers.vlm.image_features import ImageFeatures, get_family
from workers.vlm.lru_cache import LruCache
from workers.vlm.picture import rgb_image
from workers.vlm.prefix_batches import PaddedBatch, Prefix, Tokens, pad_batch, pad_batch_on_prefixes, split_cache
from workers.vlm.requests import GenerateRequest

_FEATURES_SHARE = 8
"""One part in so many is for pictures alone: they take a fraction of what a prompt about them does."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A prompt as tokens, with as many placeholders as its picture takes; ``picture`` is the digest of the pixels."""

    tokens: Tokens
    features: ImageFeatures
    picture: bytes


class PrefixCache:
    """Brings a model up to the last token of its prompts. Not for several threads at once.

    A picture is encoded once, and the first prompt about it is read once: other prompts about it go on from where they
    part from that one, at the earliest behind the picture. That holds within a batch, and from batch to batch for what
    was used last, in at most ``cache_bytes`` of the device's memory. The batch at work comes on top of that.
    """

    def __init__(self, model: Any, processor: Any, cache_bytes: int) -> None:
        """Raises ValueError for a model of an unknown architecture."""
        self._model = model
        self._image_token: int = processor.image_token_id
        self._pad: int = processor.tokenizer.pad_token_id
        self._family = get_family(model, processor)
        self._features: LruCache[ImageFeatures] = LruCache(cache_bytes // _FEATURES_SHARE)
        self._prefixes: LruCache[Prefix] = LruCache(cache_bytes - cache_bytes // _FEATURES_SHARE)

    @property
    def caches(self) -> Mapping[str, LruCache[Any]]:
        """What is kept, by kind."""
        return MappingProxyType({"picture": self._features, "prefix": self._prefixes})

    def questions(self, items: Sequence[GenerateRequest], ids: Sequence[Sequence[int]]) -> list[Question]:
        """``ids`` are the prompts' tokens with one placeholder each. Encodes the pictures that are new."""
        pictures = [_digest(item) for item in items]

        def see(new: list[int]) -> list[ImageFeatures]:
            return self._family.see([rgb_image(items[n].image, items[n].width, items[n].height) for n in new])

        features = self._features.get_or_create(pictures, see)
        return [
            Question(self._expanded(tokens, features.tokens), features, picture)
            for tokens, features, picture in zip(ids, features, pictures, strict=True)
        ]

    def read(self, questions: Sequence[Question]) -> tuple[PaddedBatch, Mapping[str, Any]]:
        """The questions side by side, read up to where each of them goes its own way, and what else the model needs to
        go on from there."""

        def read(new: list[int]) -> list[Prefix]:
            return self._read([questions[index] for index in new])

        prefixes = self._prefixes.get_or_create([self._opening(question) for question in questions], read)
        prompts = [question.tokens for question in questions]
        batch = pad_batch_on_prefixes(prompts, prefixes, self._family.cross_layers, self._pad, self._model.device)
        return batch, self._family.later(batch.ids, [question.features for question in questions])

    def _read(self, questions: Sequence[Question]) -> list[Prefix]:
        batch = pad_batch([question.tokens[:-1] for question in questions], self._pad, self._model.device)
        self._model(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            past_key_values=batch.past,
            use_cache=True,
            logits_to_keep=1,
            **self._family.first(batch.ids, [question.features for question in questions]),
        )
        return split_cache(batch, self._family.cross_layers)

    def _expanded(self, ids: Sequence[int], count: int) -> Tokens:
        tokens = np.asarray(ids, dtype=np.int64)
        return np.repeat(tokens, np.where(tokens == self._image_token, count, 1))

    def _opening(self, question: Question) -> bytes:
        """The key of all that begins like ``question`` up to the picture's end."""
        end = int(np.flatnonzero(question.tokens == self._image_token)[-1]) + 1
        return hashlib.sha256(question.picture + question.tokens[:end].tobytes()).digest()


def _digest(item: GenerateRequest) -> bytes:
    digest = hashlib.sha256(f"{item.width} {item.height} ".encode())
    digest.update(item.image)
    return digest.digest()
