"""The words that a picture can be tagged with, as data."""

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

BUILT_IN = Path(__file__).with_name("vocabulary.yaml")
Prompts = Annotated[list[str], Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageClass(_Part):
    """``showable``: whether a picture of this class may stand for a business."""

    showable: bool
    prompts: Prompts


class QualityPair(_Part):
    """Two opposite captions."""

    good: str
    bad: str


class Flag(_Part):
    """Something that can be wrong with a picture: the caption when it is, and the caption when it is not."""

    present: str
    absent: str
    threshold: Share = 0.5


class Group(_Part):
    """Tags that compete with each other: kinds of business, say, or things. A tag's captions are its phrases (its name
    and its synonyms, say) in the ``templates``. When there are too many tags, those of a lower ``priority`` go first.
    """

    threshold: Share
    priority: int = 0
    templates: Prompts = ["{}"]
    tags: Annotated[dict[str, Prompts], Field(min_length=2)]

    def captions(self) -> list[list[str]]:
        """The captions of each tag."""
        return [[form.format(one) for one in phrases for form in self.templates] for phrases in self.tags.values()]


class Vocabulary(_Part):
    """At most ``most_tags`` tags are given, none with a score below the threshold of its group.

    ``tags`` with ``threshold`` are one group; ``groups`` are for vocabularies of several. No name is in two.
    """

    threshold: Share = 0.0
    most_tags: int = Field(ge=1)
    tags: dict[str, Prompts] = {}
    groups: dict[str, Group] = {}
    classes: Annotated[dict[str, ImageClass], Field(min_length=2)]
    quality: Annotated[list[QualityPair], Field(min_length=1)]
    flags: dict[str, Flag] = {}

    def all_groups(self) -> list[Group]:
        """Every group, the one of ``tags`` first."""
        own = [Group(threshold=self.threshold, tags=self.tags)] if self.tags else []
        return [*own, *self.groups.values()]

    @model_validator(mode="after")
    def _has_tags_once(self) -> Self:
        names = [name for group in self.all_groups() for name in group.tags]
        if not names:
            raise ValueError("there are no tags")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"in two groups: {', '.join(twice)}")
        return self


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary in ``path``. Raises OSError, ValueError or yaml.YAMLError when it is none."""
    return Vocabulary.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
