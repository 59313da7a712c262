"""Questions and answers as the tokens that the engine would see and write, and what a wrong token costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from workers.training.vlm.judging import Judge
from workers.training.vlm.questions import Question, kinds
from workers.training.vlm.shape import PATCHES
from workers.vlm.chat_template import ChatTemplate

_VERDICT_WEIGHT = 16.0
"""Of the one token that says whether a category fits, beside 1 for every other."""
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Batch:
    """Conversations side by side, filled up on the right. ``patches`` are the places of the picture in ``tokens``.
    ``labels`` are the tokens to be written, at the places from which they are foretold; ``weights`` what each counts.
    ``verdicts`` are the places of the verdicts (row, place), ``openings`` those at which the same answers begin,
    ``kinds`` the numbers of what is asked about and of what is shown in each of them.
    """

    tokens: Tensor
    patches: Tensor
    labels: Tensor
    weights: Tensor
    verdicts: tuple[Tensor, Tensor]
    openings: tuple[Tensor, Tensor]
    kinds: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on ``device``."""
        (rows, ends), (_, starts) = self.verdicts, self.openings
        return Batch(
            self.tokens.to(device),
            self.patches.to(device),
            self.labels.to(device),
            self.weights.to(device),
            (rows.to(device), ends.to(device)),
            (rows.to(device), starts.to(device)),
            self.kinds.to(device),
        )


class Script:
    """Writes conversations as ``processor`` would."""

    def __init__(self, processor: Any) -> None:
        self._tokenizer = processor.tokenizer
        self._image_token: str = processor.image_token
        self._image_number: int = self._tokenizer.convert_tokens_to_ids(self._image_token)
        self._conversation = ChatTemplate(processor)

    def batch(self, questions: Sequence[Question], patches: int = PATCHES) -> Batch:
        """All of them, with so many ``patches`` to a picture; the longest decides the length."""
        read = [self._tokens(question, patches) for question in questions]
        length = max(len(before) + len(after) for before, after, _ in read)
        shape = len(read), length
        tokens = torch.full(shape, self._tokenizer.pad_token_id)
        labels, weights = torch.full(shape, _IGNORED), torch.zeros(shape)
        for row, (before, after, weight) in enumerate(read):
            start, end = len(before), len(before) + len(after)
            tokens[row, :end] = torch.tensor(before + after)
            labels[row, start - 1 : end - 1] = torch.tensor(after)
            weights[row, start - 1 : end - 1] = torch.tensor(weight)
        rows, ends = (weights == _VERDICT_WEIGHT).nonzero(as_tuple=True)
        starts = (labels != _IGNORED).int().argmax(dim=1)[rows]
        numbers = [[kinds().index(kind) for kind in one.kinds] for one in questions if one.kinds is not None]
        judged = torch.tensor(numbers, dtype=torch.long).reshape(-1, 2)
        return Batch(tokens, tokens == self._image_number, labels, weights, (rows, ends), (rows, starts), judged)

    def _tokens(self, question: Question, patches: int) -> tuple[list[int], list[int], list[float]]:
        """What is read, what is to be written, and how much each token of it counts."""
        text = self._conversation.text(question.prompt).replace(self._image_token, self._image_token * patches)
        before: list[int] = self._tokenizer(text).input_ids
        after: list[int] = self._tokenizer(question.answer, add_special_tokens=False).input_ids
        weights = [0.0 if question.is_hearsay else 1.0] * (len(after) + 1)
        if question.matches is not None:  # the answer ends in the verdict and a brace
            weights[len(after) - 2] = _VERDICT_WEIGHT
        return before, [*after, self._tokenizer.eos_token_id], weights


def answer_loss(decoder: Any, judges: Sequence[Judge], seen: Tensor, batch: Batch) -> Tensor:
    """The weighted mean of what the tokens of the answers cost, in nats, when the ``decoder`` gets ``seen`` [picture,
    patch, number] in the place of the patches; and what the first of the ``judges`` makes of the places of the
    verdicts, the second, if there is one, of those where the answers begin. The rest of the vocabulary's scores is not
    computed at all.

    What was filled up needs no mask: it comes after all that is to be written.
    """
    batch = batch.to(seen.device)
    embedded = decoder.embed_tokens(batch.tokens)
    embedded = embedded.masked_scatter(batch.patches.unsqueeze(-1), seen.to(embedded.dtype))
    read = decoder(inputs_embeds=embedded, use_cache=False, output_hidden_states=True)
    written = batch.labels != _IGNORED
    scores = functional.linear(read.last_hidden_state[written], decoder.embed_tokens.weight).float()
    losses = functional.cross_entropy(scores, batch.labels[written], reduction="none")
    weights = batch.weights[written]
    loss = (losses * weights).sum() / weights.sum()
    if len(batch.kinds):
        halfway = read.hidden_states[len(decoder.layers) // 2]
        for judge, places in zip(judges, (batch.verdicts, batch.openings), strict=False):
            loss = loss + judge.loss(halfway[places], batch.kinds)
    return loss
