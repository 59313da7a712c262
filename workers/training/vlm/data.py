"""Pictures of the demo world at the size that the model looks at, drawn once and kept in files of some hundreds."""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from workers.training.world.known import Known, drawn, known_in, line_of
from workers.training.world.truth import Split

CHUNK = 500
FIRST = 40_000
"""The first picture of the training set that the CLIP recipe did not learn from: of those that it did, its tower sees
more than it will of others."""
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pictures:
    """``chunks`` are files of CHUNK pictures each, RGB squares [picture, row, column, channel]; ``known`` says what is
    true of each picture."""

    chunks: Sequence[Path]
    known: Sequence[Known]

    def __len__(self) -> int:
        return len(self.known)


def pictures(folder: Path, split: Split, first: int, count: int, side: int, processes: int = 1) -> Pictures:
    """The pictures of ``split`` from number ``first`` on; those that ``folder`` does not hold yet are drawn.

    Raises FileNotFoundError, naming the Debian package, when a font is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(first, first + count)
    parts = [numbers[start : start + CHUNK] for start in range(0, count, CHUNK)]
    paths = [folder / f"{split.value}-{side}-{part.start:06d}-{part.stop:06d}.npy" for part in parts]
    missing = [number for number, path in enumerate(paths) if not path.is_file()]
    if missing:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            done = pool.map(partial(_draw, split, side), *([those[n] for n in missing] for those in (parts, paths)))
            for _ in track(done, description=f"drawing {split.value}", total=len(missing)):
                pass
    return Pictures(paths, [one for path in paths for one in _read(path.with_suffix(".jsonl"))])


def square(picture: Image.Image, side: int) -> Image.Image:
    """``picture`` as the processor of the model makes it: each side scaled to ``side``."""
    return picture.resize((side, side), Image.Resampling.BICUBIC)


def _draw(split: Split, side: int, numbers: range, path: Path) -> None:
    """Both files of one chunk; the pictures come last and at once, so that they are there only when all is."""
    squares, lines = [], []
    for index in numbers:
        picture, known = drawn(split, index)
        squares.append(np.asarray(square(picture, side)))
        lines.append(line_of(known))
    path.with_suffix(".jsonl").write_bytes(b"".join(lines))
    unfinished = path.with_suffix(".partial")
    with unfinished.open("wb") as file:
        np.save(file, np.stack(squares))
    os.replace(unfinished, path)


def _read(path: Path) -> list[Known]:
    return [known_in(line) for line in path.read_bytes().split(b"\n") if line]
