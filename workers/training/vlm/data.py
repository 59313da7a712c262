"""Pictures of the demo world at the size that the model looks at, drawn once and kept in files of a thousand."""

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from workers.training.world.scene import scene
from workers.training.world.truth import Split, Truth

CHUNK = 1000
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pictures:
    """``chunks`` hold CHUNK pictures each, ``side`` x ``side`` RGB; ``truths`` say what each of them shows."""

    chunks: Sequence[Pixels]
    truths: Sequence[Truth]

    def __len__(self) -> int:
        return len(self.truths)

    def pixels(self, indexes: Sequence[int]) -> Pixels:
        """The pictures of these numbers, one after the other."""
        return np.stack([self.chunks[index // CHUNK][index % CHUNK] for index in indexes])


def pictures(folder: Path, split: Split, count: int, side: int) -> Pictures:
    """The first ``count`` pictures of ``split``, those of them drawn that ``folder`` does not hold yet.

    Raises FileNotFoundError, naming the Debian package, when a font is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, count, CHUNK)
    missing = [start for start in starts if not _path(folder, split, side, start).is_file()]
    for start in track(missing, description=f"drawing {split.value}", disable=not missing):
        _draw(_path(folder, split, side, start), split, range(start, start + CHUNK), side)
    paths = [_path(folder, split, side, start) for start in starts]
    truths = [truth for path in paths for truth in _truths(path.with_suffix(".jsonl"))]
    return Pictures([np.load(path, mmap_mode="r") for path in paths], truths[:count])


def square(picture: Image.Image, side: int) -> Image.Image:
    """``picture`` as the processor of the model makes it: each side scaled to ``side``."""
    return picture.resize((side, side), Image.Resampling.BICUBIC)


def _path(folder: Path, split: Split, side: int, start: int) -> Path:
    return folder / f"{split.value}-{side}-{start:06d}.npy"


def _draw(path: Path, split: Split, indexes: Sequence[int], side: int) -> None:
    """Both files of one chunk; the pictures come last and at once, so that they are there only when all is."""
    shown = [scene(split, index) for index in indexes]
    lines = [json.dumps(dataclasses.asdict(one.truth), ensure_ascii=False) for one in shown]
    path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, np.stack([np.asarray(square(one.picture, side)) for one in shown]))
    os.replace(partial, path)


def _truths(path: Path) -> list[Truth]:
    return [_truth(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _truth(fields: dict[str, Any]) -> Truth:
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Truth(**known)
