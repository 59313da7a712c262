"""Which layouts and which variants of a thing belong to which set: a partition, so that no two sets share any.

Layouts are combinations of a few choices (where the door is, what the wall is made of, ...). The sum of the places of
the choices, modulo ten, decides the set: every choice occurs in every set, no combination in two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from workers.training.world.catalogue import Thing
from workers.training.world.glyphs import Look
from workers.training.world.truth import Split

Axes = Mapping[str, Sequence[str]]
Layout = Mapping[str, str]

_SPLIT_OF_REST = (Split.TRAIN,) * 6 + (Split.VALIDATION,) * 2 + (Split.HELD_OUT,) * 2

LOOKS: Mapping[Split, tuple[Look, ...]] = {
    Split.TRAIN: (
        Look(),
        Look(hue_degrees=10),
        Look(hue_degrees=-10, brightness=0.92),
        Look(mirrored=True, brightness=0.96),
        Look(mirrored=True, hue_degrees=14, width=0.94),
        Look(brightness=1.06, width=1.06),
        Look(mirrored=True, hue_degrees=-14, width=1.04),
    ),
    Split.VALIDATION: (
        Look(hue_degrees=7, width=1.08),
        Look(mirrored=True, hue_degrees=-8, brightness=1.04),
        Look(hue_degrees=-12, width=0.95),
    ),
    Split.HELD_OUT: (
        Look(hue_degrees=12, brightness=0.94, width=0.96),
        Look(mirrored=True, hue_degrees=-5, brightness=1.02),
        Look(hue_degrees=-7, width=1.05),
    ),
}
"""How a thing may look, by set."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of drawing a thing."""

    glyph: str
    look: Look


@lru_cache(maxsize=4096)
def variants(thing: Thing, split: Split) -> tuple[Variant, ...]:
    """The variants of ``thing`` in ``split``. The last of three or more glyphs is not in the training set at all."""
    glyphs = thing.glyphs[:-1] if split is Split.TRAIN and len(thing.glyphs) > 2 else thing.glyphs
    return tuple(Variant(glyph, look) for glyph in glyphs for look in LOOKS[split])


def layouts(axes: Axes, split: Split) -> tuple[Layout, ...]:
    """Every combination of choices that belongs to ``split``."""
    found = []
    for places in product(*(range(len(choices)) for choices in axes.values())):
        if _SPLIT_OF_REST[sum(step * place for step, place in enumerate(places, 1)) % 10] is split:
            found.append({name: choices[place] for (name, choices), place in zip(axes.items(), places, strict=True)})
    return tuple(found)
