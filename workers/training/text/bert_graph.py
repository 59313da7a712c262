"""BERT and the mean over its tokens as an ONNX graph, in the operators that onnxruntime runs fast on a CPU.

All texts of a call have the same number of tokens, so there is neither padding nor a mask. Layer normalisation is
written as Add and LayerNormalization: onnxruntime's fused SkipLayerNormalization takes seven times as long on a CPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Arrays = Mapping[str, NDArray[np.float32]]
"""Weights under the names that transformers gives them; a linear layer's is [out, in]."""
_MS = "com.microsoft"
_OPSET, _IR_VERSION = 20, 9


@dataclass(frozen=True, slots=True)
class BertShape:
    """``tokens`` is the greatest number of tokens of a text."""

    layers: int
    heads: int
    hidden: int
    tokens: int
    epsilon: float


@dataclass(slots=True)
class Graph:
    """Nodes and constants under construction."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> list[str]:
        """A node; the names of what it gives."""
        names = [f"{operator}_{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names

    def one(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node with one output; its name."""
        return self.add(operator, *inputs, domain=domain, **attributes)[0]

    def constant(self, name: str, value: object, kind: type = np.float32) -> str:
        """A constant; its name."""
        self.constants[name] = np.asarray(value, kind)
        return name


class Precision(Protocol):
    """How weights are kept, and multiplied with."""

    def look_up(self, graph: Graph, name: str, table: NDArray[np.float32], ids: str) -> str:
        """The rows ``ids`` of ``table``."""

    def multiply(self, graph: Graph, name: str, weight: NDArray[np.float32], rows: str) -> str:
        """``rows`` times the transpose of ``weight``."""


class Float32:
    """As they were trained."""

    def look_up(self, graph: Graph, name: str, table: NDArray[np.float32], ids: str) -> str:
        """See Precision."""
        return graph.one("Gather", graph.constant(name, table), ids)

    def multiply(self, graph: Graph, name: str, weight: NDArray[np.float32], rows: str) -> str:
        """See Precision."""
        return graph.one("MatMul", rows, graph.constant(name, weight.T))


class Int8:
    """Weights in 8 bits with a scale per row of the table or output of the layer; activations in 8 bits with a scale
    per token, found while running.

    A scale per token, not per batch: a text's vector must not depend on what shares its batch, and it is closer to
    float32 by far. A layer's weights are so small that every processor gives the same sums: those without VNNI add two
    neighbouring products in 16 bits, so two neighbours together stay within 128 (255 * 128 < 2**15).
    """

    def look_up(self, graph: Graph, name: str, table: NDArray[np.float32], ids: str) -> str:
        """See Precision."""
        values, scales = _rounded(table, np.abs(table).max(axis=1))
        found = graph.one("Gather", graph.constant(name, values, np.int8), ids)
        scale = graph.one("Gather", graph.constant(f"{name}.scale", scales[:, None]), ids)
        return graph.one("Mul", graph.one("Cast", found, to=TensorProto.FLOAT), scale)

    def multiply(self, graph: Graph, name: str, weight: NDArray[np.float32], rows: str) -> str:
        """See Precision. Activations lie around 128, because the processor multiplies unsigned by signed bytes."""
        values, scales = _rounded(weight, (np.abs(weight[:, ::2]) + np.abs(weight[:, 1::2])).max(axis=1))
        last = graph.constant("last", [-1], np.int64)
        lowest = graph.one("Neg", graph.one("ReduceMin", rows, last, keepdims=0))
        greatest = graph.one(
            "Max", graph.one("ReduceMax", rows, last, keepdims=0), lowest, graph.constant("tiny", 1e-9)
        )
        scale = graph.one("Mul", greatest, graph.constant("step", 1 / 127))
        middle = graph.one("Expand", graph.constant("middle", [128], np.uint8), graph.one("Shape", scale))
        product = graph.one(
            "MatMulIntegerToFloat",
            graph.one("QuantizeLinear", rows, scale, middle, axis=0),
            graph.constant(name, values.T, np.int8),
            graph.constant("one", 1.0),
            graph.constant(f"{name}.scale", scales),
            graph.constant("zero_point", 128, np.uint8),
            domain=_MS,
        )
        return graph.one("Mul", product, graph.one("Unsqueeze", scale, last))


def sentence_graph(weights: Arrays, shape: BertShape, precision: Precision) -> onnx.ModelProto:
    """``ids`` [texts, tokens], int32 -> ``sentence`` [texts, hidden]: the mean of the last layer over the tokens."""
    graph = Graph()
    size = graph.one("Concat", graph.one("Shape", "ids"), graph.constant("hidden", [shape.hidden], np.int64), axis=0)
    rows = _embedded(graph, weights, shape, precision)
    for layer in range(shape.layers):
        rows = _layer(graph, weights, shape, precision, f"encoder.layer.{layer}", rows, size)
    texts = graph.one("Reshape", rows, size)
    # Not ReduceMean: it adds up in another order when there is only one text.
    count = graph.one("Shape", "ids", start=1, end=2)
    ones = graph.one("Expand", graph.constant("ones", [[1.0]]), count)
    mean = graph.one("Div", graph.one("MatMul", ones, texts), graph.one("Cast", count, to=TensorProto.FLOAT))
    graph.nodes.append(helper.make_node("Squeeze", [mean, graph.constant("middle_axis", [1], np.int64)], ["sentence"]))
    return _model(graph, shape.hidden)


def _embedded(graph: Graph, weights: Arrays, shape: BertShape, precision: Precision) -> str:
    words = precision.look_up(graph, "words", weights["embeddings.word_embeddings.weight"], "ids")
    # Every token is of type 0, so that row belongs to the positions.
    kinds = weights["embeddings.token_type_embeddings.weight"][0]
    positions = graph.constant("positions", (weights["embeddings.position_embeddings.weight"] + kinds)[: shape.tokens])
    first, axis = graph.constant("first", [0], np.int64), graph.constant("rows_axis", [0], np.int64)
    used = graph.one("Slice", positions, first, graph.one("Shape", "ids", start=1, end=2), axis)
    flat = graph.constant("flat", [-1, shape.hidden], np.int64)
    rows = graph.one("Reshape", graph.one("Add", words, used), flat)
    return _normalised(graph, weights, shape, "embeddings.LayerNorm", rows)


def _layer(
    graph: Graph, weights: Arrays, shape: BertShape, precision: Precision, name: str, rows: str, size: str
) -> str:
    def linear(parts: list[str], inputs: str) -> str:
        weight = np.concatenate([weights[f"{name}.{part}.weight"] for part in parts])
        bias = np.concatenate([weights[f"{name}.{part}.bias"] for part in parts])
        product = precision.multiply(graph, f"{name}.{parts[0]}", weight, inputs)
        return graph.one("Add", product, graph.constant(f"{name}.{parts[0]}.bias", bias))

    together = linear([f"attention.self.{part}" for part in ("query", "key", "value")], rows)
    split = graph.add("Split", together, outputs=3, axis=1, num_outputs=3)
    texts = [graph.one("Reshape", part, size) for part in split]
    attended = graph.one("MultiHeadAttention", *texts, domain=_MS, num_heads=shape.heads)
    flat = graph.one("Reshape", attended, "flat")
    rows = graph.one("Add", linear(["attention.output.dense"], flat), rows)
    rows = _normalised(graph, weights, shape, f"{name}.attention.output.LayerNorm", rows)
    inner = graph.one("Gelu", linear(["intermediate.dense"], rows), domain=_MS)
    rows = graph.one("Add", linear(["output.dense"], inner), rows)
    return _normalised(graph, weights, shape, f"{name}.output.LayerNorm", rows)


def _normalised(graph: Graph, weights: Arrays, shape: BertShape, name: str, rows: str) -> str:
    scale = graph.constant(f"{name}.weight", weights[f"{name}.weight"])
    bias = graph.constant(f"{name}.bias", weights[f"{name}.bias"])
    return graph.one("LayerNormalization", rows, scale, bias, epsilon=shape.epsilon)


def _rounded(rows: NDArray[np.float32], greatest: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Each row in 8 bits, its ``greatest`` as 127, with its scale."""
    scales = greatest / 127
    return np.rint(rows / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def _model(graph: Graph, hidden: int) -> onnx.ModelProto:
    made = helper.make_graph(
        graph.nodes,
        "sentence",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "tokens"])],
        [helper.make_tensor_value_info("sentence", TensorProto.FLOAT, ["texts", hidden])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in graph.constants.items()],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MS, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="justlens")
