"""Whether a text is English: a heuristic, good enough to know a model that answered in another language."""

import re
import unicodedata
from typing import Literal

Language = Literal["en", "other"]

MIN_LATIN_SHARE = 0.9
MIN_FUNCTION_WORD_SHARE = 0.12
SHORT_WORDS = 8
"""Texts of fewer words need not hold a function word: "Red velvet cake"."""

_FUNCTION_WORDS = frozenset(
    # a list of literals would be one word a line
    "the and with are is to it its this that these there by from for at be which has have of on near".split()  # noqa: SIM905
)
"""Frequent in English prose. Left out are those that are frequent in other languages too: a, in, an, as, or, was."""
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> Language:
    """ "en" when at least 90 % of the letters are Latin and at least 12 % of the words are English function words; of
    a text of fewer than 8 words only the letters are looked at, and all have to be Latin.

    English prose has a share of 25 % or more of these words. A text without any letter is "other". A short text in
    another language that is written with Latin letters passes for English: there is too little to tell by.
    """
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return "other"
    latin = sum(_is_latin(char) for char in letters) / len(letters)
    words = _WORD.findall(text.lower())
    if len(words) < SHORT_WORDS:
        return "en" if latin == 1 else "other"
    known = sum(word in _FUNCTION_WORDS for word in words) / len(words)
    return "en" if latin >= MIN_LATIN_SHARE and known >= MIN_FUNCTION_WORD_SHARE else "other"


def _is_latin(char: str) -> bool:
    return char.isascii() or unicodedata.name(char, "").startswith("LATIN")
