"""The model card of the built-in vision-language model."""

import argparse
from collections.abc import Sequence

from workers.training.figures import Row, table
from workers.training.vlm.answering import BATCH as ANSWERING_BATCH
from workers.training.vlm.looking import BATCH as LOOKING_BATCH
from workers.training.vlm.naming import BATCH as NAMING_BATCH
from workers.training.vlm.quality import SEED
from workers.training.vlm.shape import PATCH_PX, PATCHES, SIDE_PX
from workers.training.vlm.steps import Run, minutes_taken

_CARD = """# tiny-llava

A LLaVA of {size:.1f} MB in 16 bits for the demo world, which is all that it knows: a ViT of six layers over
{side} x {side} pixels in patches of {patch} ({patches} tokens a picture), two linear layers, a Llama of four layers
(width 192), a byte-level BPE tokenizer of its own. It answers every prompt profile of JustLens, in English, about drawn
street fronts, rooms, counters and products. Of photographs it knows nothing: use llava-1.5-7b-hf or
Llama-3.2-11B-Vision-Instruct for those.

- **Data**: {pictures} pictures of the training set of the demo world with their truth, and {studies} scenes in which
  the place of every thing is known. Drawn by `workers.training.world` with Noto Color Emoji (SIL Open Font License 1.1)
  and DejaVu fonts; no other picture, no other text. Held-out pictures share neither layouts nor variants of things.
- **Made by** `python -m workers.training vlm --steps {looking_steps} {naming_steps} {answering_steps}`, seed {seed}:
  {looking_steps} steps of {looking_batch} scenes in which the tower learns which thing each patch shows{start};
  {naming_steps} of {naming_batch} in which the projector learns to say so in the decoder's words; {answering_steps} of
  {answering_batch} questions and answers for the whole model. AdamW, bfloat16 autocast; {minutes:.0f} minutes on
  {device}.
- **Licence**: Apache License 2.0.

Measured with `workers.training.vlm.quality` (seed {quality_seed}) through the engine that serves it, decoding
constrained to the schema of each profile:

{figures}
"""


def card(options: argparse.Namespace, runs: tuple[Run, Run, Run], figures: Sequence[Row]) -> str:
    """The card, from the options of the recipe, its runs, and what was measured."""
    looking, naming, answering = runs
    return _CARD.format(
        size=(options.out / "model.safetensors").stat().st_size / 1e6,
        side=SIDE_PX,
        patch=PATCH_PX,
        patches=PATCHES,
        pictures=options.pictures,
        studies=options.studies,
        looking_steps=looking.steps,
        answering_steps=answering.steps,
        naming_steps=naming.steps,
        naming_batch=NAMING_BATCH,
        looking_batch=LOOKING_BATCH,
        answering_batch=ANSWERING_BATCH,
        start="" if options.tower is None else " (it started from an open_clip tower)",
        seed=options.seed,
        minutes=sum(minutes_taken(run) for run in runs),
        device=_device(options.threads, answering),
        quality_seed=SEED,
        figures=table(figures),
    )


def _device(threads: int, run: Run) -> str:
    if run.device.type != "cpu":
        return "a GPU"
    return "one CPU thread" if threads == 1 else f"{threads} CPU threads"
