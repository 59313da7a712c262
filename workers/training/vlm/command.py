"""Trains the built-in vision-language model: a LLaVA of three million weights that answers every prompt profile.

``python -m workers.training vlm`` takes half an hour on two CPU cores with ``--threads 2``, and uses a GPU where there
is one. The tower is that of the built-in CLIP and learns no more. First a decoder learns to answer about things that it
is told of, then a projector to tell it what the tower sees, then both to answer from that. Interrupted, it goes on with
--resume.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from workers.builtin import FOLDER, pin
from workers.device import choose_device
from workers.training.vlm.answering import Answerer, answering_run, learn_to_answer
from workers.training.vlm.card import card
from workers.training.vlm.data import FIRST, pictures
from workers.training.vlm.features import features
from workers.training.vlm.naming import fit_to, give_scaled, learn_to_name, naming_run, patches_right
from workers.training.vlm.quality import rows
from workers.training.vlm.reading import learn_to_read, new_reader, reading_run
from workers.training.vlm.saving import save
from workers.training.vlm.script import Script
from workers.training.vlm.shape import llava_config
from workers.training.vlm.steps import Run
from workers.training.vlm.tokenizer import build_processor, build_tokenizer, numbers_of
from workers.training.vlm.tower import Tower, read_tower
from workers.training.world.known import Known
from workers.training.world.truth import Split
from workers.vlm.engine import VlmEngine

BUILT_IN = FOLDER / "vlm"
_LESSONS = (reading_run, naming_run, answering_run)


def main(arguments: Sequence[str]) -> int:
    """Train, save, measure, write the card; the exit status."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    device = choose_device(options.device, threads=None)
    runs = [lesson(options.work, steps, device) for lesson, steps in zip(_LESSONS, options.steps, strict=True)]
    if not options.resume:
        for run in runs:
            run.state.unlink(missing_ok=True)
    tower = read_tower(options.tower)
    named = learn(options, tower, *runs)
    figures = rows(VlmEngine.load(options.out, device=options.device), options.held_out)
    (options.out / "card.md").write_text(card(options, tower, runs, named, figures), encoding="utf-8")
    if options.out == BUILT_IN:
        pin(sorted(f"vlm/{path.name}" for path in BUILT_IN.iterdir() if path.suffix != ".md"))
    print(json.dumps(figures, indent=2))
    return 0


def learn(options: argparse.Namespace, tower: Tower, reading: Run, naming: Run, answering: Run) -> tuple[float, int]:
    """All three lessons; the model is saved in the end. How many patches of pictures of the validation set the
    projector named rightly after its own lesson, and of how many."""
    drawn, side, device = options.work / "pictures", tower.side_px, reading.device
    shown = pictures(drawn, Split.TRAIN, FIRST, options.pictures, side, options.processes)
    processor = build_processor(_tokenizer(options, shown.known), tower)
    script = Script(processor)
    reader = new_reader(options.seed, processor.tokenizer).to(device)
    learn_to_read(reader, script, shown.known, reading, options.seed)
    model = new_model(options.seed, tower, reader.decoder, processor.tokenizer).to(device)
    projector: Any = model.model.multi_modal_projector
    seen = features(shown, tower, device)
    fit_to(projector, seen.of(range(100)).to(device))
    learn_to_name(projector, reader.sights, seen, naming, options.seed)
    other = features(pictures(drawn, Split.VALIDATION, 0, options.validation, side, options.processes), tower, device)
    named = patches_right(projector, reader.sights, other, device)
    answerer = Answerer(projector, model.model.language_model, reader.judge, reader.sights.scale)
    learn_to_answer(answerer, script, seen, answering, options.seed)
    give_scaled(projector, answerer.scale)
    save(options.out, model, processor)
    return named


def new_model(seed: int, tower: Tower, decoder: Any, tokenizer: Any) -> Any:
    """``tower`` and ``decoder`` with a projector between them that knows nothing yet."""
    torch.manual_seed(seed)
    config = llava_config(tower.config, decoder.config, numbers_of(tokenizer)["image"])
    model: Any = LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(tower.weights)
    model.model.language_model.load_state_dict(decoder.state_dict())
    return model


def _tokenizer(options: argparse.Namespace, known: Sequence[Known]) -> Any:
    """The one that the unfinished run began with: another one would make nonsense of what was learnt."""
    folder = options.work / "tokenizer"
    if options.resume and folder.is_dir():
        kept: Any = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        return kept
    made = build_tokenizer([one.truth for one in known])
    made.save_pretrained(folder)
    return made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.training vlm", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training/vlm"), help="pictures and unfinished runs")
    parser.add_argument("--out", type=Path, default=BUILT_IN, help="the folder to write to")
    parser.add_argument("--tower", type=Path, default=FOLDER / "clip", help="the open_clip model whose tower it takes")
    parser.add_argument("--pictures", type=int, default=10_500, help="to learn from (10500)")
    parser.add_argument("--validation", type=int, default=500, help="to see how well patches are named (500)")
    parser.add_argument("--held-out", type=int, default=500, help="to measure with (500)")
    parser.add_argument(
        "--steps",
        type=int,
        nargs=3,
        default=(1000, 1500, 2000),
        metavar=("READING", "NAMING", "ANSWERING"),
        help="of the three lessons (1000 1500 2000)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on where the last run in --work was stopped")
    parser.add_argument("--note", default="", help="a sentence for the card, on how this run came about")
    parser.add_argument("--processes", type=int, default=1, help="that draw pictures (1)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (1)")
    return parser
