"""First the tower learns to see: which thing each patch of a picture shows."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPVisionConfig, CLIPVisionModel
from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from workers.training.vlm.shape import ATTENTION
from workers.training.vlm.steps import Run, train
from workers.training.vlm.studies import Studies, thing_names
from workers.training.vlm.varying import varied

RATE = 1e-3
BATCH = 32
KEPT = 40
"""Of the patches of a picture, in this lesson: two and a half times as many pictures in the same time."""
_BACKGROUND_WEIGHT = 0.25


class Looker(nn.Module):
    """The tower and a linear layer over the patches of its last layer, which is needed for this lesson only."""

    def __init__(self, vision: CLIPVisionConfig) -> None:
        super().__init__()
        self.tower: Any = CLIPVisionModel(vision)
        self.tower.set_attn_implementation(ATTENTION)
        self.norm = nn.LayerNorm(vision.hidden_size)
        self.name_of = nn.Linear(vision.hidden_size, len(thing_names()))

    def seen(self, pixels: Tensor, kept: Tensor | None = None) -> Tensor:
        """The last layer's patches, as the projector of the whole model gets them. ``kept`` (pictures x some patches)
        are the numbers of the only patches to look at, as if the others were not there."""
        embedded = self.tower.embeddings(pixels)
        if kept is not None:
            places = torch.cat([torch.zeros_like(kept[:, :1]), kept + 1], dim=1)
            embedded = embedded.gather(1, places.unsqueeze(-1).expand(-1, -1, embedded.shape[-1]))
        last: Tensor = self.tower.encoder(inputs_embeds=self.tower.pre_layrnorm(embedded)).last_hidden_state
        return last[:, 1:]

    def forward(self, pixels: Tensor, kept: Tensor | None = None) -> Tensor:
        """What each patch shows: pictures x patches x things, not normalised."""
        named: Tensor = self.name_of(self.norm(self.seen(pixels, kept)))
        return named


def as_input(pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Pictures as the processor of the model hands them over."""
    pixels = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255
    mean, deviation = (
        torch.tensor(values, device=device).view(3, 1, 1) for values in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD)
    )
    return (pixels - mean) / deviation


def patches_to_look_at(grids: NDArray[np.int64], rng: random.Random) -> NDArray[np.int64]:
    """For each picture KEPT of its patches, in order: those with things on them before any of the background."""
    chosen = []
    for grid in grids:
        shuffled = sorted(range(len(grid)), key=lambda number: (grid[number] == 0, rng.random()))
        chosen.append(sorted(shuffled[:KEPT]))
    return np.array(chosen, dtype=np.int64)


def learn_to_look(looker: Looker, shown: Studies, run: Run, seed: int, stop_after: int | None = None) -> None:
    """Take the steps of ``run``."""
    weight = torch.ones(len(thing_names()), device=run.device)
    weight[0] = _BACKGROUND_WEIGHT

    def loss_of(step: int) -> Tensor:
        rng = random.Random(f"{seed} looking {step}")
        pictures, grids = varied(*shown.batch(rng.sample(range(len(shown)), BATCH)), rng)
        kept = patches_to_look_at(grids, rng)
        wanted = torch.from_numpy(np.take_along_axis(grids, kept, axis=1)).to(run.device).flatten()
        named = looker(as_input(pictures, run.device), torch.from_numpy(kept).to(run.device))
        return functional.cross_entropy(named.flatten(0, 1).float(), wanted, weight)

    train(run, looker, loss_of, stop_after)


@torch.inference_mode()
def patches_right(looker: Looker, shown: Studies, device: torch.device, count: int = 500) -> tuple[float, int]:
    """Share of the patches with a thing on them that are named rightly, and how many there were."""
    looker.eval()
    right = total = 0
    for start in range(0, count, BATCH):
        pictures, grids = shown.batch(range(start, min(start + BATCH, count)))
        named = looker(as_input(pictures, device)).argmax(dim=-1).cpu().numpy()
        right += int(((named == grids) & (grids > 0)).sum())
        total += int((grids > 0).sum())
    return right / max(total, 1), total


def looking_run(work: Path, steps: int, device: torch.device) -> Run:
    """The lesson, kept in the folder ``work``."""
    return Run("looking", steps, RATE, work / "looking.pt", device)
