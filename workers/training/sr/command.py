"""Trains the built-in super-resolution networks on photographs, and writes them as the product loads them.

``python -m workers.training sr --scale all --minutes 30``, then ``--export``. On a CPU the same steps, seed and number
of threads (OMP_NUM_THREADS) give the same weights, stopped and resumed or not.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress, TextColumn

from workers.builtin import FOLDER, pin
from workers.training.sr import quality as sr_quality
from workers.training.sr.batches import Batches, as_tensor
from workers.training.sr.export import CARD, GRAPH, WEIGHTS, card, export
from workers.training.sr.networks import compact
from workers.training.sr.photograph_list import Part
from workers.training.sr.photographs import FETCHED, MissingPhotographs, Picture, read_part
from workers.training.sr.training import SEED, Checkpoint, Plan, State, Trainer, read_checkpoint, train

_SCALES = {"2": (2,), "4": (4,), "all": (2, 4)}
_TIMED_STEPS = 10


def main(arguments: Sequence[str]) -> int:
    """Train, or export what was trained. One when a photograph or a checkpoint is missing."""
    options = _parser().parse_args(arguments)
    console = Console(soft_wrap=True)
    try:
        for scale in _SCALES[options.scale]:
            if options.export:
                _export(scale, options, console)
            else:
                _train(scale, options, console)
    except (MissingPhotographs, FileNotFoundError, ValueError) as error:
        console.print(str(error), style="red", soft_wrap=True, markup=False)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.training sr", description=__doc__)
    parser.add_argument("--scale", choices=sorted(_SCALES), default="all")
    parser.add_argument("--photographs", type=Path, default=FETCHED, help="where the packages go")
    parser.add_argument("--work", type=Path, default=Path("build/training/sr"), help="where checkpoints go")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where --export writes sr_x2 and sr_x4 to")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=30.0, help="for each network; fixes the steps at the start")
    length.add_argument("--steps", type=int)
    parser.add_argument("--clean", type=float, default=0.5, help="share of the crops that a bicubic filter reduces")
    parser.add_argument("--seed", type=int, help=f"default {SEED}")
    parser.add_argument("--start", type=Path, help="the --work folder of a finished training to begin with")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, when there is one")
    parser.add_argument("--export", action="store_true", help="write and measure what was trained, and train nothing")
    return parser


def _train(scale: int, options: argparse.Namespace, console: Console) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pictures = read_part(options.photographs, Part.TRAIN)
    checkpoint = _checkpoint(options, scale)
    kept = read_checkpoint(checkpoint) if options.resume and checkpoint.is_file() else None
    start = None if kept else _start(options, scale)
    plan = _resumed(kept.plan, options) if kept else _plan(scale, options, pictures, device)
    if start:
        plan = replace(plan, before=str(start.plan))
    trainer = Trainer(plan, Batches(pictures, plan.crops), device, start.average if start else None)
    if kept:
        trainer.resume(kept)
    console.print(f"x{scale}: steps {trainer.step} to {plan.steps} on {len(pictures)} photographs, on the {device}")
    with Progress(*Progress.get_default_columns(), TextColumn("loss {task.fields[loss]:.4f}"), console=console) as bar:
        task = bar.add_task(f"x{scale}", total=plan.steps, completed=trainer.step, loss=0.0)
        trained = train(trainer, checkpoint, lambda step, loss: bar.update(task, completed=step, loss=loss))
    photographs = {"validation": read_part(options.photographs, Part.VALIDATION)}
    for row in sr_quality.rows({scale: _enlarge(scale, trained)}, photographs):
        console.print(f"{row['name']}: {row['value']} ({row['target']})")


def _plan(scale: int, options: argparse.Namespace, pictures: Mapping[str, Picture], device: torch.device) -> Plan:
    """Of as many steps as were asked for, or as the minutes hold at the speed of the first few."""
    if options.steps is not None:
        return Plan(scale, options.steps, _seed(options), clean=options.clean)
    plan = Plan(scale, _TIMED_STEPS, _seed(options), clean=options.clean)
    trainer = Trainer(plan, Batches(pictures, plan.crops), device)
    trainer.advance()  # the first one is slower
    started = time.monotonic()
    for _ in range(_TIMED_STEPS):
        trainer.advance()
    seconds = (time.monotonic() - started) / _TIMED_STEPS
    return replace(plan, steps=max(1, round(options.minutes * 60 / seconds)))


def _seed(options: argparse.Namespace) -> int:
    return SEED if options.seed is None else int(options.seed)


def _resumed(plan: Plan, options: argparse.Namespace) -> Plan:
    """The plan of the checkpoint. Raises ValueError when the command line says something else."""
    if options.steps not in (None, plan.steps) or options.seed not in (None, plan.seed):
        raise ValueError(f"the checkpoint is of {plan.steps} steps with seed {plan.seed}: say so, or do not resume")
    return plan


def _start(options: argparse.Namespace, scale: int) -> Checkpoint | None:
    """What --start names; else the larger scale begins with what the smaller one learnt, when that is there."""
    if options.start is not None:
        return _finished(options.start / f"x{scale}.pt")
    smaller = _checkpoint(options, 2)
    return _finished(smaller) if scale != 2 and smaller.is_file() else None


def _finished(checkpoint: Path) -> Checkpoint:
    """Raises FileNotFoundError, and ValueError for a training that is still under way."""
    if not checkpoint.is_file():
        raise FileNotFoundError(f"there is no {checkpoint}: train it first")
    kept = read_checkpoint(checkpoint)
    if kept.step < kept.plan.steps:
        raise ValueError(f"{checkpoint} is at step {kept.step} of {kept.plan.steps}: finish it with --resume")
    return kept


def _export(scale: int, options: argparse.Namespace, console: Console) -> None:
    kept = _finished(_checkpoint(options, scale))
    name = f"sr_x{scale}"
    folder = options.out / name
    difference = export(kept.plan, kept.average, folder)
    networks = {scale: sr_quality.exported_network(folder / GRAPH)}
    figures = sr_quality.measure(networks, sr_quality.held_out_sets(options.photographs))
    (folder / CARD).write_text(card(kept, difference, figures))
    if options.out == FOLDER:
        pin([f"{name}/{file}" for file in (WEIGHTS, GRAPH)])
    for one in figures:
        console.print(f"x{scale} {one.photographs}, {one.way.name}: {one.gain_db:+.2f} dB, SSIM {one.gain_ssim:+.3f}")


def _enlarge(scale: int, trained: State) -> sr_quality.Enlarge:
    network = compact(scale)
    network.load_state_dict(trained)
    network.eval()

    @torch.inference_mode()
    def enlarge(small: Picture) -> Picture:
        values = network(as_tensor(small[np.newaxis])).clamp(0, 1).mul(255).round()
        return np.ascontiguousarray(values[0].permute(1, 2, 0).to(torch.uint8).numpy())

    return enlarge


def _checkpoint(options: argparse.Namespace, scale: int) -> Path:
    path: Path = options.work / f"x{scale}.pt"
    return path
