"""Batches to learn from. Everything random in one comes from the seed and the number of the step alone, so that an
interrupted run goes on exactly as it would have."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from workers.training.clip.cache import Pictures
from workers.training.clip.captions import said_of
from workers.training.world.known import Known

_LEAST_PART = 0.86
_LIGHT = 0.08
_CONTRAST = 0.1
NOTHING = 0
"""The label of a patch without any thing."""
_LEAST_OVERLAP = 0.2
Window = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Batch:
    """``pixels`` [picture, 3, side, side] from -1 to 1; a text for each; ``things`` [picture, patch]: the label of the
    thing that a patch shows most of."""

    pixels: torch.Tensor
    texts: list[str]
    known: list[Known]
    things: torch.Tensor


def batch_of(
    pictures: Pictures, size: int, seed: int, step: int, side: int, grid: int, labels: Mapping[str, int]
) -> Batch:
    """``size`` different pictures, each a little cropped and lit anew, with texts drawn for them."""
    rng = random.Random(f"justlens clip {seed} {step}")
    indexes = rng.sample(range(len(pictures.known)), size)
    known = [pictures.known[index] for index in indexes]
    windows = [_window(rng) for _ in indexes]
    light = torch.tensor([[rng.uniform(-_LIGHT, _LIGHT), 1 + rng.uniform(-_CONTRAST, _CONTRAST)] for _ in indexes])
    whole = torch.from_numpy(pictures.pixels[indexes]).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    pixels = _cut(whole, windows, side) * light[:, 1, None, None, None] + light[:, 0, None, None, None]
    things = np.stack([patch_labels(one, window, grid, labels) for one, window in zip(known, windows, strict=True)])
    return Batch(pixels.clamp_(-1, 1), [said_of(one.truth, rng) for one in known], known, torch.from_numpy(things))


def _window(rng: random.Random) -> Window:
    """Left, top, width, height of the part that is shown, as shares."""
    wide, high = rng.uniform(_LEAST_PART, 1), rng.uniform(_LEAST_PART, 1)
    return rng.uniform(0, 1 - wide), rng.uniform(0, 1 - high), wide, high


def _cut(whole: torch.Tensor, windows: Sequence[Window], side: int) -> torch.Tensor:
    rows = [[[wide, 0.0, 2 * left + wide - 1], [0.0, high, 2 * top + high - 1]] for left, top, wide, high in windows]
    where = functional.affine_grid(torch.tensor(rows), [len(rows), 3, side, side], align_corners=False)
    return functional.grid_sample(whole, where, mode="bilinear", padding_mode="border", align_corners=False)


def patch_labels(known: Known, window: Window, grid: int, labels: Mapping[str, int]) -> NDArray[np.int64]:
    """For each of ``grid`` x ``grid`` patches of the shown part, row by row, the thing that covers most of it."""
    left, top, wide, high = window
    best = np.full((grid, grid), _LEAST_OVERLAP)
    found = np.full((grid, grid), NOTHING, np.int64)
    edges = np.arange(grid)
    for place in known.places:
        x0, x1 = ((place.box[0] - left) / wide * grid, (place.box[2] - left) / wide * grid)
        y0, y1 = ((place.box[1] - top) / high * grid, (place.box[3] - top) / high * grid)
        across = np.clip(np.minimum(x1, edges + 1) - np.maximum(x0, edges), 0, 1)
        down = np.clip(np.minimum(y1, edges + 1) - np.maximum(y0, edges), 0, 1)
        covered = np.outer(down, across)
        more = covered > best
        best[more], found[more] = covered[more], labels[place.name]
    return found.reshape(-1)


def kept_patches(things: torch.Tensor, seed: int, step: int) -> torch.Tensor:
    """The numbers of half of each picture's patches [picture, number], those with things first, else any."""
    chance = torch.rand(things.shape, generator=torch.Generator().manual_seed(seed * 1_000_003 + step))
    order = (chance + (things != NOTHING).float()).argsort(dim=1, descending=True)
    return order[:, : things.shape[1] // 2]
