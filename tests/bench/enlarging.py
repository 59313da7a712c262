"""One side of a measurement in a process of its own: python -m tests.bench.enlarging WEIGHTS PRECISION SIDE
WIDTH HEIGHT RESULT. Prints CPU seconds and the peak of memory above what the loaded network has, in bytes.

SIDE is "windows" (as the worker does it), "whole" (the plain network in PRECISION throughout), or "unbanded" (the
worker's arithmetic, but the whole picture in one window and one band).
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from workers.enhance import torch_banded
from workers.enhance.tiling import upscale
from workers.enhance.torch_loading import load
from workers.enhance.torch_network import TorchNetwork

WHOLE = 1 << 40
ROUNDS = 2


def main(arguments: list[str]) -> None:
    """See the module."""
    weights, precision, how, width, height, result = arguments
    torch.set_num_threads(1)
    dtype = getattr(torch, precision)
    network = TorchNetwork(load(Path(weights)), torch.device("cpu"), dtype)
    if how != "windows":
        network.tile_pixels = WHOLE
        torch_banded._BLOCK_PIXELS = torch_banded._TAIL_PIXELS = WHOLE
    if how == "whole":
        network._module = getattr(network._module, "net", network._module).to(dtype)
        network._takes = dtype
    picture = np.random.default_rng(0).integers(0, 256, (int(height), int(width), 3), np.uint8)
    upscale(network, picture[:64, :64])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew, see proc(5)
    before, cpu_s = _memory("VmRSS"), []
    for _ in range(ROUNDS):
        began = time.process_time()
        better = upscale(network, picture)
        cpu_s.append(time.process_time() - began)
    np.save(result, better)
    print(json.dumps({"cpu_s": min(cpu_s), "peak_bytes": _memory("VmHWM") - before}))


def _memory(name: str) -> int:
    """Bytes, by the name that /proc/self/status has for it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{name} is not in /proc/self/status")


if __name__ == "__main__":
    main(sys.argv[1:])
