"""The clip model that sees: any architecture of open_clip, with weights that were really loaded."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.pretrained import download_pretrained, get_pretrained_cfg

from workers.clip.framing import Framing, Glimpse
from workers.clip.model import Sight
from workers.clip.vocabulary import read_vocabulary
from workers.clip.zero_shot import ZeroShot
from workers.device import choose_device, memory_errors
from workers.encoding import Rows, Texts, encoded_together, unit_rows
from workers.weights import space_id, weights_digest

_TOGETHER = 64
"""Texts in one forward pass."""


@dataclass(frozen=True, slots=True)
class OpenClipSource:
    """What to load: architecture ``name`` (with its own ``config``, if open_clip does not know it), weights from a
    file or from the ``pretrained`` of that name, and the vocabulary to judge with."""

    name: str
    weights: Path | None
    pretrained: str | None
    config: Path | None
    vocabulary: Path


class OpenClip:
    """Image and text tower of one model. Raises RuntimeError when the weights are missing or do not fit.

    Texts beyond the context of the text tower (77 tokens for most) are cut there. The same bytes get the same answer
    up to float32 rounding, whatever they share a batch with.
    """

    def __init__(self, source: OpenClipSource, *, device: str, threads: int | None) -> None:
        self._device = choose_device(device, threads)
        if source.config is not None:
            open_clip.add_model_config(source.config)
        with warnings.catch_warnings():
            # Weights that were trained with another activation load without complaint and see wrongly ever after.
            warnings.filterwarnings("error", message="QuickGELU mismatch")
            self._model = open_clip.create_model(
                source.name,
                pretrained=source.pretrained or str(source.weights),
                require_pretrained=True,
                weights_only=True,
                device=self._device,
            ).eval()
        self._tokenize = open_clip.get_tokenizer(source.name)
        self.name = source.name
        self.weights = weights_digest([source.weights or _downloaded(source)])
        self.space = space_id("clip", source.name, self.weights)
        preprocess: Mapping[str, Any] = open_clip.get_model_preprocess_cfg(self._model)
        self.framing = framing_of(preprocess)
        self._mean, self._std = (
            torch.tensor(preprocess[key], device=self._device).reshape(3, 1, 1) for key in ("mean", "std")
        )
        scale = float(self._model.logit_scale.exp())
        self._judge = ZeroShot(read_vocabulary(source.vocabulary), self._text_rows, scale).judge
        self.dimension = self._text_rows(["one text, to see that it works"]).shape[1]

    def look(self, batch: Sequence[Glimpse]) -> list[Sight]:
        """One per picture, in order. Raises MemoryError when the device has none left."""
        with memory_errors():
            vectors = self._image_rows([glimpse.pixels for glimpse in batch])
        return [Sight(vector, self._judge(vector)) for vector in vectors]

    def encode(self, batch: Sequence[Texts]) -> list[Rows]:
        """One unit vector per text, for each of several requests. Raises MemoryError."""
        with memory_errors():
            return encoded_together(batch, self._text_rows)

    @torch.inference_mode()
    def _image_rows(self, pictures: Sequence[bytes]) -> Rows:
        side = self.framing.side
        pixels = np.frombuffer(b"".join(pictures), np.uint8).reshape(-1, side, side, 3).copy()
        batch = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float().div(255)
        vectors = self._model.encode_image((batch - self._mean) / self._std)
        return unit_rows(vectors.float().cpu().numpy())

    @torch.inference_mode()
    def _text_rows(self, texts: list[str]) -> Rows:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        parts = [texts[start : start + _TOGETHER] for start in range(0, len(texts), _TOGETHER)]
        vectors = [self._model.encode_text(self._tokenize(part).to(self._device)).float().cpu() for part in parts]
        return unit_rows(torch.cat(vectors).numpy())


def framing_of(preprocess: Mapping[str, Any]) -> Framing:
    """The framing that a model was trained with, from open_clip's preprocessing settings.

    Raises RuntimeError for settings that cannot be followed here, rather than look at a picture in another way.
    """
    size, how, resampling = preprocess["size"], preprocess["resize_mode"], preprocess["interpolation"]
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1 or how not in ("shortest", "squash") or resampling not in ("bicubic", "bilinear"):
        raise RuntimeError(f"preprocessing is not supported: size {size}, resize {how}, interpolation {resampling}")
    return Framing(sides.pop(), "crop" if how == "shortest" else "squash", resampling)


def _downloaded(source: OpenClipSource) -> Path:
    """The file that open_clip keeps the published weights in."""
    return Path(download_pretrained(get_pretrained_cfg(source.name, source.pretrained)))
