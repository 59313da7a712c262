"""Then the whole model learns to answer: the loss is on the tokens of the answers alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlavaForConditionalGeneration

from workers.training.vlm.data import Pictures
from workers.training.vlm.looking import as_input
from workers.training.vlm.questions import Question, training_question
from workers.training.vlm.shape import PATCHES
from workers.training.vlm.steps import Run, train
from workers.vlm.conversation import Conversation

RATE = 1e-3
BATCH = 16
_VERDICT_WEIGHT = 16.0
"""Of the one token that says whether a category fits, beside 1 for every other."""
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Batch:
    """Conversations side by side, filled up on the right. ``labels`` are the tokens to be written, at the places from
    which they are foretold; ``weights`` what each counts."""

    tokens: Tensor
    mask: Tensor
    labels: Tensor
    weights: Tensor


class Script:
    """Questions and answers as the tokens that the engine would see and write."""

    def __init__(self, processor: Any) -> None:
        self._tokenizer = processor.tokenizer
        self._image_token: str = processor.image_token
        self._conversation = Conversation(processor)

    def batch(self, questions: Sequence[Question]) -> Batch:
        """All of them; the longest decides the length."""
        read = [self._tokens(question) for question in questions]
        length = max(len(before) + len(after) for before, after, _ in read)
        shape = len(read), length
        tokens = torch.full(shape, self._tokenizer.pad_token_id)
        labels, weights = torch.full(shape, _IGNORED), torch.zeros(shape)
        mask = torch.zeros(shape, dtype=torch.long)
        for row, (before, after, weight) in enumerate(read):
            start, end = len(before), len(before) + len(after)
            tokens[row, :end] = torch.tensor(before + after)
            mask[row, :end] = 1
            labels[row, start - 1 : end - 1] = torch.tensor(after)
            weights[row, start - 1 : end - 1] = torch.tensor(weight)
        return Batch(tokens, mask, labels, weights)

    def _tokens(self, question: Question) -> tuple[list[int], list[int], list[float]]:
        """What is read, what is to be written, and how much each token of it counts."""
        text = self._conversation.text(question.prompt).replace(self._image_token, self._image_token * PATCHES)
        before: list[int] = self._tokenizer(text).input_ids
        after: list[int] = self._tokenizer(question.answer, add_special_tokens=False).input_ids
        weights = [1.0] * (len(after) + 1)
        if question.matches is not None:  # the answer ends in the verdict and a brace
            weights[len(after) - 2] = _VERDICT_WEIGHT
        return before, [*after, self._tokenizer.eos_token_id], weights


def learn_to_answer(
    model: LlavaForConditionalGeneration,
    script: Script,
    shown: Pictures,
    run: Run,
    seed: int,
    stop_after: int | None = None,
) -> None:
    """Take the steps of ``run``."""

    def loss_of(step: int) -> Tensor:
        rng = random.Random(f"{seed} answering {step}")
        chosen = rng.sample(range(len(shown)), min(BATCH, len(shown)))
        questions = [training_question(shown.truths[index], rng) for index in chosen]
        return answer_loss(model, as_input(shown.pixels(chosen), run.device), script.batch(questions))

    train(run, model, loss_of, stop_after)


def answer_loss(model: Any, pixels: Tensor, batch: Batch) -> Tensor:
    """The weighted mean of what the tokens of the answers cost, in nats. The rest of the vocabulary's scores is not
    computed at all."""
    device = pixels.device
    read = model.model(
        input_ids=batch.tokens.to(device), attention_mask=batch.mask.to(device), pixel_values=pixels, use_cache=False
    ).last_hidden_state
    labels, weights = batch.labels.to(device), batch.weights.to(device)
    written = labels != _IGNORED
    scores = model.lm_head(read[written]).float()
    losses = functional.cross_entropy(scores, labels[written], reduction="none")
    return (losses * weights[written]).sum() / weights[written].sum()


def answering_run(work: Path, steps: int, device: torch.device) -> Run:
    """The lesson, kept in the folder ``work``."""
    return Run("answering", steps, RATE, work / "answering.pt", device, careful="vision_tower")
