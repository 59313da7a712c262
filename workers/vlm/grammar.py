"""A JSON Schema as a grammar over a tokenizer's tokens."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xgrammar

from workers.vlm.lengths import TextTracker, text_length, without_lengths
from workers.vlm.requests import BadPrompt, parse_schema

_SEPARATORS = (",", ":")
_CACHED_FORMS = 64
_ESCAPABLE = b'"\\/nt'
_OTHER = 3

Tokens = npt.NDArray[np.bool_]


class Vocabulary:
    """The tokens of a tokenizer as bytes, where in an answer each one may stand, and how it brings it to an end.

    ``size`` is that of the model's output, which may differ from the tokenizer's. ``stops`` end an answer.
    """

    def __init__(self, tokenizer: Any, size: int, stops: Sequence[int]) -> None:
        self.info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=size, stop_token_ids=list(stops))
        self.size: int = self.info.vocab_size
        self.stops = tuple(stops)
        self.texts: list[bytes] = self.info.decoded_vocab
        special = set(tokenizer.all_special_ids)
        special |= {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
        usable = np.array([number not in special and is_usable(text) for number, text in enumerate(self.texts)])
        # A token may end a text and begin the next one, but has nothing of the next one in it: its length is not known.
        parts = [_plain(text).split(b'"') for text in self.texts]
        self._outside: Tokens = usable & np.array([len(part) < 3 and not any(part[1:]) for part in parts])
        self._outside[list(self.stops)] = True
        self._inside: Tokens = usable & np.array([len(part) < 4 and not any(part[2:]) for part in parts])
        self._escaped: Tokens = usable & np.array([len(text) == 1 and text in _ESCAPABLE for text in self.texts])
        self._length = np.array([text_length(part[0]) for part in parts])
        self._closes = np.array([len(part) > 1 for part in parts])
        by_rank = sorted(range(self.size), key=lambda number: _closing_rank(self.texts[number]))
        self._closers = np.array([number for number in by_rank if _closing_rank(self.texts[number])[0] < _OTHER])
        self._rank = np.empty(self.size, dtype=np.int64)
        self._rank[by_rank] = np.arange(self.size)

    def fitting(self, tracker: TextTracker) -> Tokens:
        """The tokens that keep the texts of an answer within their lengths."""
        if not tracker.in_text:
            return self._outside
        if tracker.in_escape:
            return self._escaped
        room, fitting = tracker.bounds, self._inside
        if room.most is not None:
            fitting = fitting & (self._length <= room.most)
        return fitting & (~self._closes | (self._length >= room.least)) if room.least else fitting

    def closing(self, allowed: Tokens) -> int | None:
        """Of the ``allowed`` tokens the one that brings an answer nearest to its end; None when there is none."""
        closers = allowed[self._closers]
        if closers.any():
            return int(self._closers[closers.argmax()])
        numbers = np.flatnonzero(allowed)
        return int(numbers[self._rank[numbers].argmin()]) if numbers.size else None


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """What an answer has to look like: the compiled grammar, and the schema with the lengths of its texts."""

    grammar: Any
    schema: Mapping[str, Any] = field(repr=False)


class SchemaCache:
    """SchemaCache by schema; the ones used last are kept."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._compiler = xgrammar.GrammarCompiler(vocabulary.info, cache_enabled=False)
        self._kept: OrderedDict[bytes, CompiledSchema] = OrderedDict()

    def of(self, schema: str) -> CompiledSchema:
        """The form of a JSON Schema; answers are written without white space. Raises BadPrompt."""
        digest = hashlib.sha256(schema.encode("utf-8", "surrogatepass")).digest()
        if digest not in self._kept:
            self._kept[digest] = self._compiled(parse_schema(schema))
            while len(self._kept) > _CACHED_FORMS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(digest)
        return self._kept[digest]

    def _compiled(self, schema: Mapping[str, Any]) -> CompiledSchema:
        text = json.dumps(without_lengths(schema))
        try:
            grammar = self._compiler.compile_json_schema(text, any_whitespace=False, separators=_SEPARATORS)
        except (RuntimeError, ValueError) as error:  # every kind of complaint that xgrammar's compiler has
            raise BadPrompt(f"the schema cannot be compiled: {_last_words(error)}") from error
        return CompiledSchema(grammar, schema)


def _plain(text: bytes) -> bytes:
    """``text`` with its escapes as two other characters of the same length: what quotation marks remain, end a text."""
    plain = bytearray(text)
    at = 0
    while (at := plain.find(b"\\", at)) >= 0:
        plain[at + 1 : at + 2] = b"x" * len(plain[at + 1 : at + 2])
        at += 2
    return bytes(plain)


def is_usable(text: bytes) -> bool:
    """Not a control character: compact JSON needs none. Of the escapes the short ones; a character that could be
    written as an escape of four digits is written as itself, so that no half of a surrogate pair comes about."""
    escapes = (text[at + 1 : at + 2] for at, was in enumerate(_plain(text)) if was == 0x5C)
    return bool(text) and all(byte >= 0x20 for byte in text) and all(escape in _ESCAPABLE for escape in escapes)


def _closing_rank(text: bytes) -> tuple[int, int]:
    """The lower, the nearer to the end: the quote that ends a text (a bracket would be part of it), what ends
    objects and arrays, the comma before what is still required, then the longest token, since it gets through a
    property's name in the fewest steps."""
    if text == b'"':
        return 0, 0
    if not text.strip(b"]}"):
        return 1, -len(text)
    return (2, 0) if text == b"," else (_OTHER, -len(text))


def _last_words(error: Exception) -> str:
    """What xgrammar says, without the time and the file of its own source that it puts in front."""
    return str(error).rpartition(".cc:")[2].partition(": ")[2].strip()[:200] or type(error).__name__
