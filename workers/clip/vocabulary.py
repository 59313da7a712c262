"""The words that a picture can be tagged with, as data."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

BUILT_IN = Path(__file__).with_name("vocabulary.yaml")
Prompts = Annotated[list[str], Field(min_length=1)]


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


class Vocabulary(_Part):
    """At most ``most_tags`` tags are given, none with a score below ``threshold``."""

    threshold: float = Field(ge=0, le=1)
    most_tags: int = Field(ge=1)
    tags: Annotated[dict[str, Prompts], Field(min_length=2)]
    classes: Annotated[dict[str, ImageClass], Field(min_length=2)]
    quality: Annotated[list[QualityPair], Field(min_length=1)]


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary in ``path``. Raises OSError, ValueError or yaml.YAMLError when it is none."""
    return Vocabulary.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
