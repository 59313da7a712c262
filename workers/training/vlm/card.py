"""The model card of the built-in vision-language model."""

import argparse
from collections.abc import Sequence
from textwrap import fill

from workers.training.figures import Row, table
from workers.training.vlm import answering, naming, reading
from workers.training.vlm.data import FIRST
from workers.training.vlm.quality import SEED
from workers.training.vlm.shape import PATCHES
from workers.training.vlm.steps import Run, minutes_taken
from workers.training.vlm.tower import Tower

_CARD = """# tiny-llava

A LLaVA of {size:.1f} MB in 16 bits for the demo world, which is all that it knows: the image tower of justlens-clip
({side} x {side} pixels, {patches} patches), two linear layers, a Llama of four layers (width 160), a byte-level BPE
tokenizer of its own, with a token for each unchanging line of the prompts. It answers every prompt profile of JustLens,
in English, about drawn street fronts, rooms, counters and products. Of photographs it knows nothing: use
llava-1.5-7b-hf or Llama-3.2-11B-Vision-Instruct for those.

- **Data**: {pictures} pictures of the training set of the demo world with their truth, from number {first} on: pictures
  that the CLIP did not learn from. Drawn by `workers.training.world` with Noto Color Emoji (SIL Open Font License 1.1)
  and DejaVu fonts; no other picture, no other text. Held-out pictures share neither layouts nor variants of things.
- **Made by** `python -m workers.training vlm --steps {steps}`, seed {seed}, with the tower of weights
  `{digest}`, which learnt no more. {reading_steps} steps of {reading_batch} questions in which the decoder reads what
  a picture shows from vectors for things, some of them wrong or unclear; {naming_steps} of {naming_batch} pictures in
  which the projector learns to give those vectors (of {patch_count} patches with a thing, in pictures of the validation
  set, it then named {patches_right:.1%} rightly); {answering_steps} of {answering_batch} questions for both together.
  Muon and AdamW, bfloat16 autocast; {minutes:.0f} minutes on {device}.{note}
- **Licence**: Apache License 2.0.

Measured with `workers.training.vlm.quality` (seed {quality_seed}) through the engine that serves it, decoding
constrained to the schema of each profile:

{figures}
"""


def card(
    options: argparse.Namespace, tower: Tower, runs: Sequence[Run], named: tuple[float, int], figures: Sequence[Row]
) -> str:
    """The card, from the options of the recipe, its runs, how well patches were named, and what was measured."""
    return _CARD.format(
        size=(options.out / "model.safetensors").stat().st_size / 1e6,
        side=tower.side_px,
        patches=PATCHES,
        pictures=options.pictures,
        first=FIRST,
        steps=" ".join(str(run.steps) for run in runs),
        seed=options.seed,
        digest=tower.digest,
        **{f"{run.name}_steps": run.steps for run in runs},
        reading_batch=reading.BATCH,
        naming_batch=naming.BATCH,
        answering_batch=answering.BATCH,
        patches_right=named[0],
        patch_count=named[1],
        minutes=sum(minutes_taken(run) for run in runs),
        device=_device(options.threads, runs[-1]),
        note=_bullet("This run", options.note) if options.note else "",
        quality_seed=SEED,
        figures=table(figures),
    )


def _bullet(name: str, text: str) -> str:
    return "\n" + fill(f"- **{name}**: {text}", 120, subsequent_indent="  ")


def _device(threads: int, run: Run) -> str:
    if run.device.type != "cpu":
        return "a GPU"
    return "one CPU thread" if threads == 1 else f"{threads} CPU threads"
