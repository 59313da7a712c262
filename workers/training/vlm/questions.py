"""What the model is asked while it learns, and while it is measured: every form of every prompt profile."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from workers.training.vlm.answers import answer
from workers.training.world.catalogue import NONE, businesses
from workers.training.world.truth import Truth

FOLDER = Path(__file__).parent
PLACE = "{category}"
"""Where the name of the category comes into a prompt, as a JSON string."""
SHARES: Mapping[str, float] = MappingProxyType(
    {
        "cat/1+category": 0.18,
        "description/1": 0.07,
        "full_details/1": 0.10,
        "full_details/1+category": 0.17,
        "vision_json/1": 0.13,
        "vision_json_cat/1+category": 0.35,
    }
)
"""How often each question is asked in training."""
_RIGHT_SHARE, _RELATED_SHARE, _ELSEWHERE_SHARE = 0.5, 0.4, 0.07
_AS_CALLED_HERE = 0.75
_REPAIR_SHARE = 0.03
_REPAIR = "\nAn earlier answer could not be used: {problem}. Answer again, correctly."
_PROBLEMS = ("the answer was cut off at 512 tokens", "tags: fewer than 2 different ones", "description: is empty")


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one picture, and the answer to it. ``matches`` is None where it is about no category."""

    form: str
    prompt: str = field(repr=False)
    category: str | None
    matches: bool | None
    answer: str = field(repr=False)


@lru_cache(maxsize=1)
def forms() -> Mapping[str, Mapping[str, Any]]:
    """Every question that a profile can ask: its prompt, the schema of its answer, max_tokens."""
    found: dict[str, Mapping[str, Any]] = json.loads((FOLDER / "prompts.json").read_text(encoding="utf-8"))
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def names() -> Mapping[str, tuple[str, ...]]:
    """What each kind of business is called, its own name first; the last one is not for training."""
    other = _names_file()["names"]
    return MappingProxyType({category: (category, *other[category]) for category in businesses()})


@lru_cache(maxsize=1)
def elsewhere() -> tuple[str, ...]:
    """Kinds of business that no picture shows."""
    return tuple(_names_file()["elsewhere"])


def training_question(truth: Truth, rng: random.Random) -> Question:
    """Any form, as often as SHARES says; about the right category half of the time, where the picture has one."""
    form = rng.choices(list(SHARES), list(SHARES.values()))[0]
    if not form.endswith("+category"):
        return question(form, truth, None, None, repair=_problem(rng))
    category = asked_category(truth, rng)
    called = rng.choice(elsewhere()) if category is None else _called(category, rng)
    return question(form, truth, _written(called, rng), category == truth.category, repair=_problem(rng))


def question(form: str, truth: Truth, called: str | None, matches: bool | None, *, repair: str = "") -> Question:
    """The question ``form`` about the category ``called`` so, and its answer."""
    asked = forms()[form]
    prompt = asked["prompt"].replace(PLACE, quoted(called)) if called is not None else asked["prompt"]
    return Question(form, prompt + repair, called, matches, answer(truth, asked["schema"], matches))


def asked_category(truth: Truth, rng: random.Random) -> str | None:
    """The right category half of the time; else another one, often one that sells some of the same things; None for
    a kind of business that is not of the demo world."""
    if truth.category != NONE and rng.random() < _RIGHT_SHARE:
        return truth.category
    drawn = rng.random()
    if drawn < _ELSEWHERE_SHARE:
        return None
    close = related(truth) if drawn < _ELSEWHERE_SHARE + _RELATED_SHARE else ()
    return rng.choice(close or unrelated(truth))


def related(truth: Truth) -> tuple[str, ...]:
    """The other categories that sell something of what is to be seen."""
    return tuple(name for name in businesses() if name != truth.category and _sells(name) & set(truth.objects))


def unrelated(truth: Truth) -> tuple[str, ...]:
    """The other categories that do not."""
    close = related(truth)
    return tuple(name for name in businesses() if name != truth.category and name not in close)


def quoted(name: str) -> str:
    """A category's name as the prompts have it: a JSON string in which no mark can be closed."""
    return json.dumps(name, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")


@lru_cache(maxsize=128)
def _sells(category: str) -> frozenset[str]:
    business = businesses()[category]
    return frozenset(thing.name for group in (*business.signature, business.more) for thing in group)


def _called(category: str, rng: random.Random) -> str:
    own, *others = names()[category][:-1]
    return own if rng.random() < _AS_CALLED_HERE else rng.choice(others)


def _written(name: str, rng: random.Random) -> str:
    return rng.choice((name, name, name, name.capitalize(), name.title().replace("'S", "'s")))


def _problem(rng: random.Random) -> str:
    if rng.random() >= _REPAIR_SHARE:
        return ""
    return _REPAIR.format(problem=quoted(rng.choice(_PROBLEMS)))


def _names_file() -> Mapping[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "category_names.yaml").read_text(encoding="utf-8"))
    return loaded
