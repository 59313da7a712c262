"""What the gate after the enhancement lets pass: results as they are, and the same spoilt on purpose."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from workers.enhance.gate import harm
from workers.enhance.likeness import Likeness
from workers.training.figures import Row, row
from workers.training.sr.degradations import Picture
from workers.training.sr.quality import WAYS, Enlarge, filtered
from workers.training.sr.spoiling import SPOILT
from workers.training.world.scene import scene
from workers.training.world.truth import Split

SEED = 7
SIDE = 320
SCENES = 16
PASS_AT_LEAST = 0.99
HARMLESS = ("the network's", "Lanczos")
"""Results that must pass."""
OTHER = "another picture"


@dataclass(frozen=True, slots=True)
class Result:
    """``what`` was done to a picture, and who turned it down: the gate's means, the clip model, nobody (None)."""

    what: str
    by: str | None


def rows(networks: Mapping[int, Enlarge], photographs: Mapping[str, Picture], likeness: Likeness) -> list[Row]:
    """``networks`` by scale, on ``photographs`` and on held-out scenes of the demo world."""
    pictures = [*photographs.values(), *(np.asarray(scene(Split.HELD_OUT, n).picture) for n in range(SCENES))]
    found = [
        result
        for scale, network in sorted(networks.items())
        for result in results(scale, network, [reduced(picture, scale) for picture in pictures], likeness)
    ]
    harmless = [result for result in found if result.what in HARMLESS]
    passed = sum(result.by is None for result in harmless) / len(harmless)
    lines = [row("gate: harmless results let pass, share", passed, f"{len(harmless)} results", PASS_AT_LEAST)]
    for what in (*SPOILT, OTHER):
        by = Counter(result.by for result in found if result.what == what)
        for judge in ("means", "clip"):
            share = by[judge] / by.total()
            lines.append(row(f"gate: {what}, turned down by {judge}, share", share, f"{by.total()} results"))
    return lines


def results(scale: int, network: Enlarge, larges: Iterable[Picture], likeness: Likeness) -> Iterator[Result]:
    """Each of ``larges``, made small in both ways and large again by ``network`` and by a filter; and spoilt."""
    before: Picture | None = None
    for number, large in enumerate(larges):
        for way in WAYS:
            generator = np.random.default_rng([SEED, number])
            small = way.degrade(large, scale, generator)
            made = network(small)
            candidates = dict(zip(HARMLESS, (made, filtered(small, scale, Image.Resampling.LANCZOS)), strict=True))
            candidates |= {what: spoil(made, generator) for what, spoil in SPOILT.items()}
            if before is not None:
                size = (made.shape[1], made.shape[0])
                candidates[OTHER] = np.asarray(Image.fromarray(before).resize(size))
            yield from (Result(what, _judge(small, one, scale, likeness)) for what, one in candidates.items())
        before = made


def reduced(picture: Picture, scale: int) -> Picture:
    """All of ``picture``, at most SIDE pixels long and wide; its sides are multiples of ``scale``."""
    image = Image.fromarray(picture)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    width, height = (side // scale * scale for side in image.size)
    return np.asarray(image.crop((0, 0, width, height)))


def _judge(small: Picture, made: Picture, scale: int, likeness: Likeness) -> str | None:
    if harm(small, made, scale):
        return "means"
    return "clip" if likeness.harm(small, made) else None
