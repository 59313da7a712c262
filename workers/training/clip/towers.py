"""The two towers of open_clip's plain architecture, drawn as ONNX graphs. Source: open_clip 3.3, transformer.py."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from workers.training.clip.graph import Graph


def image_tower(weights: Path, model: Mapping[str, Any], preprocess: Mapping[str, Any]) -> onnx.ModelProto:
    """From 8-bit RGB squares [picture, row, column, channel] to vectors, not yet of length 1."""
    vision = model["vision_cfg"]
    side, patch, width = vision["image_size"], vision["patch_size"], vision["width"]
    graph = Graph(weights)
    planes = graph.node("Transpose", graph.node("Cast", "pixels", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    mean, std = (np.array(preprocess[key], np.float32).reshape(1, 3, 1, 1) * 255 for key in ("mean", "std"))
    scaled = graph.node("Div", graph.node("Sub", planes, graph.constant(mean)), graph.constant(std))
    kernel = graph.weight("visual.conv1.weight")
    patches = graph.node("Conv", scaled, kernel, kernel_shape=[patch, patch], strides=[patch, patch])
    tokens = graph.node("Transpose", graph.reshaped(patches, 0, width, -1), perm=[0, 2, 1])
    count = graph.node("Slice", graph.node("Shape", tokens), *(graph.constant(np.array([n], np.int64)) for n in (0, 1)))
    rest = graph.constant(np.array([1, width], np.int64))
    first = graph.node("Expand", graph.weight("visual.class_embedding"), graph.node("Concat", count, rest, axis=0))
    tokens = graph.node("Concat", first, tokens, axis=1)
    tokens = graph.node("Add", tokens, graph.weight("visual.positional_embedding"))
    tokens = graph.normalised(tokens, "visual.ln_pre")
    for layer in range(vision["layers"]):
        tokens = _block(graph, tokens, f"visual.transformer.resblocks.{layer}", width // vision["head_width"], width)
    pooled = graph.node("Gather", tokens, graph.constant(np.array(0, np.int64)), axis=1)
    pooled = graph.normalised(pooled, "visual.ln_post")
    result = graph.node("MatMul", pooled, graph.weight("visual.proj"))
    shape: list[str | int] = ["batch", side, side, 3]
    return graph.model({"pixels": (TensorProto.UINT8, shape)}, result, model["embed_dim"])


def text_tower(weights: Path, model: Mapping[str, Any]) -> onnx.ModelProto:
    """From token ids [text, token] to vectors, not yet of length 1."""
    text = model["text_cfg"]
    width, context = text["width"], text["context_length"]
    graph = Graph(weights)
    zero, one = (graph.constant(np.array([n], np.int64)) for n in (0, 1))
    long = graph.node("Slice", graph.node("Shape", "ids"), one, graph.constant(np.array([2], np.int64)))
    tokens = graph.node("Gather", graph.weight("text.token_embedding.weight"), "ids")
    positions = graph.node("Slice", graph.weight("text.positional_embedding"), zero, long, zero)
    tokens = graph.node("Add", tokens, positions)
    mask = graph.constant(np.triu(np.full((context, context), -1e9, np.float32), 1))
    mask = graph.node("Slice", graph.node("Slice", mask, zero, long, zero), zero, long, one)
    for layer in range(text["layers"]):
        tokens = _block(graph, tokens, f"text.transformer.resblocks.{layer}", text["heads"], width, mask)
    tokens = graph.normalised(tokens, "text.ln_final")
    last = graph.node("Unsqueeze", graph.node("ArgMax", "ids", axis=1, keepdims=1), graph.constant(np.array([2])))
    last = graph.node("Expand", last, graph.constant(np.array([1, 1, width], np.int64)))
    pooled = graph.reshaped(graph.node("GatherElements", tokens, last, axis=1), -1, width)
    result = graph.node("MatMul", pooled, graph.weight("text.text_projection"))
    return graph.model({"ids": (TensorProto.INT64, ["batch", "tokens"])}, result, model["embed_dim"])


def _block(graph: Graph, tokens: str, layer: str, heads: int, width: int, mask: str | None = None) -> str:
    """A residual attention block."""
    seen = _attention(graph, graph.normalised(tokens, f"{layer}.ln_1"), f"{layer}.attn", heads, width, mask)
    tokens = graph.node("Add", tokens, seen)
    hidden = graph.normalised(tokens, f"{layer}.ln_2")
    hidden = graph.linear(hidden, f"{layer}.mlp.c_fc.weight", f"{layer}.mlp.c_fc.bias")
    hidden = graph.node("Gelu", hidden)
    return graph.node("Add", tokens, graph.linear(hidden, f"{layer}.mlp.c_proj.weight", f"{layer}.mlp.c_proj.bias"))


def _attention(graph: Graph, tokens: str, layer: str, heads: int, width: int, mask: str | None) -> str:
    """Of every token on every token, or where there is a mask on what it lets through."""
    joined = graph.linear(tokens, f"{layer}.in_proj_weight", f"{layer}.in_proj_bias")
    parts = graph.reshaped(joined, 0, 0, 3, heads, width // heads)
    asked, known, told = (
        graph.node("Transpose", graph.node("Gather", parts, graph.constant(np.array(n)), axis=2), perm=perm)
        for n, perm in enumerate(([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
    )
    root = graph.constant(np.array((width // heads) ** -0.5, np.float32))
    scores = graph.node("MatMul", graph.node("Mul", asked, root), known)
    if mask is not None:
        scores = graph.node("Add", scores, mask)
    mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), told)
    together = graph.reshaped(graph.node("Transpose", mixed, perm=[0, 2, 1, 3]), 0, 0, width)
    return graph.linear(together, f"{layer}.out_proj.weight", f"{layer}.out_proj.bias")
