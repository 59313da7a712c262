"""Trains one super-resolution network; stops and goes on without changing what comes out."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workers.training.sr.batches import Batches, Crops
from workers.training.sr.networks import compact, enlarged, take_over

State = dict[str, Tensor]
SEED = 4
_CHARBONNIER = 1e-3
_AVERAGE = 0.999
_WARM_UP = 100
_CLIP = 0.5
_SAVE_EVERY = 250


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides the weights besides the photographs. ``rate`` is the highest learning rate.

    ``before`` says in words which training it goes on from; nothing for one that begins with random weights.
    """

    scale: int
    steps: int
    seed: int = SEED
    rate: float = 1e-3
    count: int = 8
    side: int = 40
    clean: float = 0.5
    before: str = ""

    def __str__(self) -> str:
        """In words, with all that came before."""
        own = f"{self.steps} steps at x{self.scale} with seed {self.seed} ({self.clean:.0%} clean)"
        return f"{self.before}, then {own}" if self.before else own

    @property
    def crops(self) -> Crops:
        """What a batch is."""
        return Crops(self.scale, self.seed, self.count, self.side, self.clean)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a training was. ``average`` is its result, ``seconds`` what it took so far."""

    plan: Plan
    step: int
    seconds: float
    network: State
    optimiser: dict[str, Any]
    average: State


class Trainer:
    """The network, its optimiser and the moving average of its weights, which is what the training is for."""

    def __init__(self, plan: Plan, batches: Batches, device: torch.device, start: State | None = None) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.step, self.seconds = plan, 0, 0.0
        self._batches, self._device = batches, device
        self._network = compact(plan.scale)
        if start is not None:
            take_over(self._network, start)
        self._network.to(device).to(memory_format=torch.channels_last)
        self._optimiser = torch.optim.Adam(self._network.parameters(), betas=(0.9, 0.99))
        self.average = {name: values.detach().clone() for name, values in self._network.state_dict().items()}

    def advance(self) -> float:
        """One step; the loss of its batch."""
        started = time.monotonic()
        small, large = (values.to(self._device) for values in self._batches.at(self.step))
        for group in self._optimiser.param_groups:
            group["lr"] = rate_at(self.plan, self.step)
        difference = enlarged(self._network, small, self.plan.scale) - large
        loss = torch.sqrt(difference * difference + _CHARBONNIER**2).mean()
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), _CLIP)
        self._optimiser.step()
        self.step += 1
        self._follow()
        self.seconds += time.monotonic() - started
        return float(loss.detach())

    def _follow(self) -> None:
        """Moves the average; faster at first, when the weights still mean little."""
        keep = min(_AVERAGE, self.step / (self.step + 10))
        for name, values in self._network.state_dict().items():
            self.average[name].lerp_(values, 1 - keep)

    def save(self, path: Path) -> None:
        """All that ``resume`` needs. A file that is there is replaced as a whole."""
        state = {
            "plan": asdict(self.plan),
            "step": self.step,
            "seconds": self.seconds,
            "network": self._network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": self.average,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, kept: Checkpoint) -> None:
        """Go on where ``kept`` was saved. Raises ValueError when that was another plan."""
        if kept.plan != self.plan:
            raise ValueError(f"the checkpoint is of another plan ({kept.plan}): take another --work folder")
        self._network.load_state_dict(kept.network)
        self._optimiser.load_state_dict(kept.optimiser)
        self.average = {name: values.to(self._device, copy=True) for name, values in kept.average.items()}
        self.step, self.seconds = kept.step, kept.seconds


def read_checkpoint(path: Path) -> Checkpoint:
    """What ``Trainer.save`` wrote."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    return Checkpoint(**(state | {"plan": Plan(**state["plan"])}))


def train(trainer: Trainer, checkpoint: Path, report: Callable[[int, float], None]) -> State:
    """Take all steps that are left and save now and then; the averaged weights. ``report`` gets step and loss."""
    while trainer.step < trainer.plan.steps:
        loss = trainer.advance()
        report(trainer.step, loss)
        if trainer.step % _SAVE_EVERY == 0:
            trainer.save(checkpoint)
    trainer.save(checkpoint)
    return trainer.average


def rate_at(plan: Plan, step: int) -> float:
    """The learning rate: linear up, then half a cosine down to a thousandth."""
    warm_up = min(_WARM_UP, max(1, plan.steps // 10))
    if step < warm_up:
        return plan.rate * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, plan.steps - warm_up)
    return plan.rate * (0.001 + 0.999 * (1 + math.cos(math.pi * progress)) / 2)
