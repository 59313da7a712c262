"""What the model is asked while it learns, and while it is measured: every form of every prompt profile."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from workers.training.vlm.answers import answer, things_of
from workers.training.vlm.examples import nearest, with_examples
from workers.training.world.catalogue import NONE, businesses
from workers.training.world.truth import Truth

FOLDER = Path(__file__).parent
PLACE = "{category}"
"""Where the name of the category comes into a prompt, as a JSON string."""
OTHER = ""
SHARES: Mapping[str, float] = MappingProxyType(
    {
        "cat/1+category": 0.14,
        "description/1": 0.06,
        "full_details/1": 0.09,
        "full_details/1+category": 0.14,
        "vision_json/1": 0.11,
        "vision_json_cat/1+category": 0.22,
        "vision_json_cat_evidence/1+category": 0.10,
        "vision_json_cat_few_shot/1+category": 0.08,
        "vision_json_cat_role/1+category": 0.06,
    }
)
"""How often each question is asked in training."""
_RIGHT_SHARE, _RELATED_SHARE, _ELSEWHERE_SHARE = 0.5, 0.4, 0.07
_AS_CALLED_HERE = 0.75
_REPAIR_SHARE = 0.03
_TAGGED_SHARE = 0.8
_REPAIR = "\nAn earlier answer could not be used: {problem}. Answer again, correctly."
_PROBLEMS = ("the answer was cut off at 512 tokens", "tags: fewer than 2 different ones", "description: is empty")


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one picture, and the answer to it. ``matches`` is None where it is about no category; else
    ``kinds`` are the kind of business asked about and the one shown, OTHER for any that the demo world has not. Of
    ``is_hearsay`` all but the verdict is about another picture."""

    form: str
    prompt: str = field(repr=False)
    category: str | None
    matches: bool | None
    answer: str = field(repr=False)
    kinds: tuple[str, str] | None = None
    is_hearsay: bool = False


@lru_cache(maxsize=1)
def forms() -> Mapping[str, Mapping[str, Any]]:
    """Every question that a profile can ask: its prompt, the schema of its answer, max_tokens; of one that shows
    examples also their lines, and how many of them at ``most``."""
    found: dict[str, Mapping[str, Any]] = json.loads((FOLDER / "prompts.json").read_text(encoding="utf-8"))
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def kinds() -> tuple[str, ...]:
    """Every kind of business of the demo world, and OTHER."""
    return (OTHER, *businesses())


@lru_cache(maxsize=1)
def names() -> Mapping[str, tuple[str, ...]]:
    """What each kind of business is called, its own name first; the last one is not for training."""
    other = _names_file()["names"]
    return MappingProxyType({category: (category, *other[category]) for category in businesses()})


@lru_cache(maxsize=1)
def elsewhere() -> tuple[str, ...]:
    """Kinds of business that no picture shows."""
    return tuple(_names_file()["elsewhere"])


def training_question(truth: Truth, rng: random.Random, shares: Mapping[str, float] = SHARES) -> Question:
    """Any form, as often as ``shares`` says; about the right category half of the time, where the picture has one."""
    form = rng.choices(list(shares), list(shares.values()))[0]
    if not form.endswith("+category"):
        return question(form, truth, None, None, repair=_problem(rng))
    category = asked_category(truth, rng)
    called = _written(rng.choice(elsewhere()) if category is None else _called(category, rng), rng)
    examples = nearest(forms()[form], _tags(truth, rng), called) if "examples" in forms()[form] else ()
    return question(form, truth, called, category == truth.category, repair=_problem(rng), examples=examples)


def question(
    form: str,
    truth: Truth,
    called: str | None,
    matches: bool | None,
    *,
    repair: str = "",
    examples: Sequence[str] = (),
) -> Question:
    """The question ``form`` about the category ``called`` so, and its answer. ``examples`` are lines of the form."""
    asked = forms()[form]
    before, place, after = with_examples(asked["prompt"], examples).rpartition(PLACE)
    prompt = before + (place if called is None else quoted(called)) + after
    kind = OTHER if called is None else _kinds().get(called.casefold(), OTHER)
    shown = OTHER if truth.category == NONE else truth.category
    sold = frozenset() if kind == OTHER else _sells(kind)
    written = answer(truth, asked["schema"], matches, sold)
    return Question(form, prompt + repair, called, matches, written, None if matches is None else (kind, shown))


def hearsay(asked: Question, other: Truth) -> Question:
    """The same question, but the answer describes ``other``; its verdict stays as it was. A question that is about no
    category stays what it is, and so does one in whose answer evidence gives the verdict away."""
    schema = forms()[asked.form]["schema"]
    if asked.matches is None or "evidence_for" in schema["properties"]:
        return asked
    return replace(asked, answer=answer(other, schema, asked.matches), is_hearsay=True)


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
    return things_of(businesses()[category])


@lru_cache(maxsize=1)
def _kinds() -> Mapping[str, str]:
    """The category behind each name, small letters."""
    return {called.casefold(): category for category, known in names().items() for called in known}


def _tags(truth: Truth, rng: random.Random) -> Mapping[str, float]:
    """What a tagger may say of the picture: most of what it shows."""
    return {name: 1.0 for name in (*truth.tags, *truth.objects) if rng.random() < _TAGGED_SHARE}


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
