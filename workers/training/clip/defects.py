"""Fits the curves of ``workers.clip.defects`` and says how well they tell: ``python -m workers.training.clip.defects``.

Fitted on scenes of the validation set, and on photographs that the super-resolution networks learn from, taken by the
same camera: what holds for drawings alone is not good enough. Measured on held-out scenes and held-out photographs.
"""

import argparse
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from scipy.optimize import minimize
from scipy.special import expit

from workers.clip.defects import CONFIRMED, CURVES, FLAGGED_FROM, Curve, measured
from workers.training.clip.metrics import area_under_curve
from workers.training.figures import Row, row, table
from workers.training.sr.degradations import realistic
from workers.training.sr.photograph_list import Part
from workers.training.sr.photographs import FETCHED, Picture, read_part
from workers.training.world.camera import camera, compressed, photograph
from workers.training.world.scene import SIDES_PX, scene
from workers.training.world.truth import Split

SCENES = 500
DRAWS = 10
FITTED = ("blur", "noise", "dark")
"""The qualities of JPEG files in the examples lie far apart: between them any curve fits, and none is the likeliest."""
ALONE = tuple(name for name in CURVES if name not in CONFIRMED)
SEED = 5


@dataclass(frozen=True, slots=True)
class Example:
    """What was measured on a picture, and the defects that its camera gave it."""

    measures: Mapping[str, float]
    defects: tuple[str, ...]


def scenes(split: Split, count: int) -> Iterator[Example]:
    """The first ``count`` pictures of ``split``."""
    for index in range(count):
        shown = scene(split, index)
        yield Example(measured(shown.picture.convert("L")), shown.truth.defects)


def taken(photographs: Sequence[Picture], draws: int) -> Iterator[Example]:
    """Each photograph ``draws`` times through a camera of the demo world, which adds no watermark and no frame here."""
    for number, pixels in enumerate(photographs):
        for draw in range(draws):
            rng = random.Random(f"{SEED} {number} {draw}")
            longer = rng.randint(*SIDES_PX)
            plan = camera(rng, longer)
            scale = longer / max(pixels.shape)
            size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
            picture = photograph(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS), plan, size, rng)
            if plan.jpeg_quality is not None:
                picture = compressed(picture, plan.jpeg_quality)
            yield Example(measured(picture.convert("L")), plan.defects)


def sent(photographs: Sequence[Picture], draws: int) -> Iterator[Example]:
    """Each photograph reduced, blurred, compressed and made noisy as mildly as catalogues have it: no defects."""
    for number, pixels in enumerate(photographs):
        for draw in range(draws):
            small = realistic(pixels, 2, np.random.default_rng([SEED, number, draw]))
            yield Example(measured(Image.fromarray(small).convert("L")), ())


def fitted(examples: Sequence[Example], name: str) -> Curve:
    """The curve of ``name``. Source: J. Platt (1999), section 2.2: most likely for targets that are a little less than
    sure, so that it is finite where the examples are told apart without a mistake."""
    values, has = _columns(examples, name)
    targets = np.where(has, (has.sum() + 1) / (has.sum() + 2), 1 / ((~has).sum() + 2))
    centre, spread = values.mean(), values.std()
    scaled = (values - centre) / spread

    def cost(parameters: NDArray[np.float64]) -> float:
        shares = np.clip(expit(parameters[0] * scaled + parameters[1]), 1e-12, 1 - 1e-12)
        return -float((targets * np.log(shares) + (1 - targets) * np.log(1 - shares)).mean())

    slope, offset = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"maxiter": 2000}).x
    return Curve(float(centre - offset / slope * spread), float(spread / slope))


def defect_rows(examples: Sequence[Example], what: str) -> list[Row]:
    """The area under the curve of every measure that decides alone and that some of ``examples`` have as a defect."""
    made = []
    for name in ALONE:
        values, has = _columns(examples, name)
        if has.any() and not has.all():
            shares = np.array([CURVES[name](value) for value in values])
            area = area_under_curve(shares[has].tolist(), shares[~has].tolist())
            counts = f"{has.sum()} {what} with, {(~has).sum()} without"
            made.append(row(f"clip: area under the curve, {name}, {what}", area, counts))
    return made


def raised(examples: Iterable[Example]) -> dict[str, tuple[float, float]]:
    """By name, how many of those that have a defect are flagged, and how many of those that have it not."""
    known = list(examples)
    shares = {}
    for name in ALONE:
        values, has = _columns(known, name)
        flags = np.array([CURVES[name](value) >= FLAGGED_FROM for value in values])
        shares[name] = (float(flags[has].mean()) if has.any() else float("nan"), float(flags[~has].mean()))
    return shares


def main() -> None:
    """Fit, measure, print; nothing is written. Raises MissingPhotographs."""
    parser = argparse.ArgumentParser(prog="python -m workers.training.clip.defects", description=__doc__)
    parser.add_argument("--scenes", type=int, default=SCENES, help="of each set")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of each photograph")
    parser.add_argument("--photographs", type=Path, default=FETCHED, help="where their packages are, or go to")
    options = parser.parse_args()
    console = Console(soft_wrap=True)
    parts = {part: list(read_part(options.photographs, part).values()) for part in Part}
    learnt, held_out = [*parts[Part.TRAIN], *parts[Part.VALIDATION]], parts[Part.HELD_OUT]
    known = [*scenes(Split.VALIDATION, options.scenes), *taken(learnt, options.draws), *sent(learnt, 2)]
    for name in FITTED:
        console.print(f"{name}: {fitted(known, name)}", highlight=False)
    for what, examples in {
        "scenes": list(scenes(Split.HELD_OUT, options.scenes)),
        "photographs": list(taken(held_out, 4 * options.draws)),
        "mildly treated photographs": list(sent(held_out, options.draws)),
    }.items():
        console.print(table(defect_rows(examples, what)), highlight=False)
        for name, (hits, alarms) in raised(examples).items():
            console.print(f"{name}, {what}: {hits:.3f} of those that have it flagged, {alarms:.3f} of the others")


def _columns(examples: Sequence[Example], name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return (
        np.array([one.measures[name] for one in examples]),
        np.array([name in one.defects for one in examples]),
    )


if __name__ == "__main__":
    main()
