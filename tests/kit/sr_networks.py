"""Small super-resolution networks with weights that a test chooses: as state dicts, files, and ONNX files."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import Tensor

State = dict[str, Tensor]


def srvgg(
    scale: int, *, residual: float = 0.0, features: int = 8, layers: int = 3, seed: int = 0, colours: int = 3
) -> State:
    """SRVGGNetCompact. Without ``residual`` it repeats each pixel; with it, it adds about that much to each."""
    made = torch.Generator().manual_seed(seed)
    state: State = {}
    sizes = [colours, *([features] * (layers + 1)), colours * scale**2]
    for index, (before, after) in enumerate(pairwise(sizes)):
        last = index == len(sizes) - 2
        weight = torch.randn((after, before, 3, 3), generator=made) * (2 / (9 * before)) ** 0.5
        state[f"body.{2 * index}.weight"] = weight * residual if last else weight
        state[f"body.{2 * index}.bias"] = torch.zeros(after)
        if not last:
            state[f"body.{2 * index + 1}.weight"] = torch.full((after,), 0.2)
    return state


def rrdb(scale: int, *, features: int = 8, blocks: int = 2, growth: int = 4, seed: int = 0) -> State:
    """RRDBNet with random weights; its result is as large as its input is, and has nothing else to do with it."""
    made = torch.Generator().manual_seed(seed)
    shuffled = 3 * {4: 1, 2: 4, 1: 16}[scale]
    sizes = {"conv_first": (shuffled, features), "conv_last": (features, 3)}
    sizes |= dict.fromkeys(("conv_body", "conv_up1", "conv_up2", "conv_hr"), (features, features))
    for block in range(blocks):
        for dense in (1, 2, 3):
            for conv in range(1, 6):
                name = f"body.{block}.rdb{dense}.conv{conv}"
                sizes[name] = (features + (conv - 1) * growth, growth if conv < 5 else features)
    state: State = {}
    for name, (before, after) in sizes.items():
        state[f"{name}.weight"] = torch.randn((after, before, 3, 3), generator=made) * (1 / (9 * before)) ** 0.5
        state[f"{name}.bias"] = torch.zeros(after)
    state["conv_last.bias"] += 0.5
    return state


def saved(state: State, path: Path) -> Path:
    """``state`` in ``path``, the way its suffix says."""
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"params_ema": state}, path)
    return path


def exported(state: State, path: Path) -> Path:
    """A ``srvgg`` as an ONNX file: NCHW of any size, in and out."""
    last = max(int(name.split(".")[1]) for name in state)
    colours = state["body.0.weight"].shape[1]
    scale = int((state[f"body.{last}.bias"].shape[0] / colours) ** 0.5)
    nodes, values, constants = [], "pixels", []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    for index in range(last + 1):
        weight = state[f"body.{index}.weight"].numpy()
        if weight.ndim == 4:
            inputs = [values, constant(f"w{index}", weight), constant(f"b{index}", state[f"body.{index}.bias"].numpy())]
            nodes.append(helper.make_node("Conv", inputs, [f"v{index}"], pads=[1, 1, 1, 1]))
        else:
            slope = constant(f"w{index}", weight.reshape(-1, 1, 1))
            nodes.append(helper.make_node("PRelu", [values, slope], [f"v{index}"]))
        values = f"v{index}"
    nodes.append(helper.make_node("DepthToSpace", [values], ["added"], blocksize=scale, mode="CRD"))
    scales = constant("scales", np.array([1, 1, scale, scale], np.float32))
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    nodes.append(helper.make_node("Resize", ["pixels", "", scales], ["repeated"], **nearest))
    nodes.append(helper.make_node("Add", ["added", "repeated"], ["better"]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", colours, None, None])
        for name in ("pixels", "better")
    ]
    graph = helper.make_graph(nodes, "srvgg", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path
