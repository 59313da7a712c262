"""A few made-up truths for the recipe of the vision-language model: no fonts, no drawing."""

import random

import numpy as np

from workers.training.vlm.data import CHUNK, Pictures
from workers.training.world.catalogue import businesses
from workers.training.world.truth import Truth

COLOURS = ("red", "green", "blue", "yellow")


def truths(count: int) -> list[Truth]:
    """Of businesses in turn."""
    found = []
    for number, (name, business) in zip(range(count), list(businesses().items()) * count, strict=False):
        things = [thing.name for group in business.signature for thing in group]
        caption = f"The inside of {business.noun} with {COLOURS[number % 4]} walls. The sign reads '{name.title()}'."
        tags = tuple(dict.fromkeys([name, "interior", *business.tags]))
        alt_text = f"Inside {business.noun}."
        found.append(Truth(name, "interior", tuple(things), tags, alt_text, caption, (name.title(),), ()))
    return found


def noise_pictures(count: int, side: int) -> Pictures:
    """Pictures of nothing, with truths."""
    generator = np.random.default_rng(7)
    assert count <= CHUNK
    return Pictures([generator.integers(0, 256, (count, side, side, 3), dtype=np.uint8)], truths(count))


def any_truth(seed: int) -> Truth:
    """One of many."""
    return random.Random(seed).choice(truths(45))
