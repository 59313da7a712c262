"""Texts like those the text worker gets: kinds of business, what people look for, descriptions of pictures."""

import random
from collections.abc import Sequence

KINDS = (
    "bakery", "barber", "bicycle repair", "book shop", "butcher", "café", "car dealer", "car wash", "clinic",
    "courier", "dentist", "driving school", "electrician", "estate agent", "fishmonger", "florist", "furniture store",
    "garden centre", "guest house", "gym", "hardware store", "hotel", "ice cream parlour", "jeweller", "kindergarten",
    "laundry", "lawyer", "locksmith", "music school", "nail salon", "optician", "pet shop", "pharmacy",
    "phone repair", "photographer", "pizzeria", "plumber", "shoe repair", "stationery shop", "sushi bar", "tailor",
    "tattoo studio", "toy shop", "travel agency", "tyre service", "veterinary clinic", "wedding hall",
    "wine merchant", "yoga studio", "c++ courses",
)  # fmt: skip
THINGS = (
    "fresh bread", "red roses", "dumbbells", "spectacles", "a gold ring", "white shirts", "a blue bicycle",
    "pill bottles", "a leather chair", "four tyres", "a wall of keys", "paperback books", "a birthday cake",
    "an open laptop", "a guitar", "paint pots", "a sleeping cat", "a suitcase", "wine glasses", "a wedding dress",
    "a tiled floor", "a chandelier",
)  # fmt: skip
PLACES = (
    "behind a glass counter", "under a striped awning", "next to the railway station", "at night",
    "on the main square", "with flowers in the window", "in a narrow street", "on the second floor",
    "beside a parked van", "in bright daylight",
)  # fmt: skip
MOODS = ("small", "modern", "old", "bright", "cosy", "busy", "quiet", "family-run", "empty", "freshly painted")


def names(kinds: Sequence[str] = KINDS) -> list[str]:
    """Category names as a catalogue has them."""
    return [f"{kind[0].upper()}{kind[1:]}" for kind in kinds]


def descriptions(seed: int, each: int) -> list[tuple[str, str]]:
    """``each`` descriptions of every kind, with the kind; one to three sentences."""
    chance = random.Random(seed)
    return [(_description(chance, kind), kind) for kind in KINDS for _ in range(each)]


def short_sentences(seed: int, count: int) -> list[str]:
    """Sentences of some ten words, as alt texts are."""
    chance = random.Random(seed)
    return [_sentence(chance, chance.choice(KINDS)) for _ in range(count)]


def _sentence(chance: random.Random, kind: str) -> str:
    return f"A {chance.choice(MOODS)} {kind} with {chance.choice(THINGS)} {chance.choice(PLACES)}"


def _description(chance: random.Random, kind: str) -> str:
    more = (
        f"There is {chance.choice(THINGS)} {chance.choice(PLACES)}, and {chance.choice(THINGS)} in the background.",
        f"A sign reads '{chance.choice(MOODS).upper()} {kind.upper()} {chance.randint(1, 99)}'.",
        f"{chance.randint(2, 9)} people are waiting, one of them holds {chance.choice(THINGS)}.",
        "The picture is slightly blurred and carries a watermark.",
    )
    return " ".join((f"{_sentence(chance, kind)}.", *chance.sample(more, chance.randint(0, 2))))
