"""Pictures for learning to see: scenes of the demo world together with where each thing is in them."""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from workers.training.vlm.data import CHUNK, square
from workers.training.world.camera import Camera, camera, photograph
from workers.training.world.canvas import Box, Canvas
from workers.training.world.catalogue import businesses, things
from workers.training.world.geometry import perspective
from workers.training.world.scene import ASPECTS, sketch, views_of
from workers.training.world.truth import Split

SIDES_PX = (240, 400)
_LEAST_OF_PATCH, _LEAST_OF_THING = 0.2, 0.5
"""A patch is of a thing when that much of the patch, or of the thing, lies in it."""


@dataclass(frozen=True, slots=True)
class Studies:
    """``chunks`` are pairs of pictures (n x side x side x 3) and grids (n x patches): 0 is the background, else the
    number of a thing in ``thing_names``."""

    chunks: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]

    def batch(self, indexes: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The pictures of these numbers and their grids."""
        picked = [(self.chunks[index // CHUNK], index % CHUNK) for index in indexes]
        return np.stack([chunk[0][at] for chunk, at in picked]), np.stack(
            [chunk[1][at] for chunk, at in picked], dtype=np.int64
        )

    def __len__(self) -> int:
        return CHUNK * len(self.chunks)


@lru_cache(maxsize=1)
def thing_names() -> tuple[str, ...]:
    """What the numbers of a grid mean."""
    return ("", *sorted(things()))


def studies(folder: Path, split: Split, count: int, side: int, patch: int) -> Studies:
    """At least ``count`` of them, a multiple of CHUNK; those that ``folder`` does not hold yet are drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"study-{split.value}-{side}-{patch}-{start:06d}.npz" for start in range(0, count, CHUNK)]
    missing = [number for number, path in enumerate(paths) if not path.is_file()]
    for number in track(missing, description="drawing studies", disable=not missing):
        drawn = [study(split, number * CHUNK + at, side, patch) for at in range(CHUNK)]
        partial = paths[number].with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as file:
            np.savez(file, pictures=np.stack([one for one, _ in drawn]), grids=np.stack([grid for _, grid in drawn]))
        os.replace(partial, paths[number])
    return Studies([_read(path) for path in paths])


def study(split: Split, index: int, side: int, patch: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Number ``index``: ``side`` x ``side`` pixels, and the grid of its patches row by row."""
    rng = random.Random(f"justlens study {split.value} {index}")
    across, down = rng.choice(ASPECTS)
    longer = rng.randint(*SIDES_PX)
    final = longer * across // max(across, down), longer * down // max(across, down)
    plan = camera(rng, longer)
    business = rng.choice(list(businesses().values()))
    canvas = sketch(split, rng, business, rng.choice(views_of(business)), plan, final)
    taken = photograph(canvas.picture, plan, final, rng)
    return np.asarray(square(taken, side)), grid(canvas, plan, side // patch)


def grid(canvas: Canvas, plan: Camera, patches: int) -> NDArray[np.uint8]:
    """The thing that each of ``patches`` x ``patches`` parts of the taken picture shows."""
    numbers = {name: number for number, name in enumerate(thing_names())}
    best = np.zeros((patches, patches))
    found = np.zeros((patches, patches), np.uint8)
    seen = {id(one) for one in canvas.visible()}
    for placed in (one for one in canvas.placed if id(one) in seen):
        left, top, right, bottom = _taken_box(canvas, plan, placed.box, patches)
        shares = np.outer(_overlaps(top, bottom, patches), _overlaps(left, right, patches))
        area = max((right - left) * (bottom - top), 1e-9)
        enough = (shares >= _LEAST_OF_PATCH) | (shares / area >= _LEAST_OF_THING)
        wins = enough & (shares >= best)
        found[wins], best[wins] = numbers[placed.thing.name], shares[wins]
    return found.ravel()


def _taken_box(canvas: Canvas, plan: Camera, box: tuple[int, int, int, int], patches: int) -> Box:
    """``box`` of the sheet in the taken picture, in patches. The camera leans, and so do its corners."""
    width, height = float(canvas.width), float(canvas.height)
    a, b, c, d, e, f, g, h = plan.lean
    seen = [
        (a * width, b * height), (width - c * width, d * height),
        (width - e * width, height - f * height), (g * width, height - h * height),
    ]  # fmt: skip
    p, q, r, s, t, u, v, w = perspective(seen, [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])

    def taken(x: float, y: float) -> tuple[float, float]:
        far = v * x + w * y + 1
        return (p * x + q * y + r) / far * patches, (s * x + t * y + u) / far * patches

    left, top, right, bottom = box
    corners = [taken(x, y) for x in (left, right) for y in (top, bottom)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _overlaps(start: float, end: float, patches: int) -> NDArray[np.float64]:
    """How much of each of ``patches`` unit intervals lies between ``start`` and ``end``."""
    at = np.arange(patches)
    shared: NDArray[np.float64] = np.clip(np.minimum(at + 1, end) - np.maximum(at, start), 0, None)
    return shared


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    with np.load(path) as stored:
        return stored["pictures"], stored["grids"]
