"""Sentences about what was seen. They say what the tags say and nothing beyond it."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from workers.vlm.template.observations import Look, Seen

MAX_ALT_CHARS = 120
MAX_ALT_THINGS = 3
MAX_THINGS = 6
MAX_TOPICS = 4
NOT_READ = "Any text in it was not read."
_SMALL_WORDS = frozenset({"and", "the", "with", "for"})
_WORD = re.compile(r"\w+")


def alt_text(seen: Seen) -> str:
    """One short sentence: the scene and the first things in it, as many as fit. No two things share a word that says
    something, which would read like a list of search terms."""
    if not seen.scene and not (seen.things or seen.people):
        return sentence(_impression(seen.look, seen.look.words, "picture"))
    things = _unlike([*seen.things, *seen.people])[:MAX_ALT_THINGS]
    for count in range(len(things), 0, -1):
        text = sentence(_pictured(seen, things[:count]))
        if len(text) <= MAX_ALT_CHARS:
            return text
    return sentence(seen.scene or listed([*seen.things, *seen.people][:1]))


def description(seen: Seen) -> tuple[str, ...]:
    """One to three sentences, the most telling first."""
    things = [*seen.things[:MAX_THINGS], *seen.people]
    sentences = [_first(seen, things)]
    if things and not _by_things(seen):
        sentences.append(sentence(f"{listed(things)} can be seen"))
    if seen.guess is not None:
        sentences.append(sentence(f"the business may be {seen.guess}"))
    elif seen.topics and not things and seen.kind is None:
        tags = "tags are" if len(seen.topics) > 1 else "tag is"
        sentences.append(sentence(f"its {tags} {listed(seen.topics[:MAX_TOPICS])}"))
    return tuple(sentences)


def tags(seen: Seen) -> tuple[str, ...]:
    """Short keywords, most telling first; what the pixels say fills up where CLIP knows too little."""
    return tuple(dict.fromkeys([*seen.tags, f"{seen.look.format} format", *seen.look.words, "picture"]))


def listed(phrases: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(part for part in (", ".join(phrases[:-1]), *phrases[-1:]) if part)


def sentence(words: str) -> str:
    """With a capital letter and a full stop."""
    return f"{words[:1].upper()}{words[1:]}."


def _by_things(seen: Seen) -> bool:
    """Whether the things stand in the place of the scene."""
    return bool(seen.things or seen.people) and (seen.by_things or not seen.scene)


def _first(seen: Seen, things: Sequence[str]) -> str:
    shot = "screenshot" if "screenshot" in seen.flags else "picture"
    if not seen.scene and not things:
        unknown = "" if seen.topics else "; what it shows is not known"
        return sentence(f"{_impression(seen.look, (*seen.faults, *seen.look.words), shot)}{unknown}")
    shown = seen.scene
    if _by_things(seen):
        shown = listed(things) if seen.kind is None else f"{listed(things)} from {seen.kind}"
    looks = f", which is {listed(seen.faults)}," if seen.faults else ""
    return sentence(f"the {shot}{looks} shows {shown}")


def _pictured(seen: Seen, things: Sequence[str]) -> str:
    """A noun phrase with ``things``, of which there is at least one."""
    if _by_things(seen):
        return f"{listed(things)} {'on view' if seen.kind is None else f'from {seen.kind}'}"
    return f"{seen.scene}{' and ' if ' with ' in seen.scene else ' with '}{listed(things)}"


def _impression(look: Look, adjectives: Sequence[str], shot: str) -> str:
    """What can be said of a picture of which nothing was recognised."""
    looks = listed(list(dict.fromkeys(adjectives)))
    return f"the {shot} is {looks}{', ' if looks else ''}in {look.format} format"


def _unlike(phrases: Iterable[str]) -> list[str]:
    """Those that share no telling word with one before them, and say none twice in a row ("yo-yo")."""
    used: set[str] = set()
    kept = []
    for phrase in phrases:
        words = _WORD.findall(phrase.casefold())
        if not _telling(phrase) & used and all(one != other for one, other in pairwise(words)):
            used |= _telling(phrase)
            kept.append(phrase)
    return kept


def _telling(text: str) -> set[str]:
    return {word.rstrip("s") for word in _WORD.findall(text.casefold()) if len(word) > 2 and word not in _SMALL_WORDS}
