"""The words that answers are composed of, as data."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

BUILT_IN = Path(__file__).with_name("wording.yaml")
Captions = Annotated[tuple[str, ...], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(_Part):
    """A kind of business: what it is called in a sentence, and other names of the same kind."""

    noun: str
    also: tuple[str, ...] = ()


class View(_Part):
    """A class of pictures: how a sentence calls it alone and, where it can have one, with ``{kind}``. With
    ``by_things``, what is in the picture is named in its place."""

    alone: str
    of: str | None = None
    by_things: bool = False


class People(_Part):
    """Tags that are people."""

    one: frozenset[str]
    several: frozenset[str]


class Wording(_Part):
    """The content of wording.yaml, where each part is explained."""

    kinds: Annotated[dict[str, Kind], Field(min_length=2)]
    kindless: frozenset[str]
    captions: Captions
    neutral: Annotated[tuple[Captions, ...], Field(min_length=1)]
    views: dict[str, View]
    faults: dict[str, str]
    places: dict[str, str]
    people: People
    articled: frozenset[str]
    bare: frozenset[str]
    general: frozenset[str]
    phrases: dict[str, str]

    def phrase(self, thing: str) -> str | None:
        """``thing`` as it stands in a sentence; None for a word whose grammar is not known."""
        if thing in self.phrases:
            return self.phrases[thing]
        if thing in self.articled:
            return with_article(thing)
        return thing if thing in self.bare | self.general else None


def with_article(words: str) -> str:
    """The words with "a" or "an"."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def read_wording(path: Path = BUILT_IN) -> Wording:
    """The wording in ``path``. Raises OSError, ValueError or yaml.YAMLError when it is none."""
    return Wording.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
