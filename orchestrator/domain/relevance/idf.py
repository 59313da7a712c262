"""Category names as phrases and as words, and how much each word says: the rarer among all names known, the more."""

import hashlib
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from orchestrator.domain.catalogue.model import IdfSnapshot

MAX_PHRASE_CHARS = 256
"""A longer name is a list of things rather than a phrase, and as long as texts that are not remembered."""

STOP_WORDS = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "of", "on", "or", "our", "that", "the"}
    | {"their", "this", "to", "was", "were", "with", "your"}
)
"""English words that only join others. Words with a second meaning in names stay out of the list: "it" services, "us"
visas, "will" writing, "take out", "no parking"."""

_JOINERS = "\u200c\u200d"  # invisible, but part of the spelling in Persian and in the scripts of India
_KEPT = frozenset("+#.'" + _JOINERS)
_WORD = re.compile(r"\.?[^\s+#.']+(?:[.'][^\s+#.']+)*[+#]*")


def phrase_of(name: str) -> str:
    """The whole name as it is compared: in lower case, with single spaces. Empty when the name is blank."""
    return " ".join(unicodedata.normalize("NFKC", name).lower().replace("\u2019", "'").split())


def texts_of(name: str) -> tuple[str, ...]:
    """The texts whose vectors stand for a name: its phrase, or its words when it is too long for one."""
    phrase = phrase_of(name)
    return words_of(name) if len(phrase) > MAX_PHRASE_CHARS else (phrase,) if phrase else ()


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, in order, a repeated one repeated; never none unless the name is blank.

    Letters, marks and digits of every script make words; everything else separates them, with four exceptions that
    belong to a word: "+" and "#" after it (c++, c#), a dot before or inside it (.net, node.js), an apostrophe inside
    it. Stop words are left out, unless there is nothing else. A name without any word ("☕") is its own only word.
    """
    text = phrase_of(name)
    pieces = _WORD.findall("".join(char if _belongs(char) else " " for char in text))
    words = tuple(piece for piece in pieces if any(char.isalnum() for char in piece))
    return tuple(word for word in words if word not in STOP_WORDS) or words or ((text,) if text else ())


def idf_snapshot_of(names: Iterable[str]) -> IdfSnapshot:
    """In how many distinct names each word occurs. Names that differ in case or spacing only are one.

    The version is a digest of the sorted content: the same names give the same version in any order.
    """
    distinct = {normal for name in names if (normal := phrase_of(name))}
    counts = Counter(word for name in distinct for word in set(words_of(name)))
    frequencies = dict(sorted(counts.items()))
    content = json.dumps([len(distinct), list(frequencies.items())], ensure_ascii=False).encode()
    return IdfSnapshot(hashlib.sha256(content).hexdigest()[:16], len(distinct), frequencies)


def idf(snapshot: IdfSnapshot, word: str) -> float:
    """Inverse document frequency, smoothed: ln((1 + documents) / (1 + frequency)) + 1, at least 1.

    This is scikit-learn's ``TfidfTransformer(smooth_idf=True)``: as if one more name held every word once. A word that
    is not known has frequency 0 and counts as the rarest; with an empty snapshot every word counts 1.
    """
    frequency = min(snapshot.frequencies.get(word, 0), snapshot.documents)
    return math.log((1 + snapshot.documents) / (1 + frequency)) + 1.0


def _belongs(char: str) -> bool:
    return char in _KEPT or unicodedata.category(char)[0] in "LMN"
