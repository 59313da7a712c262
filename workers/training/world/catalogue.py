"""What there is to draw: things and kinds of business, read from the two YAML files beside this module."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
NONE = "none"
"""The category of a picture that shows no business."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to draw. ``size`` is its height beside other things; ``place`` is shelf, floor or bust."""

    name: str
    glyphs: tuple[str, ...]
    one: str
    many: str
    size: float
    place: str


@dataclass(frozen=True, slots=True)
class Business:
    """A kind of business. At least one thing of every group of ``signature`` is in each of its pictures."""

    category: str
    noun: str
    signature: tuple[tuple[Thing, ...], ...]
    more: tuple[Thing, ...]
    tags: tuple[str, ...]
    signs: tuple[str, ...]
    notices: tuple[str, ...]
    staff: Thing
    without: frozenset[str]
    is_building: bool
    is_outdoors: bool


def _plural(name: str) -> str:
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + "s"


def _thing(name: str, entry: dict[str, Any]) -> Thing:
    many = entry.get("many", _plural(name))
    one = entry.get("one", f"a {name}")
    size, place = float(entry.get("size", 1.0)), entry.get("place", "shelf")
    return Thing(name, tuple(entry["glyphs"].split()), one, many, size, place)


@lru_cache(maxsize=1)
def things() -> dict[str, Thing]:
    """Every thing by its name."""
    entries = yaml.safe_load((FOLDER / "things.yaml").read_text())
    return {name: _thing(name, entry) for name, entry in entries.items()}


def _business(category: str, entry: dict[str, Any]) -> Business:
    known = things()
    return Business(
        category=category,
        noun=entry["noun"],
        signature=tuple(tuple(known[name] for name in group) for group in entry["signature"]),
        more=tuple(known[name] for name in entry["more"]),
        tags=tuple(entry["tags"]),
        signs=tuple(entry["signs"]),
        notices=tuple(entry.get("notices", ())),
        staff=known[entry["staff"]],
        without=frozenset(entry.get("without", ())),
        is_building=entry.get("front") == "building",
        is_outdoors=entry.get("outdoors", False),
    )


@lru_cache(maxsize=1)
def businesses() -> dict[str, Business]:
    """Every kind of business by its category. Raises KeyError when one names a thing that is not in things.yaml."""
    entries = yaml.safe_load((FOLDER / "businesses.yaml").read_text())
    return {category: _business(category, entry) for category, entry in entries.items()}


def categories() -> tuple[str, ...]:
    """The kinds of business that pictures can show; "none" is not among them."""
    return tuple(businesses())
