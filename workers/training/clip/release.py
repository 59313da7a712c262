"""What was trained, as the built-in model: files, thresholds, figures, model card, pins."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from workers.builtin import FOLDER, pin
from workers.clip.builtin import FILES, source_in
from workers.clip.folder import TOKENIZER_NAME
from workers.clip.model import Towers
from workers.clip.onnx_model import OnnxTowers
from workers.clip.vocabulary import Vocabulary, read_vocabulary
from workers.training.clip.calibration import Calibrated, calibrated
from workers.training.clip.clean import photograph_rows
from workers.training.clip.export import MOST_DIFFERENCE, both_towers, difference, write_graphs, write_weights
from workers.training.clip.metrics import Point
from workers.training.clip.model import MODEL, write_config
from workers.training.clip.quality import HELD_OUT, RECALLS, look_at, precision_curve, rows
from workers.training.clip.trainer import Plan, read_plan
from workers.training.clip.vocabulary import world_vocabulary, write_vocabulary
from workers.training.figures import Row, table
from workers.training.world.truth import Split

VOCABULARY_NAME = "vocabulary.yaml"
VALIDATION = 500
_COMMENTS = (
    "What a picture of the demo world can be tagged with: groups of tags, each tag with the phrases that stand for it",
    "(its name and its synonyms), which the group's templates make captions of. Scores are shares of 1 within a group.",
    "Thresholds: python -m workers.training clip --calibrate. Words: workers/training/world.",
)
_CARD = """# justlens-clip

A CLIP of {parameters:.1f} million weights: open_clip's plain vision transformer ({side} x {side} pixels, the whole
picture squashed to a square; patches of {patch}; width 160, 6 layers) and text transformer (width 160, 3 layers, at
most 64 tokens of its own byte-level BPE of 2,048), 192 numbers a vector. It knows the drawn demo world, and nothing
else: of photographs it says nothing of worth.

- **Data**: {pictures} pictures of the training set of the demo world (`python -m workers.training world`), drawn with
  Noto Color Emoji (SIL Open Font License 1.1) and DejaVu fonts; their captions, alt texts and tags are part of the
  world. Layouts, and some variants of things, are in one set only, so no held-out picture has a twin among them.
- **Made by** `python -m workers.training clip`: {steps} steps of {batch} pictures, seed {seed}, bf16 autocast, Muon and
  AdamW. Losses: captions against pictures (as CLIP), the vocabulary's groups, classes, flags and pairs as zero-shot
  choices, and for the patches which thing they show, by a head that is not kept. Released are the running means.{note}
- **Files**: `model.safetensors` (16 bits) with `open_clip_config.json` and `tokenizer.json` is a folder of open_clip
  (`local-dir:`); `image.onnx` and `text.onnx` hold no numbers but read that same file, computing in 32 bits. Both ways
  differ by at most {difference:.0e} in any number of a vector: they are one space.
- **Licence**: Apache License 2.0.

On {held_out} held-out scenes; thresholds were chosen on {validation} scenes of the validation set, those of watermark
and screenshot also so that at most one in a hundred photographs without either is flagged:

{figures}

What thresholds would give, at recalls of about {recalls}:

| group | threshold | precision | recall |
|---|---|---|---|
{curve}
"""


def release(checkpoint: Path, work: Path, out: Path, console: Console, note: str = "") -> list[Row]:
    """Write the folder ``out`` from ``checkpoint`` and the tokenizer in ``work``; its figures. Pins the files when
    ``out`` is the built-in folder. Raises FileNotFoundError, MissingPhotographs, and ValueError when the two ways of
    loading differ."""
    plan = read_plan(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["ema"]
    write_weights(out, state)
    write_config(out)
    for name in (TOKENIZER_NAME, "tokenizer_config.json"):
        shutil.copyfile(work / name, out / name)
    write_graphs(out)
    towers, in_torch = both_towers(out)
    apart = difference(towers, in_torch)
    if apart > MOST_DIFFERENCE:
        raise ValueError(f"onnxruntime and torch differ by {apart:.1e}")
    _write(_calibrated(towers, world_vocabulary()), out, console)
    vocabulary = read_vocabulary(out / VOCABULARY_NAME)
    seen = look_at(towers, Split.HELD_OUT, HELD_OUT)
    figures = rows(towers, vocabulary, seen)
    parameters = sum(value.numel() for value in state.values()) / 1e6
    curves = precision_curve(towers, vocabulary, seen)
    (out / "card.md").write_text(_card(plan, parameters, apart, figures, curves, note))
    if out == FOLDER / "clip":
        pin([f"clip/{name}" for name in FILES])
    for row in figures:
        console.print(f"{row['name']}: {row['value']} {row['target']}")
    return figures


def recalibrate(folder: Path, console: Console) -> None:
    """Choose the thresholds of the vocabulary in ``folder`` anew, on the validation set and on photographs."""
    towers = OnnxTowers(source_in(folder), threads=None)
    vocabulary: Vocabulary = read_vocabulary(folder / VOCABULARY_NAME)
    _write(_calibrated(towers, vocabulary), folder, console)


def _calibrated(towers: Towers, vocabulary: Vocabulary) -> Calibrated:
    return calibrated(towers, vocabulary, look_at(towers, Split.VALIDATION, VALIDATION), photograph_rows(towers))


def _write(found: Calibrated, folder: Path, console: Console) -> None:
    write_vocabulary(found.vocabulary, folder / VOCABULARY_NAME, _COMMENTS)
    for name, point in found.points.items():
        console.print(f"{name}: at {point.threshold:.4f} precision {point.precision:.3f}, recall {point.recall:.3f}")


def _card(
    plan: Plan, parameters: float, apart: float, figures: Sequence[Row], curves: dict[str, list[Point]], note: str
) -> str:
    return _CARD.format(
        parameters=parameters,
        side=MODEL["vision_cfg"]["image_size"],
        patch=MODEL["vision_cfg"]["patch_size"],
        pictures=f"{plan.pictures:,}",
        steps=f"{plan.steps:,}",
        batch=plan.batch,
        seed=plan.seed,
        difference=apart,
        held_out=HELD_OUT,
        validation=VALIDATION,
        note=f" {note}" if note else "",
        figures=table(figures),
        recalls=f"{', '.join(map(str, RECALLS[:-1]))} and {RECALLS[-1]}",
        curve="\n".join(line for name, points in curves.items() for line in _curve_lines(name, points)),
    )


def _curve_lines(group: str, points: Sequence[Point]) -> list[str]:
    return [f"| {group} | {one.threshold:.4f} | {one.precision:.3f} | {one.recall:.3f} |" for one in points]
