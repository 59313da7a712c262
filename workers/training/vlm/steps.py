"""A training run that can be stopped at any time and goes on exactly where it was."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

WARM_UP_STEPS = 100
COOL_DOWN_SHARE = 0.25
SAVE_EVERY_STEPS = 100
_MATRIX_DECAY = 0.05
_OTHER_SHARE = 0.5
"""Of the rate, for what Muon does not learn."""
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """``steps`` of learning at ``rate`` at most; ``state`` is the file that it is kept in meanwhile."""

    name: str
    steps: int
    rate: float
    state: Path
    device: torch.device


def rate_share(step: int, steps: int) -> float:
    """Of the full learning rate: up in WARM_UP_STEPS, level, then down to nothing in the last COOL_DOWN_SHARE.

    A run may be given fewer or more steps while it lasts: only the way down moves.
    """
    up = min(1.0, (step + 1) / WARM_UP_STEPS)
    down = (steps - step) / max(1.0, COOL_DOWN_SHARE * steps)
    return min(up, max(0.0, min(1.0, down)))


def train(run: Run, model: nn.Module, loss_of: Callable[[int], Tensor], stop_after: int | None = None) -> None:
    """Take the steps that are left of ``run``; ``loss_of`` is asked for the loss of each by its number, and must
    depend on nothing else but the weights. ``stop_after`` ends this call early, as an interruption would."""
    optimizers = _optimizers(model)
    first, seconds = _resume(run, model, optimizers)
    last = run.steps if stop_after is None else min(run.steps, first + stop_after)
    began, mean = time.monotonic(), math.nan
    model.train()
    with _progress() as progress:
        bar = progress.add_task(run.name, total=run.steps, completed=first, loss=mean)
        for step in range(first, last):
            loss = _step(model, optimizers, run, step, loss_of)
            mean = loss if math.isnan(mean) else 0.98 * mean + 0.02 * loss
            progress.update(bar, advance=1, loss=mean)
            if (step + 1) % SAVE_EVERY_STEPS == 0 or step + 1 == last:
                _save(run, model, optimizers, step + 1, seconds + time.monotonic() - began)
                progress.console.print(f"{run.name} step {step + 1} of {run.steps}: loss {mean:.4f}")
    model.eval()


def minutes_taken(run: Run) -> float:
    """How long a run has lasted so far, over all its parts."""
    return float(_stored(run)["seconds"]) / 60 if run.state.is_file() else 0.0


def _step(
    model: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    run: Run,
    step: int,
    loss_of: Callable[[int], Tensor],
) -> float:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = run.rate * rate_share(step, run.steps) * group["share"]
        optimizer.zero_grad(set_to_none=True)
    with torch.autocast(run.device.type, torch.bfloat16):
        loss = loss_of(step)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT)
    for optimizer in optimizers:
        optimizer.step()
    return loss.item()


def _optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the rest; matrices are drawn towards zero. Source: K. Jordan et
    al., "Muon: an optimizer for hidden layers in neural networks" (2024); its rate is scaled to AdamW's as in J. Liu et
    al. (2025)."""
    hidden: list[nn.Parameter] = []
    others: dict[float, list[nn.Parameter]] = {_MATRIX_DECAY: [], 0.0: []}
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and "layers." in name
        (hidden if inside else others[_MATRIX_DECAY if parameter.ndim > 1 else 0.0]).append(parameter)
    groups = [{"params": those, "weight_decay": decay, "share": _OTHER_SHARE} for decay, those in others.items()]
    adam = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    if not hidden:
        return [adam]
    muon = torch.optim.Muon(
        [{"params": hidden, "share": 1.0}], weight_decay=_MATRIX_DECAY, adjust_lr_fn="match_rms_adamw"
    )
    return [muon, adam]


def _resume(run: Run, model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> tuple[int, float]:
    """Steps and seconds taken before."""
    if not run.state.is_file():
        return 0, 0.0
    stored = _stored(run)
    model.load_state_dict(stored["model"])
    for optimizer, state in zip(optimizers, stored["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    return int(stored["step"]), float(stored["seconds"])


def _stored(run: Run) -> dict[str, Any]:
    stored: dict[str, Any] = torch.load(run.state, map_location=run.device, weights_only=True)
    return stored


def _save(run: Run, model: nn.Module, optimizers: list[torch.optim.Optimizer], step: int, seconds: float) -> None:
    state = {
        "model": model.state_dict(),
        "optimizers": [one.state_dict() for one in optimizers],
        "step": step,
        "seconds": seconds,
    }
    run.state.parent.mkdir(parents=True, exist_ok=True)
    partial = run.state.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, run.state)


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, TextColumn("loss {task.fields[loss]:.3f}"))
