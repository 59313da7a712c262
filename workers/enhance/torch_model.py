"""The enhance model of your own weights, in torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from workers.device import choose_device
from workers.enhance.likeness import Likeness
from workers.enhance.networks import Networks
from workers.enhance.probing import check_network
from workers.enhance.torch_loading import load
from workers.enhance.torch_network import TorchNetwork, best_precision
from workers.weights.hub import Weights, weights_at

NAME = "torch"
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class TorchOptions:
    """``weights`` for every picture, ``text_weights`` for those of type text (empty: the same ones). ``sha256`` are
    the digests that files may have; empty allows any. ``precision`` is one of PRECISIONS or "auto"."""

    weights: Sequence[Weights]
    text_weights: Sequence[Weights]
    sha256: Sequence[str]
    device: str
    threads: int | None
    precision: str


def load_torch(options: TorchOptions, likeness: Likeness | None = None) -> Networks:
    """Raises ValueError for weights that are not what was asked for, RuntimeError for a device that is not there."""
    device = choose_device(options.device, options.threads)
    usual, text = (
        [_network(weights_at(one, options.sha256), options, device) for one in given]
        for given in (options.weights, options.text_weights)
    )
    return Networks(NAME, usual, {"text": text}, likeness)


def _network(path: Path, options: TorchOptions, device: torch.device) -> TorchNetwork:
    loaded = load(path)
    dtype = best_precision(device, loaded) if options.precision == "auto" else PRECISIONS[options.precision]
    network = TorchNetwork(loaded, device, dtype)
    check_network(network)
    return network
