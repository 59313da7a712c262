"""First the decoder learns the language, to write the answers, and to judge: it reads what a picture shows from
vectors that stand in the place of the patches, one for each thing of the demo world. It needs no tower for that."""

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import LlamaModel

from workers.training.clip.batches import NOTHING, patch_labels
from workers.training.vlm.judging import Judge
from workers.training.vlm.questions import SHARES, Question, forms, training_question
from workers.training.vlm.script import Script, answer_loss
from workers.training.vlm.shape import GRID, WIDTH, text_config
from workers.training.vlm.steps import Run, train
from workers.training.vlm.tokenizer import numbers_of
from workers.training.world.camera import EFFECTS
from workers.training.world.catalogue import things
from workers.training.world.known import Known
from workers.training.world.scene import VIEWS

RATE = 3e-3
BATCH = 32
KEPT = 40
"""Of the patches of a picture, in the first part of the lesson: it then takes half the time."""
SPARSE_SHARE = 0.75
SHORT_FORMS: Mapping[str, float] = MappingProxyType(
    {"cat/1+category": 0.15, "vision_json/1": 0.15, "vision_json_cat/1+category": 0.7}
)
"""Asked in that part: in the least tokens most about categories."""
_BLOCK = 4
_CLEAR_SHARE, _WRONG_SHARE = 0.6, 0.1
"""Of the things of a picture: those seen for what they are, and those seen as another one. The rest is unclear."""
_NOISE = 0.5
_WHOLE = (0.0, 0.0, 1.0, 1.0)


@lru_cache(maxsize=1)
def thing_names() -> tuple[str, ...]:
    """What the numbers of a grid mean."""
    return ("", *things())


def grids_of(known: Sequence[Known]) -> NDArray[np.int64]:
    """For every patch of every picture the number of the thing that it shows most of, 0 for none."""
    numbers = {name: number for number, name in enumerate(thing_names())}
    return np.stack([patch_labels(one, _WHOLE, GRID, numbers) for one in known])


class Sights(nn.Module):
    """What a patch is to say to the decoder: a vector for the thing on it, and for the picture's view and defects."""

    def __init__(self, named: Tensor) -> None:
        """``named`` are the vectors of the things to begin with, by number."""
        super().__init__()
        scale = float(named[1:].std())
        self.things = nn.Parameter(named.clone())
        self.kinds = nn.Parameter(torch.randn(len(VIEWS) + len(EFFECTS), named.shape[1]) * scale / 2)

    @property
    def scale(self) -> float:
        """The deviation of the numbers in the vectors of the things."""
        return float(self.things.detach()[NOTHING + 1 :].std())

    def forward(self, grids: Tensor, kinds: Tensor) -> Tensor:
        """For ``grids`` [picture, patch] and ``kinds`` [picture, view or defect] of 0 and 1."""
        return self.things[grids] + (kinds @ self.kinds).unsqueeze(1)

    def unclear(self, grids: Tensor, kinds: Tensor, generator: torch.Generator) -> Tensor:
        """The same, as imperfect eyes would see it: of some things in a picture another one, all over it or mixed.
        ``generator``, ``grids`` and ``kinds`` are on the CPU."""
        count, size = len(grids), len(self.things)
        others = torch.randint(0, size, (count, size), generator=generator)
        drawn, shares = torch.rand(2, count, size, generator=generator)
        shares = torch.where(drawn < _CLEAR_SHARE, 0.0, torch.where(drawn < _CLEAR_SHARE + _WRONG_SHARE, 1.0, shares))
        shares[:, NOTHING] = 0
        device = self.things.device
        other = self.things[others.gather(1, grids).to(device)]
        share = shares.gather(1, grids).unsqueeze(-1).to(device)
        noise = torch.randn(other.shape, generator=generator).to(device) * self.things.detach().std() * _NOISE
        own = self.things[grids.to(device)]
        return (1 - share) * own + share * other + (kinds.to(device) @ self.kinds).unsqueeze(1) + noise


class Reader(nn.Module):
    """The decoder and the sights that it reads; the judge that helps it to learn."""

    def __init__(self, decoder: Any, sights: Sights) -> None:
        super().__init__()
        self.decoder = decoder
        self.sights = sights
        self.judge = Judge(WIDTH)


def new_reader(seed: int, tokenizer: Any) -> Reader:
    """A decoder that knows nothing yet, and sights that begin as the names of what is seen."""
    torch.manual_seed(seed)
    decoder = LlamaModel(text_config(len(tokenizer), numbers_of(tokenizer)))
    return Reader(decoder, Sights(name_vectors(tokenizer, decoder.embed_tokens.weight.detach())))


def kinds_of(known: Sequence[Known]) -> Tensor:
    """A row for each picture: 1 for its view and for each of its defects."""
    rows = [
        [*(one.truth.view == view for view in VIEWS), *(it in one.truth.defects for it in EFFECTS)] for one in known
    ]
    return torch.tensor(rows, dtype=torch.float32)


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


def kept(grids: Tensor, generator: torch.Generator) -> Tensor:
    """Of each picture KEPT patches, in order: those with things on them before any others."""
    chance = torch.rand(grids.shape, generator=generator) + (grids != NOTHING)
    return grids.gather(1, chance.topk(KEPT, dim=1).indices.sort(dim=1).values)


def lesson(
    known: Sequence[Known], seed: str, step: int, batch: int, shares: Mapping[str, float] = SHARES
) -> tuple[list[int], list[Question]]:
    """The pictures of a step and a question about each, in ``shares`` of the forms. Some steps are drawn together, and
    the answers of like length then go together, so that little is computed for what fills them up."""
    rng = random.Random(f"{seed} {step // _BLOCK}")
    chosen = rng.sample(range(len(known)), batch * _BLOCK)
    asked = [(index, training_question(known[index].truth, rng, shares)) for index in chosen]
    # Of a prompt only what its form leaves open takes many tokens.
    asked.sort(key=lambda one: len(one[1].answer) + len(one[1].prompt) - len(forms()[one[1].form]["prompt"]))
    part = rng.sample(range(_BLOCK), _BLOCK)[step % _BLOCK]
    mine = asked[part * batch : (part + 1) * batch]
    return [index for index, _ in mine], [question for _, question in mine]


def learn_to_read(
    reader: Reader, script: Script, known: Sequence[Known], run: Run, seed: int, stop_after: int | None = None
) -> None:
    """Take the steps of ``run``."""
    grids, kinds = torch.from_numpy(grids_of(known)), kinds_of(known)

    def loss_of(step: int) -> Tensor:
        sparse = step < SPARSE_SHARE * run.steps
        chosen, questions = lesson(known, f"{seed} reading", step, BATCH, SHORT_FORMS if sparse else SHARES)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        shown = kept(grids[chosen], generator) if sparse else grids[chosen]
        seen = reader.sights.unclear(shown, kinds[chosen], generator)
        return answer_loss(reader.decoder, [reader.judge], seen, script.batch(questions, shown.shape[1]))

    train(run, reader, loss_of, stop_after)


def reading_run(work: Path, steps: int, device: torch.device) -> Run:
    """The lesson, kept in the folder ``work``."""
    return Run("reading", steps, RATE, work / "reading.pt", device)
