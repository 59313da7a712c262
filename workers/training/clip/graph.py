"""The towers of a small CLIP as ONNX graphs. They hold no numbers: those stay in model.safetensors, in 16 bits, where
the graphs name their places; so there is one file of weights, whichever way it is loaded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor is in a safetensors file: its shape, its first byte, its length in bytes."""

    shape: tuple[int, ...]
    start: int
    length: int


def places(weights: Path) -> dict[str, Place]:
    """Of every tensor, by name. Source: the safetensors format, eight bytes of header length and a header in JSON.
    Raises ValueError for a tensor that is not of 16-bit floats."""
    with weights.open("rb") as file:
        header_length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(header_length))
    header.pop("__metadata__", None)
    if other := [name for name, one in header.items() if one["dtype"] != "F16"]:
        raise ValueError(f"not of 16 bits: {', '.join(other)}")
    first = 8 + header_length
    return {
        name: Place(
            tuple(one["shape"]), first + one["data_offsets"][0], one["data_offsets"][1] - one["data_offsets"][0]
        )
        for name, one in header.items()
    }


class Graph:
    """A graph as it grows. Methods return the names of results."""

    def __init__(self, weights: Path) -> None:
        self._file, self._places = weights.name, places(weights)
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """One operator with one result."""
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        """A few numbers that are part of the graph."""
        tensor = numpy_helper.from_array(values, f"constant_{len(self._initializers)}")
        self._initializers[tensor.name] = tensor
        return str(tensor.name)

    def weight(self, name: str) -> str:
        """A tensor of the weights, in 32 bits."""
        if name not in self._initializers:
            place = self._places[name]
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT16, dims=place.shape)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", self._file), ("offset", place.start), ("length", place.length)):
                tensor.external_data.add(key=key, value=str(value))
            self._initializers[name] = tensor
        return self.node("Cast", name, to=TensorProto.FLOAT)

    def linear(self, values: str, weight: str, bias: str) -> str:
        """``values`` times the transposed ``weight``, plus ``bias``."""
        turned = self.node("Transpose", self.weight(weight), perm=[1, 0])
        return self.node("Add", self.node("MatMul", values, turned), self.weight(bias))

    def normalised(self, values: str, layer: str) -> str:
        """Layer normalisation."""
        scale, bias = self.weight(f"{layer}.weight"), self.weight(f"{layer}.bias")
        return self.node("LayerNormalization", values, scale, bias, axis=-1, epsilon=_EPSILON)

    def reshaped(self, values: str, *shape: int) -> str:
        """0 keeps a dimension, -1 is what is left."""
        return self.node("Reshape", values, self.constant(np.array(shape, np.int64)))

    def model(self, inputs: Mapping[str, tuple[int, list[str | int]]], result: str, dimension: int) -> onnx.ModelProto:
        """The finished model. ``inputs``: type and shape by name."""
        given = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()]
        out = self.node("Identity", result)
        made = helper.make_tensor_value_info(out, TensorProto.FLOAT, ["batch", dimension])
        graph = helper.make_graph(self._nodes, "tower", given, [made], list(self._initializers.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
