"""Weights from a file to a torch module: nothing in the file is executed, and what it is follows from its tensors."""

from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import load_file
from spandrel import ImageModelDescriptor, ModelLoader, ModelTiling, canonicalize_state_dict
from torch import nn

from workers.enhance.receptive_field import FURTHEST, UNCUT, measure_receptive_field
from workers.enhance.torch_banded import BandedRRDBNet
from workers.enhance.torch_basicsr import State, check_colours, rrdb_net, srvgg_net
from workers.weights.digest import describe_pickle, weights_digest

SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module with its weights, in float32 on the CPU, and what the rest has to know about it.

    ``cut`` is false for a network that takes pictures whole as long as memory suffices; ``half`` and ``bfloat16``:
    whether its author says that it works in them.
    """

    module: nn.Module
    name: str
    weights: str
    scale: int
    halo: int
    multiple: int = 1
    minimum: int = 1
    cut: bool = True
    half: bool = True
    bfloat16: bool = True


def load(path: Path) -> Loaded:
    """The network in ``path`` (.safetensors, or a .pth or .pt of plain tensors).

    Raises ValueError when the file holds anything else than tensors, and for weights of an architecture that is not
    known or not from RGB to RGB.
    """
    digest = weights_digest([path])
    state = read_state(path)
    try:
        return _recognised(state, digest)
    except Exception as error:  # as many kinds as there are architectures
        raise ValueError(f"{path}: these are no weights of a network that enlarges: {error}") from error


def read_state(path: Path) -> State:
    """The tensors in ``path``, unwrapped from whatever a training kept beside them. Raises ValueError."""
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: weights are one of {', '.join(SUFFIXES)}")
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
        state: State = canonicalize_state_dict(content)
        if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
            raise ValueError("no tensors by name")
    except UnpicklingError as error:
        raise ValueError(describe_pickle(path, "network")) from error
    except Exception as error:  # both raise whatever they meet in there
        raise ValueError(f"{path}: holds something else than tensors, or is damaged: {error}"[:500]) from error
    return state


def _recognised(state: State, digest: str) -> Loaded:
    if "body.0.rdb1.conv1.weight" in state:
        return _rrdb(state, digest)
    if {"body.0.weight", "body.1.weight"} <= state.keys() and all(key.startswith("body.") for key in state):
        module: Any = srvgg_net(state)
        return Loaded(module, "SRVGGNetCompact", digest, module.upscale, halo=module.num_conv + 2)
    return _other(state, digest)


def _rrdb(state: State, digest: str) -> Loaded:
    """Its 3 x 3 convolutions reach 15 pixels per block and over 300 in all, but each level adds only a fifth of what
    it found to what it was given, and what is found beyond FURTHEST pixels is less than a grey level.

    Pictures are only cut when memory does not suffice.
    """
    module: Any = rrdb_net(state)
    multiple = {4: 1, 2: 2, 1: 4}[module.scale]
    banded = BandedRRDBNet(module)
    return Loaded(banded, "RRDBNet", digest, module.scale, FURTHEST, multiple, minimum=multiple, cut=False)


def _other(state: State, digest: str) -> Loaded:
    found = ModelLoader().load_from_state_dict(dict(state))
    if not isinstance(found, ImageModelDescriptor):
        raise ValueError(f"{found.architecture.name} does not turn a picture into a larger one")
    check_colours(found.architecture.name, found.input_channels, found.output_channels)
    needs = found.size_requirements
    if needs.square:
        raise ValueError(f"{found.architecture.name} takes square pictures only")
    module = found.model.eval()

    def forward(values: Any) -> Any:
        with torch.inference_mode():
            return found(torch.from_numpy(values)).numpy()

    cut = found.tiling is ModelTiling.SUPPORTED
    halo = measure_receptive_field(forward)[1] if cut else UNCUT
    return Loaded(
        module,
        found.architecture.id,
        digest,
        found.scale,
        halo,
        max(1, needs.multiple_of),
        max(1, needs.minimum),
        cut,
        found.supports_half,
        found.supports_bfloat16,
    )
