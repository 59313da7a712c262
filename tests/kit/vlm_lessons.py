"""Made-up things to learn from for the recipe of the vision-language model: no fonts, no drawing, tiny networks."""

import numpy as np
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel

from workers.training.vlm.data import CHUNK
from workers.training.vlm.features import Features
from workers.training.vlm.shape import GRID, PATCHES
from workers.training.vlm.tower import Tower
from workers.training.world.catalogue import businesses
from workers.training.world.known import Known, Place
from workers.training.world.truth import Truth

COLOURS = ("red", "green", "blue", "yellow")
PATCH_PX = 4
TOWER_WIDTH = 16


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


def known(count: int) -> list[Known]:
    """Those truths; their things stand side by side, in columns from top to bottom."""
    return [Known(truth, columns(truth.objects)) for truth in truths(count)]


def columns(names: tuple[str, ...]) -> tuple[Place, ...]:
    """Each thing in an equal part of the left half of a picture."""
    wide = 0.5 / len(names)
    return tuple(Place(name, (number * wide, 0.0, (number + 1) * wide, 1.0)) for number, name in enumerate(names))


def tiny_tower() -> Tower:
    """Of one layer, that sees as many patches as any."""
    torch.manual_seed(6)
    config = CLIPVisionConfig(
        hidden_size=TOWER_WIDTH,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        image_size=GRID * PATCH_PX,
        patch_size=PATCH_PX,
    )
    weights = CLIPVisionModel(config).state_dict()
    return Tower(GRID * PATCH_PX, PATCH_PX, config, weights, (0.5, 0.4, 0.6), (0.5, 0.6, 0.4), "0123456789abcdef")


def noise_features(count: int) -> Features:
    """Of ``known``: what a tower would make of pictures of nothing."""
    generator = np.random.default_rng(7)
    assert count <= CHUNK
    chunk = generator.normal(3, 2, (count, PATCHES, TOWER_WIDTH)).astype(np.float16)
    return Features([chunk], known(count))
