"""A folder as open_clip writes it: what a model is, how pictures are put before it, its tokenizer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.clip.preprocessing import Framing

BUILT_IN_NAME = "justlens-clip"
CONFIG_NAME = "open_clip_config.json"
TOKENIZER_NAME = "tokenizer.json"
WEIGHTS_NAME = "model.safetensors"
IMAGE_NAME, TEXT_NAME = "image.onnx", "text.onnx"


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """``model`` is open_clip's description of the architecture, ``preprocess`` its settings for pictures."""

    model: Mapping[str, Any]
    preprocess: Mapping[str, Any]

    @property
    def context(self) -> int:
        """The most tokens of a text that are read."""
        return int(self.model["text_cfg"].get("context_length", 77))


def read_config(path: Path) -> ClipConfig:
    """The settings in ``path``: open_clip's open_clip_config.json, or an architecture alone. Raises OSError, and
    ValueError when it is neither."""
    found = json.loads(path.read_text(encoding="utf-8"))
    settings = found if isinstance(found, dict) else {}
    model = settings.get("model_cfg", settings)
    if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(model):
        raise ValueError(f"{path}: no architecture of open_clip")
    return ClipConfig(model, settings.get("preprocess_cfg", {}))


def framing_of(preprocess: Mapping[str, Any]) -> Framing:
    """The framing that a model was trained with, from open_clip's preprocessing settings.

    Raises RuntimeError for settings that cannot be followed here, rather than look at a picture in another way.
    """
    size, how, resampling = preprocess["size"], preprocess["resize_mode"], preprocess["interpolation"]
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1 or how not in ("shortest", "squash") or resampling not in ("bicubic", "bilinear"):
        raise RuntimeError(f"preprocessing is not supported: size {size}, resize {how}, interpolation {resampling}")
    return Framing(sides.pop(), "crop" if how == "shortest" else "squash", resampling)
