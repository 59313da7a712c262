"""The training of the built-in CLIP: one step, and its state, which can be stored and taken up again."""

import dataclasses
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from workers.clip.tokens import Tokens
from workers.clip.vocabulary import Vocabulary
from workers.training.clip.batches import batch_of, kept_patches
from workers.training.clip.cache import Pictures
from workers.training.clip.losses import choices, chosen, contrastive, patches
from workers.training.clip.model import MODEL, encode_ids, encode_pixels, new_model

_MOST_SCALE = math.log(100)
_GROUP_WEIGHT, _PAIR_WEIGHT, _PATCH_WEIGHT = 0.5, 1.0, 0.7
_TOGETHER = 32
_EMA_HALF_STEPS = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """``steps`` altogether, each of ``batch`` of the ``pictures``. The rate rises over ``warm_steps`` and falls, as
    half a cosine, over the last ``falling`` of them (a share). Over the first ``sparse`` of them (a share) half of each
    picture is looked at."""

    steps: int
    pictures: int
    batch: int = 64
    seed: int = 1
    rate: float = 4e-3
    warm_steps: int = 60
    falling: float = 0.5
    sparse: float = 0.6
    device: str = "cpu"

    def rate_at(self, step: int) -> float:
        start = self.steps * (1 - self.falling)
        fallen = max(0.0, (step - start) / (self.steps - start)) if self.steps > start else 0.0
        return self.rate * min(1.0, (step + 1) / self.warm_steps) * (1 + math.cos(math.pi * min(1.0, fallen))) / 2


class Trainer:
    """Learns from ``pictures``. ``ema`` holds the running mean of the weights, which is what is released."""

    def __init__(
        self, plan: Plan, pictures: Pictures, tokens: Tokens, vocabulary: Vocabulary, labels: Mapping[str, int],
        model: Mapping[str, Any] = MODEL,
    ) -> None:  # fmt: skip
        self.plan, self.step = plan, 0
        self._pictures, self._tokens, self._vocabulary, self._labels = pictures, tokens, vocabulary, labels
        self._side = model["vision_cfg"]["image_size"]
        self._grid = self._side // model["vision_cfg"]["patch_size"]
        self.model = new_model(plan.seed, model).to(plan.device)
        self.head = torch.nn.Linear(model["vision_cfg"]["width"], len(labels) + 1).to(plan.device)
        self.ema = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self._optimizers = _optimizers(self.model, self.head)

    def advance(self) -> dict[str, float]:
        """One step; the losses by name."""
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.plan.rate_at(self.step) * group["share"]
        losses = self._losses()
        total = torch.stack(list(losses.values())).sum()
        torch.autograd.backward(total)
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), *self.head.parameters()], 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, _MOST_SCALE)
        self._average()
        self.step += 1
        return {name: value.item() for name, value in losses.items()}

    def _losses(self) -> dict[str, torch.Tensor]:
        plan = self.plan
        rng = random.Random(f"{plan.seed} {self.step}")
        batch = batch_of(self._pictures, plan.batch, plan.seed, self.step, self._side, self._grid, self._labels)
        kept = kept_patches(batch.things, plan.seed, self.step) if self.step < plan.steps * plan.sparse else None
        shown = batch.things if kept is None else batch.things.gather(1, kept)
        asked = choices(self._vocabulary, batch.known, self.step, rng)
        words = sorted({caption for choice in asked for caption in choice.captions})
        row = {caption: number for number, caption in enumerate(words)}
        with sdpa_kernel(SDPBackend.MATH), torch.autocast(torch.device(plan.device).type, dtype=torch.bfloat16):
            pooled, tokens = encode_pixels(self.model.visual, batch.pixels.to(plan.device), kept)
            things = self.head(tokens)
            texts, captions = self._text(batch.texts), self._text(words)
        pictures, texts, captions = (functional.normalize(one.float(), dim=-1) for one in (pooled, texts, captions))
        scale = self.model.logit_scale.exp()
        losses = {"contrastive": contrastive(pictures, texts, scale)}
        losses["patches"] = _PATCH_WEIGHT * patches(things, shown.to(plan.device))
        for number, choice in enumerate(asked):
            wanted = captions[[row[caption] for caption in choice.captions]]
            weight = _GROUP_WEIGHT if len(choice.captions) > 2 else _PAIR_WEIGHT
            losses[f"choice{number}"] = weight * chosen(pictures, wanted, choice.shares.to(plan.device), scale)
        return losses

    def _text(self, texts: list[str]) -> torch.Tensor:
        """The text tower's vectors. Texts of like length go together, so that little padding is computed."""
        order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), index))
        parts = [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]
        ids = (torch.from_numpy(self._tokens([texts[index] for index in part])) for part in parts)
        rows = torch.cat([encode_ids(self.model.text, one.to(self.plan.device)) for one in ids])
        return rows[torch.tensor(order).argsort()]

    def _average(self) -> None:
        keep = min(0.5 ** (1 / _EMA_HALF_STEPS), (1 + self.step) / (10 + self.step))
        for name, value in self.model.state_dict().items():
            self.ema[name].lerp_(value.float(), 1 - keep) if value.is_floating_point() else self.ema[name].copy_(value)

    def save(self, path: Path) -> None:
        """Whole or not at all."""
        state = {
            "plan": dataclasses.asdict(self.plan),
            "step": self.step,
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "ema": self.ema,
            "optimizers": [one.state_dict() for one in self._optimizers],
        }
        new = path.with_suffix(".new")
        torch.save(state, new)
        new.replace(path)

    def load(self, path: Path) -> None:
        """Go on from what ``save`` wrote."""
        state = torch.load(path, map_location=self.plan.device, weights_only=True)
        self.step, self.ema = state["step"], state["ema"]
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        for optimizer, stored in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(stored)


def read_plan(path: Path) -> Plan:
    """What the run that wrote ``path`` set out to do. Raises FileNotFoundError."""
    return Plan(**torch.load(path, map_location="cpu", weights_only=True)["plan"])


def _optimizers(model: torch.nn.Module, head: torch.nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for the rest. Source: K. Jordan et al., "Muon: an optimizer for hidden
    layers in neural networks" (2024); its rate is scaled to AdamW's as in J. Liu et al. (2025)."""
    hidden: list[torch.Tensor] = []
    other: list[torch.Tensor] = []
    plain: list[torch.Tensor] = []
    for name, value in [*model.named_parameters(), *head.named_parameters()]:
        if value.ndim == 2 and ".resblocks." in name:
            hidden.append(value)
        else:
            (other if value.ndim > 1 else plain).append(value)
    muon = torch.optim.Muon([{"params": hidden, "share": 1.0}], weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(
        [{"params": other, "weight_decay": 0.02, "share": 0.5}, {"params": plain, "weight_decay": 0.0, "share": 0.5}],
        betas=(0.9, 0.98),
    )
    return [muon, adam]
