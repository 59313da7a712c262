"""The name of a category: where it stands in a prompt, and which kind of business it means."""

import json
import re
import unicodedata
from collections.abc import Mapping

from workers.vlm.requests import BadPrompt
from workers.vlm.template.words import Kind, Wording

MAX_NAME_CHARS = 200
_MARKED = re.compile(r"<category>(.*?)</category>", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")


def category_in(prompt: str) -> str:
    """What stands between the marks, as one line: a JSON string, or else the text itself. It is data; nothing in it is
    followed. Raises BadPrompt when there is no such name."""
    found = _MARKED.search(prompt)
    if found is None:
        raise BadPrompt("the schema asks for cat_match, but no category stands between <category> marks")
    inner = found[1].strip()
    try:
        value = json.loads(inner)
    except (ValueError, RecursionError):
        value = inner
    text = value if isinstance(value, str) else inner
    plain = text[:MAX_NAME_CHARS].encode("utf-8", "ignore").decode()  # half of a surrogate pair is no text
    name = " ".join("".join(char if char.isprintable() else " " for char in plain).split())
    if not name:
        raise BadPrompt("the category between the marks has no name")
    return name


class KindNames:
    """Which kind of business a name means, by its words: "Bakeries" and "The Bakery Shop" are both a bakery."""

    def __init__(self, wording: Wording) -> None:
        self._kindless = wording.kindless
        self._kinds: Mapping[frozenset[str], str] = {
            key: name
            for name, kind in reversed(wording.kinds.items())
            for called in reversed(_names(name, kind))
            if (key := self._key(called))
        }

    def kind_of(self, name: str) -> str | None:
        """The kind, None for a name that is none of theirs."""
        return self._kinds.get(self._key(name))

    def related(self, name: str) -> frozenset[str]:
        """The kinds that a name narrows or widens: a beer bar is a bar, "repair" may be that of a garage."""
        words = self._key(name)
        return frozenset(kind for key, kind in self._kinds.items() if words and (key <= words or words <= key))

    def _key(self, name: str) -> frozenset[str]:
        words = _WORD.findall(unicodedata.normalize("NFC", name).casefold())
        telling = [word for word in words if word not in self._kindless and word.rstrip("s") not in self._kindless]
        return frozenset(_singular(word) for word in (telling or words))


def _names(name: str, kind: Kind) -> tuple[str, ...]:
    return (name, kind.noun, *kind.also)


def _singular(word: str) -> str:
    """Good enough for the names of businesses: bakeries, dishes, shops."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + instead
    return word if word.endswith("ss") or len(word) < 4 else word.removesuffix("s")
