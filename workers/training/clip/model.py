"""The architecture of the built-in CLIP: open_clip's plain vision transformer and text transformer, small."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch

VOCABULARY_SIZE = 2048
CONTEXT = 64
MODEL: Mapping[str, Any] = {
    "embed_dim": 192,
    "custom_text": True,
    "vision_cfg": {"image_size": 192, "patch_size": 16, "width": 160, "layers": 6, "head_width": 40},
    "text_cfg": {
        "context_length": CONTEXT,
        "vocab_size": VOCABULARY_SIZE,
        "width": 160,
        "heads": 4,
        "layers": 3,
        "hf_tokenizer_name": "tokenizer.json",
    },
}
PREPROCESS: Mapping[str, Any] = {
    "size": 192,
    "mode": "RGB",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
CONFIG_NAME = "open_clip_config.json"


def write_config(folder: Path, model: Mapping[str, Any] = MODEL, preprocess: Mapping[str, Any] = PREPROCESS) -> None:
    """The file that makes ``folder`` one that open_clip opens as "local-dir:..."."""
    text = json.dumps({"model_cfg": model, "preprocess_cfg": preprocess}, indent=2)
    (folder / CONFIG_NAME).write_text(text + "\n")


def new_model(seed: int, model: Mapping[str, Any] = MODEL) -> Any:
    """With random weights, the same for the same seed. Its image tower also gives the tokens of its patches."""
    torch.manual_seed(seed)
    text = {key: value for key, value in model["text_cfg"].items() if key != "hf_tokenizer_name"}
    settings = {key: value for key, value in model.items() if key not in ("custom_text", "text_cfg")}
    made = open_clip.CustomTextCLIP(**settings, text_cfg=text)
    made.visual.output_tokens = True
    return made


def encode_ids(text: Any, ids: torch.Tensor) -> torch.Tensor:
    """What the text tower makes of ``ids``, as itself but without computing the padding of a whole context."""
    long = ids.shape[1]
    found = text.token_embedding(ids) + text.positional_embedding[:long]
    found = text.ln_final(text.transformer(found, attn_mask=text.attn_mask[:long, :long]))
    ends = found[torch.arange(len(ids), device=ids.device), ids.argmax(dim=1)]
    return torch.as_tensor(ends @ text.text_projection)


def encode_pixels(visual: Any, pixels: torch.Tensor, kept: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """What the image tower makes of ``pixels``, and the tokens of the patches that are ``kept`` [picture, number]
    (None: all), with which alone it then computes. Source: Y. Li et al., "Scaling language-image pre-training via
    masking" (2023)."""
    found = visual._embeds(pixels)
    if kept is not None:
        rows = torch.arange(len(kept), device=kept.device)[:, None]
        found = torch.cat([found[:, :1], found[rows, kept + 1]], dim=1)
    pooled, tokens = visual._pool(visual.transformer(found))
    return pooled @ visual.proj, tokens
