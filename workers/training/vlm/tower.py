"""The image tower of an open_clip model as the tower of a LLaVA: the same numbers under other names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPVisionConfig

from workers.training.vlm.shape import GRID
from workers.weights.digest import weights_digest

_OUTSIDE = {
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
_INSIDE = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_CONFIG, _WEIGHTS = "open_clip_config.json", "model.safetensors"


@dataclass(frozen=True, slots=True)
class Tower:
    """An image tower that looks at squares of ``side_px`` in patches of ``patch_px``: its shape and its numbers as
    those of a CLIPVisionModel, and the ``mean`` and ``deviation`` that the three colours of a picture are brought to.
    ``digest`` is that of its file of weights."""

    side_px: int
    patch_px: int
    config: CLIPVisionConfig
    weights: Mapping[str, Tensor]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    digest: str


def vision_config_of(open_clip: Mapping[str, Any]) -> CLIPVisionConfig:
    """The shape of the tower in an open_clip configuration (its ``model_cfg``). Raises ValueError for one that is no
    plain ViT."""
    tower = open_clip["vision_cfg"]
    plain = {"layers", "width", "patch_size", "image_size", "head_width", "mlp_ratio"}
    if not plain >= tower.keys() - {"pool_type"} or tower.get("pool_type", "tok") != "tok":
        raise ValueError(f"not a plain ViT: {', '.join(sorted(tower.keys() - plain))}")
    width = tower["width"]
    return CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=int(width * tower.get("mlp_ratio", 4.0)),
        num_hidden_layers=tower["layers"],
        num_attention_heads=width // tower.get("head_width", 64),
        image_size=tower["image_size"],
        patch_size=tower["patch_size"],
        projection_dim=open_clip["embed_dim"],
        hidden_act="quick_gelu" if open_clip.get("quick_gelu") else "gelu",
    )


def tower_weights(open_clip: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a CLIPVisionModel from that of an open_clip model, whose text tower and projections stay behind."""
    prefix = "visual."
    found: dict[str, Tensor] = {}
    for name, value in open_clip.items():
        if not name.startswith(prefix) or name == "visual.proj":
            continue
        plain = name.removeprefix(prefix)
        if plain in _OUTSIDE:
            found[_OUTSIDE[plain]] = value
            continue
        layer, _, inner = plain.removeprefix("transformer.resblocks.").partition(".")
        found |= _layer(f"encoder.layers.{int(layer)}", inner, value)
    return found


def _layer(target: str, inner: str, value: Tensor) -> dict[str, Tensor]:
    """One weight of a layer; the three projections of attention are stored as one by open_clip."""
    if inner.startswith("attn.in_proj_"):
        kind = inner.removeprefix("attn.in_proj_")
        parts = zip("qkv", torch.chunk(value, 3), strict=True)
        return {f"{target}.self_attn.{part}_proj.{kind}": chunk.clone() for part, chunk in parts}
    module, _, kind = inner.rpartition(".")
    return {f"{target}.{_INSIDE[module]}.{kind}": value}


def read_tower(folder: Path) -> Tower:
    """The tower of the open_clip model in ``folder`` (open_clip_config.json, model.safetensors). Raises OSError when
    there is none, ValueError for one that is no plain ViT, or that does not look at whole pictures squashed to a square
    of GRID x GRID patches."""
    stored = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    seen = stored["preprocess_cfg"]
    if (seen["resize_mode"], seen["interpolation"]) != ("squash", "bicubic"):
        raise ValueError(f"{folder}: pictures are not squashed, bicubic")
    vision = stored["model_cfg"]["vision_cfg"]
    if vision["image_size"] != GRID * vision["patch_size"]:
        raise ValueError(f"{folder}: the tower looks at other than {GRID} x {GRID} patches")
    weights = folder / _WEIGHTS
    return Tower(
        vision["image_size"],
        vision["patch_size"],
        vision_config_of(stored["model_cfg"]),
        tower_weights(load_file(weights)),
        tuple(seen["mean"]),
        tuple(seen["std"]),
        weights_digest([weights])[:16],
    )
