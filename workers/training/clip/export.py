"""The built-in CLIP as files: weights in 16 bits, open_clip's config, and a graph for each tower."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from workers.clip.builtin import source_in
from workers.clip.folder import BUILT_IN_NAME, WEIGHTS_NAME, read_config
from workers.clip.model import Towers
from workers.clip.onnx_model import OnnxTowers
from workers.clip.open_clip_model import OpenClipSource, OpenClipTowers
from workers.server.text_embedding import Embeddings
from workers.training.clip.towers import image_tower, text_tower

MOST_DIFFERENCE = 1e-3
"""In any number of a vector, between the two ways of loading the weights."""


def write_weights(folder: Path, state: Mapping[str, torch.Tensor]) -> None:
    """The weights, which are all that was learnt and nothing that is derived from it."""
    kept = {name: value.detach().cpu().half().contiguous() for name, value in state.items() if name != "text.attn_mask"}
    save_file(kept, folder / WEIGHTS_NAME)
    (folder / WEIGHTS_NAME).chmod(0o644)  # as every other file: safetensors lets only the owner read


def write_graphs(folder: Path) -> None:
    """Both towers of the weights and the config in ``folder``."""
    source = source_in(folder)
    config = read_config(source.config)
    with_scale = {"scale": repr(_scale(source.weights))}
    for path, tower in (
        (source.image, image_tower(source.weights, config.model, config.preprocess)),
        (source.text, text_tower(source.weights, config.model)),
    ):
        onnx.helper.set_model_props(tower, with_scale)
        path.write_bytes(tower.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(path))


def both_towers(folder: Path) -> tuple[OnnxTowers, OpenClipTowers]:
    """The same weights in onnxruntime and in torch, on one thread each."""
    source = source_in(folder)
    torch_source = OpenClipSource(BUILT_IN_NAME, source.weights, None, source.config)
    return OnnxTowers(source, threads=1), OpenClipTowers(torch_source, device="cpu", threads=1, precision="float32")


def difference(one: Towers, other: Towers) -> float:
    """The most that any number of a vector differs, over noise of several kinds and texts of several lengths."""
    side, chance = one.framing.side, np.random.default_rng(7)
    pixels = [chance.integers(0, most, (side, side, 3)).astype(np.uint8).tobytes() for most in (1, 60, 256)]
    texts = ["", "a bakery", "naïve café, 東京", "two croissants stand in the window " * 20]
    pairs: list[tuple[Embeddings, Embeddings]] = [
        (one.encode_images(pixels), other.encode_images(pixels)),
        (one.encode_texts(texts), other.encode_texts(texts)),
    ]
    return max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)


def _scale(weights: Path) -> float:
    with safe_open(weights, "pt") as file:
        return float(file.get_tensor("logit_scale").float().exp())
