"""The pictures to learn from, drawn once: small squares in one file, and a line of truth for each in another."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.training.world.known import Known, drawn, known_in, line_of
from workers.training.world.truth import Split

CACHED_SIDE = 208
"""A little more than the model sees, so that it can be shown a part."""
_PIXELS, _TRUTHS = "pixels.bin", "truths.jsonl"
_PICTURE_BYTES = CACHED_SIDE * CACHED_SIDE * 3
_TOGETHER = 16
"""Pictures that one process draws at a time."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """``pixels`` are [picture, row, column, channel], 8 bits."""

    pixels: NDArray[np.uint8]
    known: tuple[Known, ...]


def draw_cache(
    folder: Path, split: Split, count: int, processes: int = 1, report: Callable[[int], None] = lambda done: None
) -> None:
    """Draw what is missing of the first ``count`` pictures of ``split``, in some ``processes``; ``report`` is told how
    many there are. What an interrupted call has drawn stays."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _PIXELS).open("ab") as pixels, (folder / _TRUTHS).open("ab") as truths:
        done = _whole(folder)
        pixels.truncate(done * _PICTURE_BYTES)
        truths.truncate(sum(map(len, _lines(folder)[:done])))
        report(min(done, count))
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            made = pool.map(partial(_drawn, split), range(done, count), chunksize=_TOGETHER)
            for number, (square, line) in enumerate(made, done + 1):
                pixels.write(square)
                truths.write(line)
                report(number)


def _drawn(split: Split, index: int) -> tuple[bytes, bytes]:
    """What the two files hold of one picture."""
    picture, known = drawn(split, index)
    return squared(picture).tobytes(), line_of(known)


def read_cache(folder: Path, count: int) -> Pictures:
    """The first ``count`` pictures in ``folder``. Raises ValueError when there are fewer."""
    if _whole(folder) < count:
        raise ValueError(f"{folder}: {_whole(folder)} pictures are drawn, and {count} wanted")
    shape = (count, CACHED_SIDE, CACHED_SIDE, 3)
    pixels = np.memmap(folder / _PIXELS, np.uint8, "r", shape=shape)
    return Pictures(pixels, tuple(map(known_in, _lines(folder)[:count])))


def squared(picture: Image.Image) -> Image.Image:
    """The whole picture as a square, however its sides are."""
    return picture.resize((CACHED_SIDE, CACHED_SIDE), Image.Resampling.BICUBIC)


def _whole(folder: Path) -> int:
    """How many pictures are in both files."""
    if not (folder / _PIXELS).is_file():
        return 0
    return min((folder / _PIXELS).stat().st_size // _PICTURE_BYTES, len(_lines(folder)))


def _lines(folder: Path) -> list[bytes]:
    lines = (folder / _TRUTHS).read_bytes().splitlines(keepends=True)
    return [line for line in lines if line.endswith(b"\n")]
