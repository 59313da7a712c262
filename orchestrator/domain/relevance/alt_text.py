"""Alt text: candidates, what speaks against one, and the choice among those nothing speaks against."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from orchestrator.domain.relevance.idf import STOP_WORDS
from orchestrator.domain.relevance.language import language_of

MAX_ALT_TEXT_CHARS = 125
"""Where screen readers begin to break an alt text into pieces."""
MIN_ALT_TEXT_CHARS = 10
MIN_WORDS = 2
MAX_COMPOSED_TAGS = 3
MAX_SAME_WORD = 2

Source = Literal["model", "description", "tags"]

_OPENING = re.compile(
    r"(?:(?:this|the|an?) )?(?:close-?up )?(?:image|picture|photo|photograph|photography|pic|snapshot)"
    r"(?: (?:of|showing|depicting)| (?:that )?(?:shows|depicts|features|is of)):? +",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_MARKUP = re.compile(r"<[a-z/!?]", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(
    r"https?://\S+|www\.\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|info|biz|shop|io|co|in|uk|de|eu)\b", re.I
)
_PHONE = re.compile(r"\+?\d(?:[\s().-]{0,2}\d){6,}")
_PRICE = re.compile(
    r"(?:[$€£¥₹]|\b(?:rs\.?|inr|usd|eur|gbp))\s*\d[\d.,]*|\d[\d.,]*\s*(?:[$€£¥₹]|(?:rupees|dollars|euros|usd|eur|inr)\b)",
    re.IGNORECASE,
)
_NO_CLASS = frozenset({"other", "unknown"})
_CLAIMS = (("an email address", _EMAIL), ("a web address", _URL), ("a price", _PRICE), ("a phone number", _PHONE))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may become the alt text. ``similarity`` is the cosine of its vector and the picture's, None when it
    was not or could not be compared; ``problem`` is what speaks against it."""

    text: str
    source: Source
    similarity: float | None = None
    problem: str | None = None


def candidate_texts(
    alt_text: str, description: str, tags: Sequence[str], image_class: str
) -> tuple[tuple[Source, str], ...]:
    """The candidates, cleaned, best first as long as nothing is known of their likeness to the picture: the model's
    own, the first sentence of the description, one composed of class and tags. None empty, none twice."""
    texts: tuple[tuple[Source, str], ...] = (
        ("model", clean(alt_text)),
        ("description", clean(first_sentence(description))),
        ("tags", clean(composed(image_class, tags))),
    )
    first: dict[str, tuple[Source, str]] = {}
    for source, text in texts:
        first.setdefault(text.casefold(), (source, text))
    return tuple(pair for pair in first.values() if pair[1])


def first_sentence(text: str) -> str:
    """Up to the first full stop, exclamation or question mark that is followed by anything but a small letter."""
    return _SENTENCE_END.split(text.strip(), maxsplit=1)[0]


def composed(image_class: str, tags: Sequence[str]) -> str:
    """ "Cafe: cake, coffee and table" from a class and the first three tags that say something else. A class that names
    nothing ("other", "unknown") is not said."""
    said = "" if image_class.strip().casefold() in _NO_CLASS else image_class.strip()
    distinct = dict.fromkeys(tag.strip() for tag in tags if tag.strip().casefold() != said.casefold())
    names = [tag for tag in distinct if tag][:MAX_COMPOSED_TAGS]
    listed = " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
    return ": ".join(part for part in (said, listed) if part)


def clean(text: str) -> str:
    """On one line, without an opening such as "image of", which a screen reader says by itself; at most 125
    characters, cut between words; beginning with a capital."""
    plain = " ".join(text.split())
    plain = plain[match.end() :] if (match := _OPENING.match(plain)) else plain
    if len(plain) > MAX_ALT_TEXT_CHARS:
        plain = plain[: MAX_ALT_TEXT_CHARS + 1].rpartition(" ")[0] or plain[:MAX_ALT_TEXT_CHARS]
        plain = plain.rstrip(" ,;:-\u2013(")
    return plain[:1].upper() + plain[1:]


def problem_of(text: str, description: str, tags: Iterable[str], readable_text: str = "") -> str | None:
    """What speaks against a cleaned text, in words, or None.

    Phone numbers, prices and addresses of mail or web are only let through when ``readable_text``, what can be read in
    the picture, holds them: models make them up. A text has to share a content word with the description or the tags.
    """
    words = [word.casefold() for word in _WORD.findall(text)]
    if len(text) < MIN_ALT_TEXT_CHARS or len(words) < MIN_WORDS:
        return "too short"
    if language_of(text) != "en":
        return "not in English"
    if _MARKUP.search(text):
        return "holds markup"
    for name, pattern in _CLAIMS:
        if any(not _occurs(match[0], readable_text) for match in pattern.finditer(text)):
            return f"holds {name} that cannot be read in the picture"
    if _repeats(words):
        return "repeats words"
    if not _content(words) & _content(_WORD.findall(" ".join((description, *tags)).casefold())):
        return "shares no word with description or tags"
    return None


def choose(candidates: Sequence[Candidate]) -> Candidate | None:
    """The one most like the picture among those nothing speaks against; among equals, and where nothing was compared,
    the first. None when there is none."""
    valid = [one for one in candidates if one.problem is None]
    return max(valid, key=lambda one: one.similarity or 0.0, default=None)


def _occurs(claim: str, readable_text: str) -> bool:
    return _squeezed(claim) in _squeezed(readable_text)


def _squeezed(text: str) -> str:
    return re.sub(r"[\s().-]", "", text.casefold())


def _repeats(words: Sequence[str]) -> bool:
    in_a_row = any(one == other for one, other in pairwise(words))
    counts = Counter(word for word in words if word not in STOP_WORDS)
    return in_a_row or any(count > MAX_SAME_WORD for count in counts.values())


def _content(words: Iterable[str]) -> set[str]:
    """Words that say something, singular and plural as one."""
    return {word.rstrip("s") for word in words if len(word) > 2 and word not in STOP_WORDS}
