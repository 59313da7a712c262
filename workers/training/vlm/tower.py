"""The image tower of an open_clip model as the tower of a LLaVA: the same numbers under other names."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPVisionConfig

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
_CONFIGS = ("open_clip_config.json", "config.json")
_SHAPE = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size",
    "hidden_act",
)  # fmt: skip


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


def read_tower(folder: Path, wanted: CLIPVisionConfig) -> dict[str, Tensor]:
    """The tower of the open_clip model in ``folder`` (open_clip_config.json, model.safetensors), as a CLIPVisionModel
    of the shape ``wanted``. Raises ValueError when it has another shape, OSError when there is none."""
    file = next((folder / name for name in _CONFIGS if (folder / name).is_file()), folder / _CONFIGS[0])
    config = json.loads(file.read_text(encoding="utf-8"))
    found = vision_config_of(config.get("model_cfg", config))
    differing = [name for name in _SHAPE if getattr(found, name) != getattr(wanted, name)]
    if differing:
        raise ValueError(f"{folder}: the tower has another {', '.join(differing)}")
    return tower_weights(load_file(folder / "model.safetensors"))
