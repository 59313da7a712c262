"""Next the projector learns to say in the decoder's own language what the tower sees: a patch with a thing on it
becomes what the words for that thing are to the decoder. Copying them is then all that the decoder has to find out."""

import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import LlavaForConditionalGeneration

from workers.training.vlm.looking import Looker, as_input, patches_to_look_at
from workers.training.vlm.steps import Run, train
from workers.training.vlm.studies import Studies, thing_names
from workers.training.world.catalogue import things

RATE = 2e-3
BATCH = 64
_BACKGROUND_WEIGHT = 0.05


def name_vectors(tokenizer: Any, embeddings: Tensor) -> Tensor:
    """A row per number of a grid: the sum of the embeddings of every token that a thing's name is written with, as
    long as one embedding is; nothing for the background."""
    usual = float(embeddings.norm(dim=1).mean())
    rows = [torch.zeros_like(embeddings[0])]
    for name in thing_names()[1:]:
        written = (name, f" {name}", f" {things()[name].many}")
        tokens = {token for text in written for token in tokenizer(text, add_special_tokens=False).input_ids}
        row = embeddings[sorted(tokens)].sum(dim=0)
        rows.append(row * usual / row.norm())
    return torch.stack(rows)


def learn_to_name(
    model: LlavaForConditionalGeneration, looker: Looker, tokenizer: Any, shown: Studies, run: Run, seed: int
) -> None:
    """Take the steps of ``run``: only the projector of ``model`` changes."""
    table: Any = model.get_input_embeddings()
    embeddings: Tensor = table.weight.detach()
    vectors, scale = name_vectors(tokenizer, embeddings), float(embeddings.std())
    projector: Any = model.model.multi_modal_projector
    looker.eval()

    def loss_of(step: int) -> Tensor:
        rng = random.Random(f"{seed} naming {step}")
        pictures, grids = shown.batch(rng.sample(range(len(shown)), BATCH))
        kept = torch.from_numpy(patches_to_look_at(grids, rng)).to(run.device)
        numbers = torch.from_numpy(grids).to(run.device).gather(1, kept)
        with torch.no_grad():
            seen = looker.seen(as_input(pictures, run.device), kept)
        missed = ((projector(seen).float() - vectors[numbers]) / scale).square().mean(dim=-1)
        weights = torch.where(numbers > 0, 1.0, _BACKGROUND_WEIGHT)
        loss: Tensor = (missed * weights).sum() / weights.sum()
        return loss

    train(run, projector, loss_of)


def naming_run(work: Path, steps: int, device: torch.device) -> Run:
    """The lesson, kept in the folder ``work``."""
    return Run("naming", steps, RATE, work / "naming.pt", device)
