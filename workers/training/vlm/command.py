"""Trains the built-in vision-language model: a LLaVA of five million weights that answers every prompt profile.

``python -m workers.training vlm``: about an hour on one CPU core, minutes on a GPU. First a tower learns which thing
each patch of a picture shows, then a projector to say so in the decoder's words, then the whole model to answer.
Interrupted, it goes on with --resume.
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
from workers.training.vlm.answering import Script, answering_run, learn_to_answer
from workers.training.vlm.card import card
from workers.training.vlm.data import pictures
from workers.training.vlm.looking import Looker, learn_to_look, looking_run, patches_right
from workers.training.vlm.naming import learn_to_name, naming_run
from workers.training.vlm.quality import rows
from workers.training.vlm.saving import save
from workers.training.vlm.shape import ATTENTION, PATCH_PX, SIDE_PX, llava_config, vision_config
from workers.training.vlm.steps import Run
from workers.training.vlm.studies import studies
from workers.training.vlm.tokenizer import MARKS, build_processor, build_tokenizer
from workers.training.vlm.tower import read_tower
from workers.training.world.truth import Split, Truth
from workers.vlm.engine import VlmEngine

BUILT_IN = FOLDER / "vlm"


def main(arguments: Sequence[str]) -> int:
    """Train, save, measure, write the card; the exit status."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    device = choose_device(options.device, threads=None)
    lessons = (looking_run, naming_run, answering_run)
    looking, naming, answering = (
        lesson(options.work, steps, device) for lesson, steps in zip(lessons, options.steps, strict=True)
    )
    runs = (looking, naming, answering)
    if not options.resume:
        for run in runs:
            run.state.unlink(missing_ok=True)
    learn(options, looking, naming, answering)
    figures = rows(VlmEngine.load(options.out, device=options.device), options.held_out)
    (options.out / "card.md").write_text(card(options, runs, figures), encoding="utf-8")
    if options.out == BUILT_IN:
        pin(sorted(f"vlm/{path.name}" for path in BUILT_IN.iterdir() if path.suffix != ".md"))
    print(json.dumps(figures, indent=2))
    return 0


def learn(options: argparse.Namespace, looking: Run, naming: Run, answering: Run) -> None:
    """All three lessons; the model is saved in the end."""
    drawn = options.work / "pictures"
    scenes = studies(drawn, Split.TRAIN, options.studies, SIDE_PX, PATCH_PX)
    looker = _looker(options, looking.device)
    learn_to_look(looker, scenes, looking, options.seed)
    right, count = patches_right(looker, studies(drawn, Split.VALIDATION, 1000, SIDE_PX, PATCH_PX), looking.device)
    print(f"of {count} patches with a thing, in pictures not learnt from, {right:.3f} are named rightly", flush=True)
    shown = pictures(drawn, Split.TRAIN, options.pictures, SIDE_PX)
    processor = build_processor(_tokenizer(options, shown.truths))
    model = _model(options.seed + 1, looker.tower, processor.tokenizer)
    model.to(naming.device)
    learn_to_name(model, looker, processor.tokenizer, scenes, naming, options.seed)
    learn_to_answer(model, Script(processor), shown, answering, options.seed)
    save(options.out, model, processor)


def _tokenizer(options: argparse.Namespace, truths: Sequence[Truth]) -> Any:
    """The one that the unfinished run began with: another one would make nonsense of what was learnt."""
    folder = options.work / "tokenizer"
    if options.resume and folder.is_dir():
        kept: Any = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        return kept
    made = build_tokenizer(truths, options.seed)
    made.save_pretrained(folder)
    return made


def _looker(options: argparse.Namespace, device: torch.device) -> Looker:
    torch.manual_seed(options.seed)
    looker = Looker(vision_config()).to(device)
    if options.tower is not None:
        looker.tower.load_state_dict(read_tower(options.tower, vision_config()))
    return looker


def _model(seed: int, tower: Any, tokenizer: Any) -> Any:
    """``tower`` with a decoder that knows nothing yet."""
    numbers = {name: tokenizer.convert_tokens_to_ids(token) for name, token in MARKS.items()}
    torch.manual_seed(seed)
    model: Any = LlavaForConditionalGeneration(llava_config(tower.config, len(tokenizer), numbers))
    model.set_attn_implementation(ATTENTION)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    return model


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.training vlm", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training/vlm"), help="pictures and unfinished runs")
    parser.add_argument("--out", type=Path, default=BUILT_IN, help="the folder to write to")
    parser.add_argument("--pictures", type=int, default=18_000, help="to learn to answer from (18000)")
    parser.add_argument("--studies", type=int, default=8_000, help="to learn to see from (8000)")
    parser.add_argument("--held-out", type=int, default=400, help="to measure with (400)")
    parser.add_argument(
        "--steps",
        type=int,
        nargs=3,
        default=(1500, 150, 2000),
        metavar=("LOOKING", "NAMING", "ANSWERING"),
        help="of the three lessons (1500 150 2000)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on where the last run in --work was stopped")
    parser.add_argument("--tower", type=Path, metavar="FOLDER", help="start from the tower of this open_clip model")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (1)")
    return parser
