"""Trains the built-in CLIP on the demo world, and writes it as the product loads it.

``python -m workers.training clip``, then ``--export``, which also chooses the thresholds of its vocabulary and measures
it. On a CPU the same pictures, steps, seed and number of threads (OMP_NUM_THREADS) give the same weights, stopped and
resumed or not.
"""

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress, TextColumn

from workers.builtin import FOLDER
from workers.clip.folder import TOKENIZER_NAME
from workers.clip.tokens import Tokens
from workers.training.clip.cache import Pictures, draw_cache, read_cache
from workers.training.clip.model import CONTEXT, VOCABULARY_SIZE
from workers.training.clip.release import recalibrate, release
from workers.training.clip.tokenizer import learn_tokenizer, save_tokenizer
from workers.training.clip.trainer import Plan, Trainer, read_plan
from workers.training.clip.vocabulary import vocabulary_captions, world_vocabulary
from workers.training.sr.photographs import MissingPhotographs
from workers.training.world.catalogue import things
from workers.training.world.truth import Split

CHECKPOINT = "checkpoint.pt"
_STEPS = 3200
_SAVED_EVERY = 50
_LEARNT_FROM = 6000
"""Pictures whose captions the tokenizer is learnt from."""


def main(arguments: Sequence[str]) -> int:
    """Train, export what was trained, or choose the thresholds of what was exported anew."""
    options = _parser().parse_args(arguments)
    console = Console(soft_wrap=True)
    try:
        if options.calibrate:
            recalibrate(options.out, console)
        elif options.export:
            release(options.work / CHECKPOINT, options.work, options.out, console)
        else:
            _train(options, console)
    except (FileNotFoundError, MissingPhotographs, ValueError) as error:
        console.print(str(error), style="red", soft_wrap=True, markup=False)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.training clip", description=__doc__)
    parser.add_argument("--pictures", type=int, default=40_000, help="how many to learn from; drawn when missing")
    parser.add_argument("--steps", type=int, help=f"of --batch pictures each ({_STEPS}); with --resume, another number")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that draw pictures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("build/training/clip"), help="pictures and checkpoints")
    parser.add_argument("--out", type=Path, default=FOLDER / "clip", help="where --export writes to")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, as it was planned")
    parser.add_argument("--export", action="store_true", help="write and measure what was trained; train nothing")
    parser.add_argument("--calibrate", action="store_true", help="choose the thresholds in --out anew; train nothing")
    return parser


def _train(options: argparse.Namespace, console: Console) -> None:
    checkpoint = options.work / CHECKPOINT
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.resume:
        planned = read_plan(checkpoint)
        plan = dataclasses.replace(planned, steps=options.steps or planned.steps)
    else:
        plan = Plan(options.steps or _STEPS, options.pictures, batch=options.batch, seed=options.seed)
    pictures = _pictures(options.work / "train", plan.pictures, options.processes, console)
    trainer = prepared(dataclasses.replace(plan, device=device), pictures, options.work)
    if options.resume:
        trainer.load(checkpoint)
    columns = (*Progress.get_default_columns(), TextColumn("loss {task.fields[loss]:.3f}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("clip", total=plan.steps, completed=trainer.step, loss=0.0)
        while trainer.step < plan.steps:
            loss = sum(trainer.advance().values())
            if trainer.step % _SAVED_EVERY == 0 or trainer.step == plan.steps:
                trainer.save(checkpoint)
            bar.update(task, completed=trainer.step, loss=loss)


def prepared(plan: Plan, pictures: Pictures, work: Path) -> Trainer:
    """A trainer at its first step, with the tokenizer in ``work``, which is learnt when there is none."""
    vocabulary = world_vocabulary()
    if not (work / TOKENIZER_NAME).is_file():
        said = [text for one in pictures.known[:_LEARNT_FROM] for text in (one.truth.caption, one.truth.alt_text)]
        save_tokenizer(learn_tokenizer([*said, *vocabulary_captions(vocabulary) * 3], VOCABULARY_SIZE), work)
    labels = {name: number for number, name in enumerate(things(), 1)}
    return Trainer(plan, pictures, Tokens(work / TOKENIZER_NAME, CONTEXT), vocabulary, labels)


def _pictures(folder: Path, count: int, processes: int, console: Console) -> Pictures:
    with Progress(console=console) as bar:
        task = bar.add_task("drawing", total=count)
        draw_cache(folder, Split.TRAIN, count, processes, lambda done: bar.update(task, completed=done))
    return read_cache(folder, count)
