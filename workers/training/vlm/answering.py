"""Last, projector and decoder together learn to answer from what the tower really sees."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workers.training.vlm.features import Features
from workers.training.vlm.judging import Judge
from workers.training.vlm.questions import hearsay
from workers.training.vlm.reading import lesson
from workers.training.vlm.script import Script, answer_loss
from workers.training.vlm.shape import WIDTH
from workers.training.vlm.steps import Run, train

RATE = 1.5e-3
BATCH = 32
_HEARSAY_EVERY = 2
"""Steps. A model can misread a picture, and its verdict must not rest on what it wrote of it: in such a step the text
before the verdict is about another picture."""


class Answerer(nn.Module):
    """All of the model but the tower, which learns no more; the judge that helped the decoder to learn, and another
    one that listens before a word is written: what the picture is likely to show, seen that it was asked about so. The
    decoder reads ``scale`` times what the projector gives."""

    def __init__(self, projector: Any, decoder: Any, judge: Judge, scale: float) -> None:
        super().__init__()
        self.projector = projector
        self.decoder = decoder
        self.judge = judge
        self.opening = Judge(WIDTH)
        self.scale = scale


def learn_to_answer(
    answerer: Answerer, script: Script, seen: Features, run: Run, seed: int, stop_after: int | None = None
) -> None:
    """Take the steps of ``run``."""

    def loss_of(step: int) -> Tensor:
        chosen, questions = lesson(seen.known, f"{seed} answering", step, BATCH)
        if step % _HEARSAY_EVERY:
            truths = [seen.known[index].truth for index in chosen]
            questions = [hearsay(asked, truths[row - 1]) for row, asked in enumerate(questions)]
        patches = answerer.scale * answerer.projector(seen.of(chosen).to(run.device))
        judges = [answerer.judge, answerer.opening]
        return answer_loss(answerer.decoder, judges, patches, script.batch(questions))

    train(run, answerer, loss_of, stop_after)


def answering_run(work: Path, steps: int, device: torch.device) -> Run:
    """The lesson, kept in the folder ``work``."""
    return Run("answering", steps, RATE, work / "answering.pt", device)
