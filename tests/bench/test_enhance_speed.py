"""What enlarging costs: against Real-ESRGAN's own program with the same weights, and in windows against whole.

The weights are random, which changes no speed; they are scaled so that results use the whole range of values.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd.profiler import profile

from tests.bench.random_networks import photograph, spread_out
from tests.bench.sides import ROOT
from tests.bench.upstream import CPU, original
from tests.kit.figures import record
from tests.kit.sr_networks import State, rrdb, saved, srvgg
from workers.enhance.network import Bytes
from workers.enhance.tiling import upscale
from workers.enhance.torch_loading import load
from workers.enhance.torch_network import TorchNetwork, best_precision

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

ROUNDS = 7
PSNR_AT_LEAST = 50.0
CEILING_AT_LEAST = 0.85
"""Of the speed that the convolutions alone would have, run as they are: what is left is all around them."""
DIFFERENCE_AT_MOST = 2
MEMORY_AT_MOST, TIME_AT_MOST, SEAM_AT_MOST = 0.35, 1.10, 1


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """One, so that neither side waits for a core that something else has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("figure", "name", "state", "last", "side", "at_least"),
    [
        ("P10", "RRDBNet x4plus", lambda: rrdb(4, features=64, blocks=23, growth=32), "conv_last", 64, 2.2),
        ("P13", "SRVGG general-x4v3", lambda: srvgg(4, residual=0.1, features=64, layers=32), "body.66", 160, 1.9),
    ],
)
def test_speed_against_the_original_program(
    figure: str, name: str, state: Callable[[], State], last: str, side: int, at_least: float, tmp_path: Path
) -> None:
    path, picture = spread_out(state(), last, tmp_path / "weights.pth"), photograph(side)
    loaded = load(path)
    ours = TorchNetwork(loaded, CPU, best_precision(CPU, loaded))
    module: Any = load(path).module
    theirs = original(path, getattr(module, "net", module))
    sides = {"ours": lambda: upscale(ours, picture), "theirs": lambda: theirs(picture)}
    results = {each: run() for each, run in sides.items()}
    seconds: dict[str, list[float]] = {each: [] for each in sides}
    for number in range(ROUNDS):
        for each in sorted(sides, reverse=bool(number % 2)):
            began = time.process_time()
            sides[each]()
            seconds[each].append(time.process_time() - began)
    ratios = sorted(b / a for a, b in zip(seconds["ours"], seconds["theirs"], strict=True))
    difference = results["ours"].astype(float) - results["theirs"]
    psnr, most = 20 * np.log10(255 / np.sqrt((difference**2).mean())), np.abs(difference).max()
    share = median(in_convolutions(sides["ours"]) for _ in range(ROUNDS))
    fast = median(ratios) >= at_least and share >= CEILING_AT_LEAST
    equal = psnr >= PSNR_AT_LEAST and most <= DIFFERENCE_AT_MOST
    note(
        f"{figure}-speed",
        f"{name}: speed over the original program ({ours.runtime}; {share:.0%} of the time in convolutions; "
        f"PSNR {psnr:.1f} dB, at most {most:.0f} levels off)",
        round(median(ratios), 2),
        f">= {at_least}, >= {CEILING_AT_LEAST:.0%} of the ceiling, PSNR >= {PSNR_AT_LEAST:g} dB, "
        f"<= {DIFFERENCE_AT_MOST} levels",
        fast and bool(equal),
        f"{ROUNDS} rounds of {side} x {side} pixels, CPU time",
        f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
        f"realesrgan 0.3.0, float32: {median(seconds['theirs']):.2f} s",
    )


def in_convolutions(work: Callable[[], object]) -> float:
    """The share of the processor's time that torch spends inside convolutions."""
    with profile(use_kineto=False) as seen:
        work()
    times = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    return sum(time_us for key, time_us in times.items() if "conv" in key) / sum(times.values())


@dataclass(frozen=True, slots=True)
class Side:
    cpu_s: float
    peak_bytes: int
    result: Bytes


@pytest.mark.parametrize(
    ("name", "state", "size", "precision"),
    [
        ("SRVGG-16", lambda: srvgg(2, residual=0.1, features=64, layers=16), (1279, 719), "float32"),
        ("SRVGG-16", lambda: srvgg(2, residual=0.1, features=64, layers=16), (1279, 719), "bfloat16"),
        ("RRDB-2", lambda: rrdb(4, features=64, blocks=2, growth=32), (480, 320), "float32"),
        ("RRDB-6", lambda: rrdb(4, features=64, blocks=6, growth=32), (480, 320), "bfloat16"),
    ],
)
def test_windows_and_bands_against_the_whole_picture_at_once(
    name: str, state: Callable[[], State], size: tuple[int, int], precision: str, tmp_path: Path
) -> None:
    path = saved(state(), tmp_path / "weights.pth")

    def side(how: str) -> Side:
        result = tmp_path / f"{how}.npy"
        command = [sys.executable, "-m", "tests.bench.enlarging", path, precision, how, *map(str, size), result]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
        return Side(**json.loads(done.stdout), result=np.load(result))

    whole, windows = side("whole"), side("windows")
    # Only the sums of RRDB stay in float32, so that seams show against the same arithmetic alone.
    alike = side("unbanded") if (name, precision) == ("RRDB-6", "bfloat16") else whole
    seam = int(np.abs(alike.result.astype(np.int16) - windows.result).max())
    memory, slower = windows.peak_bytes / whole.peak_bytes, windows.cpu_s / whole.cpu_s
    note(
        f"P12-{name}-{precision}",
        f"{name} in parts: peak memory over the whole picture at once (time {slower:.2f}x, at most {seam} levels off)",
        round(memory, 2),
        f"<= {MEMORY_AT_MOST}, time <= {TIME_AT_MOST}x, seam <= {SEAM_AT_MOST}",
        memory <= MEMORY_AT_MOST and slower <= TIME_AT_MOST and seam <= SEAM_AT_MOST,
        f"best of 2 of {size[0]} x {size[1]} pixels, CPU time",
        f"{windows.peak_bytes >> 20} MiB",
        f"the same weights, whole: {whole.peak_bytes >> 20} MiB, {whole.cpu_s:.1f} s",
    )


def note(*values: Any) -> None:
    keys = ("id", "what", "value", "target", "holds", "n", "spread", "peer")
    record(ROOT / "build/bench.json", dict(zip(keys, values, strict=True)))  # type: ignore[arg-type]
