"""What one picture is to show, decided before anything is drawn."""

import random
from dataclasses import dataclass

from workers.training.world.catalogue import Business, Thing, things

NAMES = (
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Karl", "Lena", "Marco", "Nina",
    "Oscar", "Paula", "Rosa", "Sam", "Tara", "Uma", "Victor", "Wanda", "Yusuf", "Zoe", "Maria", "Peter", "Luis", "Amir",
)  # fmt: skip
PASSERS_BY = ("potted plant", "cat", "person", "person")


@dataclass(frozen=True, slots=True)
class Brief:
    """``things`` are what the business is about, a name as often as it is drawn; ``passer_by`` belongs to nobody."""

    business: Business
    things: tuple[Thing, ...]
    passer_by: Thing | None
    signs: tuple[str, ...]

    def on_shelf(self) -> list[Thing]:
        return [thing for thing in self.things if thing.place == "shelf"]

    def on_floor(self) -> list[Thing]:
        return [thing for thing in self.things if thing.place != "shelf"]


def brief(business: Business, rng: random.Random, most_kinds: int, most_things: int, *, only_shelf: bool) -> Brief:
    """One of each signature group, then more, up to ``most_kinds`` names and ``most_things`` altogether."""

    def fits(thing: Thing) -> bool:
        return thing.place == "shelf" or not only_shelf

    kinds = [rng.choice([thing for thing in group if fits(thing)]) for group in business.signature]
    others = [thing for group in business.signature for thing in group if thing not in kinds]
    rest = [thing for thing in (*others, *business.more) if fits(thing)]
    spare = max(0, rng.randint(2, max(2, most_kinds)) - len(kinds))
    kinds += rng.sample(rest, min(spare, len(rest), most_kinds - len(kinds)))
    chosen: list[Thing] = []
    for left, kind in zip(range(len(kinds) - 1, -1, -1), kinds, strict=True):
        most = 1 if kind.place != "shelf" else 3
        room = most_things - len(chosen) - left
        chosen += [kind] * rng.randint(1, max(1, min(most, room)))
    return Brief(business, tuple(chosen), _passer_by(business, rng), _signs(business, rng))


def _passer_by(business: Business, rng: random.Random) -> Thing | None:
    own = {thing.name for group in business.signature for thing in group} | {thing.name for thing in business.more}
    free = [name for name in PASSERS_BY if name not in business.without and name not in own]
    return things()[rng.choice(free)] if rng.random() < 0.35 else None


def _signs(business: Business, rng: random.Random) -> tuple[str, ...]:
    """What the sign says, and what it says instead where that does not fit."""
    first = rng.choice(business.signs)
    shorter = [sign for sign in business.signs if "{" not in sign]
    return tuple(sign.format(name=rng.choice(NAMES)) for sign in (first, min(shorter, key=len)))
