"""Then the projector learns to say to the decoder what the tower sees: for each patch the vector that would have stood
there in the first lesson. Where the tower is not sure, that is a mixture of some."""

import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from workers.training.clip.batches import NOTHING
from workers.training.vlm.features import Features
from workers.training.vlm.reading import Sights, grids_of, kinds_of
from workers.training.vlm.steps import Run, train

RATE = 4e-3
BATCH = 64
_BACKGROUND_WEIGHT = 0.15


def learn_to_name(
    projector: Any, sights: Sights, seen: Features, run: Run, seed: int, stop_after: int | None = None
) -> None:
    """Take the steps of ``run``: only ``projector`` changes. It learns to give the vectors divided by their ``scale``:
    steps that are right for numbers of the usual size are far too large for them as they are."""
    grids, kinds = torch.from_numpy(grids_of(seen.known)), kinds_of(seen.known)

    def loss_of(step: int) -> Tensor:
        rng = random.Random(f"{seed} naming {step}")
        chosen = rng.sample(range(len(seen)), BATCH)
        with torch.no_grad():
            wanted = sights(grids[chosen].to(run.device), kinds[chosen].to(run.device)) / sights.scale
        missed = (projector(seen.of(chosen).to(run.device)).float() - wanted).square().mean(dim=-1)
        weights = torch.where(grids[chosen].to(run.device) > 0, 1.0, _BACKGROUND_WEIGHT)
        loss: Tensor = (missed * weights).sum() / weights.sum()
        return loss

    train(run, projector, loss_of, stop_after)


@torch.no_grad()
def fit_to(projector: Any, features: Tensor) -> None:
    """Begin as if every number of ``features`` [picture, patch, number] had mean 0 and deviation 1."""
    numbers = features.flatten(0, 1)
    deviation = numbers.std(dim=0).clamp(min=1e-3)
    first = projector.linear_1
    first.weight /= deviation
    first.weight *= 1 / (first.weight * deviation).norm(dim=1, keepdim=True)
    first.bias -= first.weight @ numbers.mean(dim=0)


@torch.no_grad()
def give_scaled(projector: Any, scale: float) -> None:
    """From now on ``projector`` gives ``scale`` times what it gave."""
    projector.linear_2.weight *= scale
    projector.linear_2.bias *= scale


@torch.inference_mode()
def patches_right(projector: Any, sights: Sights, seen: Features, device: torch.device) -> tuple[float, int]:
    """Share of the patches with a thing on them whose vector is, of all things', most like that of the right one; and
    how many there are."""
    grids, kinds = torch.from_numpy(grids_of(seen.known)).to(device), kinds_of(seen.known).to(device)
    things = functional.normalize(sights.things - sights.things[NOTHING], dim=1)
    right = 0
    for number, grid in enumerate(grids):
        background = kinds[number] @ sights.kinds + sights.things[NOTHING]
        said = sights.scale * projector(seen.of([number]).to(device))[0] - background
        likeliest = (said[grid > 0].float() @ things[NOTHING + 1 :].T).argmax(dim=1) + NOTHING + 1
        right += int((likeliest == grid[grid > 0]).sum())
    total = int((grids > 0).sum())
    return right / max(total, 1), total


def naming_run(work: Path, steps: int, device: torch.device) -> Run:
    """The lesson, kept in the folder ``work``."""
    return Run("naming", steps, RATE, work / "naming.pt", device)
