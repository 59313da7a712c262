"""What the built-in CLIP is trained to do, as losses."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from workers.clip.vocabulary import Vocabulary
from workers.training.clip.vocabulary import QUALITY_DEFECTS, class_of, true_tags
from workers.training.world.known import Known
from workers.training.world.truth import Truth

_NOTHING_WEIGHT = 0.15
"""Most patches show no thing; they would drown the others."""


_RARE_WEIGHT = 6.0
"""Of a picture with a defect: few have any."""
_LARGE = 60
"""Tags."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Captions of which some are true of a picture: [picture, caption], a row's sum is what the picture counts for,
    0 where the choice says nothing of it."""

    captions: list[str]
    shares: torch.Tensor


def contrastive(pictures: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Which text belongs to which picture, both ways. Source: A. Radford et al. (2021), figure 3."""
    scores = scale * pictures @ texts.T
    own = torch.arange(len(scores), device=scores.device)
    return (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2


def chosen(pictures: torch.Tensor, texts: torch.Tensor, shares: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Cross entropy of the shares a picture gives the captions of a choice with those that are true of it."""
    said = shares.sum(dim=1)
    if not said.any():
        return torch.zeros((), device=shares.device)
    log_shares = functional.log_softmax(scale * pictures @ texts.T, dim=1)
    return -(shares * log_shares).sum() / said.sum()


def patches(scores: torch.Tensor, things: torch.Tensor) -> torch.Tensor:
    """Which thing each patch shows."""
    weights = torch.ones(scores.shape[-1], device=scores.device)
    weights[0] = _NOTHING_WEIGHT
    return functional.cross_entropy(scores.flatten(0, 1).float(), things.flatten(), weights)


def choices(vocabulary: Vocabulary, known: Sequence[Known], step: int, rng: random.Random) -> list[Choice]:
    """The groups of tags, the classes, the flags and the pairs of quality, with one caption drawn for each word. Of
    the large groups only one is asked at a step: they cost most."""
    truths = [one.truth for one in known]
    tags = [true_tags(truth) for truth in truths]
    made = []
    large = [group for group in vocabulary.all_groups() if len(group.tags) >= _LARGE]
    for group in vocabulary.all_groups():
        if group in large and group is not large[step % len(large)]:
            continue
        truly = torch.tensor([[name in row for name in group.tags] for row in tags], dtype=torch.float32)
        made.append(Choice([rng.choice(words) for words in group.captions()], _shares(truly)))
    classes = list(vocabulary.classes)
    truly = torch.tensor([[class_of(truth) == name for name in classes] for truth in truths], dtype=torch.float32)
    made.append(Choice([rng.choice(vocabulary.classes[name].prompts) for name in classes], truly))
    return [*made, *_flags(vocabulary, truths), *_quality(truths)]


def _flags(vocabulary: Vocabulary, truths: Sequence[Truth]) -> list[Choice]:
    return [
        Choice([flag.absent, flag.present], _either([name in truth.defects for truth in truths]))
        for name, flag in vocabulary.flags.items()
    ]


def _quality(truths: Sequence[Truth]) -> list[Choice]:
    made = []
    for pair, defects in QUALITY_DEFECTS:
        shares = _either([bool(defects.intersection(truth.defects)) for truth in truths])
        made.append(Choice([pair.good, pair.bad], shares))
    return made


def _either(second: Sequence[bool]) -> torch.Tensor:
    return torch.tensor([[0.0, _RARE_WEIGHT] if one else [1.0, 0.0] for one in second])


def _shares(truly: torch.Tensor) -> torch.Tensor:
    return truly / truly.sum(dim=1, keepdim=True).clamp(min=1)
