"""The speeds on a GPU, beside what it can do at most, measured in the same run. Targets are for one H200.

Without a GPU every row says that it was not measured.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest
import torch

from tests.bench import gpu_figures as gpu
from tests.bench import gpu_models
from tests.bench.rounds import BENCH
from tests.kit.figures import record
from workers.vlm.engine import VlmEngine

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

DEVICE = torch.device("cuda")
TFLOP_AT_LEAST, TB_AT_LEAST = 700.0, 3.8


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row: its id, what it is, and the least that is asked."""

    id: str
    what: str
    at_least: float


MATMUL = Wanted("GPU-matmul", "bfloat16 matrix product, TFLOP/s (the ceiling; an H200 has about 790)", TFLOP_AT_LEAST)
MEMORY = Wanted("GPU-memory", "copy in memory, TB/s read and written (the ceiling; an H200 has about 4.3)", TB_AT_LEAST)
MP = "megapixels of the source a second"
PICTURES: dict[str, tuple[Wanted, Callable[[Path], gpu.Speed]]] = {
    "x4plus": (
        Wanted("GPU-x4plus", f"RRDBNet x4plus, {MP}", 8.4),
        lambda folder: gpu.enlarging(DEVICE, folder, gpu.rrdb_x4()),
    ),
    "x2": (
        Wanted("GPU-x2", "RRDBNet x2plus, times as fast as x4plus", 3.5),
        lambda folder: gpu.routes(DEVICE, folder, features=64, blocks=23, growth=32),
    ),
    "srvgg32": (
        Wanted("GPU-srvgg-32", f"SRVGG of 32 layers, {MP}", 130),
        lambda folder: gpu.enlarging(DEVICE, folder, gpu.compact(32)),
    ),
    "srvgg16": (
        Wanted("GPU-srvgg-16", f"SRVGG of 16 layers, {MP}", 250),
        lambda folder: gpu.enlarging(DEVICE, folder, gpu.compact(16)),
    ),
    "b32": (
        Wanted("GPU-clip-b32", "ViT-B-32, pictures a second", 40_000),
        lambda folder: gpu.looking(DEVICE, folder, "ViT-B-32"),
    ),
    "l14": (
        Wanted("GPU-clip-l14", "ViT-L-14, pictures a second", 2_900),
        lambda folder: gpu.looking(DEVICE, folder, "ViT-L-14"),
    ),
    "l14-336": (
        Wanted("GPU-clip-l14-336", "ViT-L-14-336, pictures a second", 1_200),
        lambda folder: gpu.looking(DEVICE, folder, "ViT-L-14-336"),
    ),
    "mpnet": (
        Wanted("GPU-mpnet", "all-mpnet-base-v2, 128 sentences: times a second (3 ms each)", 1000 / 3),
        lambda folder: gpu.sentences(folder=folder, device=DEVICE),
    ),
}
ANSWERS = Wanted("GPU-llava", "LLaVA 1.5 7B, answers of 64 tokens a second", 25)
AGAIN = Wanted("GPU-llava-again", "LLaVA 1.5 7B, another prompt about the same picture: times as fast", 5)
TOKENS = Wanted("GPU-mllama", "Llama 3.2 11B, one answer: share of what reading the weights allows", 0.6)


@pytest.fixture(scope="module")
def tb_per_s() -> Iterator[float]:
    """The ceilings, measured first. 0 without a GPU."""
    if not torch.cuda.is_available():
        for wanted in (MATMUL, MEMORY):
            unmeasured(wanted)
        yield 0.0
        return
    note(MATMUL, gpu.matmul(DEVICE))
    speed = gpu.memory(DEVICE)
    note(MEMORY, speed)
    yield median(speed.values)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_and_sentences(name: str, tb_per_s: float, tmp_path: Path) -> None:
    wanted, measure = PICTURES[name]
    if tb_per_s:
        note(wanted, measure(tmp_path))
        torch.cuda.empty_cache()
    else:
        unmeasured(wanted)


def test_llava(tb_per_s: float) -> None:
    if not tb_per_s:
        unmeasured(ANSWERS)
        unmeasured(AGAIN)
        return
    engine = gpu_models.llava(DEVICE, gpu_models.LLAVA_TEXT, gpu_models.LLAVA_VISION, max_batch=32)
    note(ANSWERS, gpu.answering(DEVICE, engine))
    note(AGAIN, gpu.asking_again(DEVICE, engine))


def test_mllama(tb_per_s: float) -> None:
    if not tb_per_s:
        unmeasured(TOKENS)
        return
    engine: VlmEngine = gpu_models.mllama(DEVICE, {}, {}, max_batch=1)
    note(TOKENS, gpu.writing(DEVICE, engine, tb_per_s))


def note(wanted: Wanted, speed: gpu.Speed) -> None:
    measured = median(speed.values)
    name = torch.cuda.get_device_name(DEVICE)
    holds = measured >= wanted.at_least and speed.right
    spread = f"{min(speed.values):.3g} to {max(speed.values):.3g}"
    _row(wanted, float(f"{measured:.4g}"), holds, f"{gpu.ROUNDS} rounds", spread, f"{name}; {speed.said}")


def unmeasured(wanted: Wanted) -> None:
    _row(wanted, None, False, "none", "none", "unmeasured: no GPU here")


def _row(wanted: Wanted, value: float | None, holds: bool, n: str, spread: str, peer: str) -> None:
    target = f">= {wanted.at_least:g}"
    keys = ("id", "what", "value", "target", "holds", "n", "spread", "peer")
    row = dict(zip(keys, (wanted.id, wanted.what, value, target, holds, n, spread, peer), strict=True))
    record(BENCH, row)  # type: ignore[arg-type]
