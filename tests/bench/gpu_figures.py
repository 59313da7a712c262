"""What is measured on a GPU: one function per figure, which says how fast it was and what that was checked against."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from tests.bench import gpu_models
from tests.kit.sr_networks import State, rrdb, srvgg
from workers.enhance.torch_network import TorchNetwork
from workers.training.text.corpus import short_sentences
from workers.vlm.engine import VlmEngine
from workers.vlm.requests import GenerateRequest

ROUNDS, WARM_UP = 7, 3
_SENTENCE = {"type": "string", "minLength": 240, "maxLength": 240}
_SCHEMA = json.dumps({"type": "object", "properties": {"text": _SENTENCE}, "required": ["text"]})


@dataclass(frozen=True, slots=True)
class Speed:
    """One value per round, greater is faster; ``said`` is what else is worth knowing, ``right`` whether the results
    are those of float32."""

    values: list[float]
    said: str = ""
    right: bool = True


def rates(device: torch.device, amount: float, work: Callable[[int], object]) -> list[float]:
    """``amount`` over the seconds of ``work``, which is given the number of the round, for every round."""
    values = []
    for number in range(-WARM_UP, ROUNDS):
        _finish(device)
        began = time.perf_counter()
        work(number + WARM_UP)
        _finish(device)
        values.append(amount / (time.perf_counter() - began))
    return values[WARM_UP:]


def matmul(device: torch.device, side: int = 8192) -> Speed:
    """TFLOP/s of a product of two bfloat16 matrices."""
    one, other = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return Speed(rates(device, 20 * 2 * side**3 / 1e12, lambda _: [one @ other for _ in range(20)]))


def memory(device: torch.device, count: int = 1 << 31) -> Speed:
    """TB/s of a copy, read and written."""
    source, target = (torch.empty(count, device=device, dtype=torch.uint8) for _ in range(2))
    return Speed(rates(device, 20 * 2 * count / 1e12, lambda _: [target.copy_(source) for _ in range(20)]))


def enlarging(device: torch.device, folder: Path, state: State, tile: int = 512, batch: int = 4) -> Speed:
    """Megapixels of the source a second, from bytes to bytes."""
    network = gpu_models.enlarger(state, folder, device)
    windows = np.random.default_rng(0).integers(0, 256, (batch, tile, tile, 3), np.uint8)
    off = _levels_off(network, windows[:1, :64, :64])
    values = rates(device, windows.size / 3e6, lambda _: network.run(windows))
    return Speed(values, f"{network.runtime}, {batch} windows of {tile} x {tile}, at most {off} levels off", off <= 2)


def routes(device: torch.device, folder: Path, tile: int = 512, **sizes: int) -> Speed:
    """How many times as fast a network of two times is as one of four."""
    values = [enlarging(device, folder, rrdb(scale, **sizes), tile).values for scale in (2, 4)]
    return Speed([two / four for two, four in zip(*values, strict=True)])


def looking(device: torch.device, folder: Path, name: str, batch: int = 512) -> Speed:
    """Pictures a second, from 8-bit squares in the computer's memory to vectors in it."""
    towers = gpu_models.towers(name, folder, device)
    made, side = np.random.default_rng(0), towers.framing.side
    squares = [made.integers(0, 256, (side, side, 3), np.uint8).tobytes() for _ in range(batch)]
    return Speed(rates(device, batch, lambda _: towers.encode_images(squares)), f"batches of {batch}")


def sentences(device: torch.device, folder: Path, **sizes: int) -> Speed:
    """How many times a second 128 sentences are encoded."""
    model = gpu_models.sentences(folder, device, **sizes)
    batch = [tuple(short_sentences(1, 128))]
    values = rates(device, 1, lambda _: model.encode(batch))
    return Speed(values, f"{1000 / median(values):.1f} ms for 128 sentences")


def answering(device: torch.device, engine: VlmEngine, batch: int = 32, tokens: int = 64) -> Speed:
    """Answers a second about pictures that were not seen before."""
    values = rates(device, batch, lambda number: engine.generate(_asked(number, batch, tokens)))
    return Speed(values, f"batches of {batch}, {tokens} tokens an answer")


def asking_again(device: torch.device, engine: VlmEngine, tokens: int = 1) -> Speed:
    """How many times as fast another prompt about the same picture is, up to its first token."""
    first = rates(device, 1, lambda number: engine.generate(_asked(1000 + number, 1, tokens)))
    values = []
    for number, rate in enumerate(first):
        engine.generate(_asked(2000 + number, 1, tokens))
        again = _asked(2000 + number, 1, tokens, "What is it not?")
        _finish(device)
        began = time.perf_counter()
        engine.generate(again)
        _finish(device)
        values.append(1 / (time.perf_counter() - began) / rate)
    return Speed(values)


def writing(device: torch.device, engine: VlmEngine, tb_per_s: float, tokens: int = 128) -> Speed:
    """Tokens of one answer a second, as a share of what reading the weights of the language model once for each allows
    at ``tb_per_s``."""
    text = engine._model.get_decoder()
    read = sum(weight.nbytes for weight in text.parameters())
    short, long = (rates(device, 1, lambda n, t=t: engine.generate(_asked(t * 100 + n, 1, t))) for t in (8, tokens))
    per_s = [(tokens - 8) / (1 / slow - 1 / fast) for fast, slow in zip(short, long, strict=True)]
    bound = tb_per_s * 1e12 / read
    return Speed([each / bound for each in per_s], f"{median(per_s):.0f} tokens/s of {bound:.0f}, {read / 1e9:.1f} GB")


def _asked(seed: int, count: int, tokens: int, prompt: str = "What does the picture show?") -> list[GenerateRequest]:
    made = np.random.default_rng(seed)
    pictures = [made.integers(0, 256, 336 * 336 * 3, np.uint8).tobytes() for _ in range(count)]
    return [GenerateRequest(picture, 336, 336, prompt, _SCHEMA, tokens) for picture in pictures]


def _levels_off(network: TorchNetwork, windows: np.ndarray) -> int:
    expected = (network.precise or network).run(windows).astype(int)
    return int(np.abs(network.run(windows) - expected).max())


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def rrdb_x4() -> State:
    """x4plus."""
    return rrdb(4, features=64, blocks=23, growth=32)


def compact(layers: int) -> State:
    """general-x4v3 has 32 layers, animevideov3 16."""
    return srvgg(4, residual=0.1, features=64, layers=layers)
