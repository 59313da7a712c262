"""Reading prompts about pictures, and nothing of it twice."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from workers.vlm.picture import rgb_image
from workers.vlm.prefixes import Laid, Prefix, Tokens, lay_on, lay_out, taken_apart
from workers.vlm.prompted import Prompted
from workers.vlm.recent import Recent
from workers.vlm.sights import Sight, family_of

_SIGHTS_SHARE = 8
"""One part in so many is for pictures alone: they take a fraction of what a prompt about them does."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A prompt as tokens, with as many placeholders as its picture takes; ``picture`` is the digest of the pixels."""

    tokens: Tokens
    sight: Sight
    picture: bytes


class Reader:
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
        self._family = family_of(model, processor)
        self._sights: Recent[Sight] = Recent(cache_bytes // _SIGHTS_SHARE)
        self._prefixes: Recent[Prefix] = Recent(cache_bytes - cache_bytes // _SIGHTS_SHARE)

    @property
    def caches(self) -> Mapping[str, Recent[Any]]:
        """What is kept, by kind."""
        return MappingProxyType({"picture": self._sights, "prefix": self._prefixes})

    def questions(self, items: Sequence[Prompted], ids: Sequence[Sequence[int]]) -> list[Question]:
        """``ids`` are the prompts' tokens with one placeholder each. Encodes the pictures that are new."""
        pictures = [_digest(item) for item in items]

        def see(new: list[int]) -> list[Sight]:
            return self._family.see([rgb_image(items[n].image, items[n].width, items[n].height) for n in new])

        sights = self._sights.all_of(pictures, see)
        return [
            Question(self._expanded(tokens, sight.tokens), sight, picture)
            for tokens, sight, picture in zip(ids, sights, pictures, strict=True)
        ]

    def read(self, questions: Sequence[Question]) -> tuple[Laid, Mapping[str, Any]]:
        """The questions side by side, read up to where each of them goes its own way, and what else the model needs to
        go on from there."""

        def read(new: list[int]) -> list[Prefix]:
            return self._read([questions[index] for index in new])

        prefixes = self._prefixes.all_of([self._opening(question) for question in questions], read)
        prompts = [question.tokens for question in questions]
        laid = lay_on(prompts, prefixes, self._family.cross_layers, self._pad, self._model.device)
        return laid, self._family.later(laid.ids, [question.sight for question in questions])

    def _read(self, questions: Sequence[Question]) -> list[Prefix]:
        laid = lay_out([question.tokens[:-1] for question in questions], self._pad, self._model.device)
        self._model(
            input_ids=laid.ids,
            attention_mask=laid.mask,
            position_ids=laid.positions,
            past_key_values=laid.past,
            use_cache=True,
            logits_to_keep=1,
            **self._family.first(laid.ids, [question.sight for question in questions]),
        )
        return taken_apart(laid, self._family.cross_layers)

    def _expanded(self, ids: Sequence[int], count: int) -> Tokens:
        tokens = np.asarray(ids, dtype=np.int64)
        return np.repeat(tokens, np.where(tokens == self._image_token, count, 1))

    def _opening(self, question: Question) -> bytes:
        """The key of all that begins like ``question`` up to the picture's end."""
        end = int(np.flatnonzero(question.tokens == self._image_token)[-1]) + 1
        return hashlib.sha256(question.picture + question.tokens[:end].tobytes()).digest()


def _digest(item: Prompted) -> bytes:
    digest = hashlib.sha256(f"{item.width} {item.height} ".encode())
    digest.update(item.image)
    return digest.digest()
