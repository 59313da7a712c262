"""Which question is asked about one picture: a profile, and the examples that its strategy shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.examples import Example, Known, digest, nearest
from orchestrator.domain.prompts.profiles import VISION_JSON_CAT, PromptProfile
from orchestrator.domain.prompts.request import Ask


@dataclass(frozen=True, slots=True)
class Prompting:
    """How pictures are asked about: ``prompt`` is the profile of jobs that name none, ``examples`` are there to be
    shown by profiles that show any; ``examples_digest`` changes with them."""

    prompt: str = VISION_JSON_CAT.name
    examples: tuple[Example, ...] = ()
    examples_digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Once, and not for every job: there may be thousands of examples."""
        object.__setattr__(self, "examples_digest", digest(self.examples))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one picture. ``shown`` are the places of the examples shown, nearest first."""

    profile: PromptProfile
    category: Category | None
    prompting: Prompting
    shown: tuple[int, ...] = ()

    def ask(self) -> Ask:
        """It in words."""
        return self.profile.ask(self.category, [self.prompting.examples[place] for place in self.shown])

    def record(self) -> dict[str, Any]:
        """What to keep of it beside the answer. The version changes with the profile, its strategy and the examples
        there were to choose from; examples are counted from 1, in the order of their file."""
        judged = self.category if self.profile.needs_category else None
        version = f"{self.profile.version}@{self.prompting.examples_digest}" if self.shown else self.profile.version
        numbers = {"examples": [place + 1 for place in self.shown]} if self.shown else {}
        return {
            "category_id": judged.category_id if judged else None,
            "prompt": self.profile.name,
            "prompt_version": version,
            "strategy": self.profile.strategy.name,
            **numbers,
        }


def question(profile: PromptProfile, category: Category | None, picture: Known, prompting: Prompting) -> Question:
    """``profile`` about ``category``. Where it wants examples and none is near, its form without takes its place: the
    record then names that one."""
    most = profile.strategy.example_count
    if not most or category is None:
        return Question(profile, category, prompting)
    shown = nearest(prompting.examples, picture, category.name, most)
    if not shown and profile.without_examples is not None:
        return Question(profile.without_examples, category, prompting)
    return Question(profile, category, prompting, shown)


def known_of(image: str, clip: Mapping[str, Any], sha256: str) -> Known:
    """What the section ``clip`` of the document ``image`` says of the picture with this hash: nothing, if it was made
    of another one."""
    about_this = clip.get("source_sha256") == sha256
    return Known(image, dict(clip.get("tags", ())) if about_this else {})
