"""The towers of any architecture of open_clip, with weights that were really loaded, in torch."""

import copy
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.pretrained import download_pretrained, get_pretrained_cfg
from PIL import Image

from workers.clip.folder import TOKENIZER_NAME, ClipConfig, framing_of, read_config
from workers.clip.tokens import Tokens
from workers.device import choose_device, fast_bfloat16, memory_errors
from workers.server.text_embedding import Embeddings, check_texts, unit_rows
from workers.weights.digest import describe_pickle, space_id, weights_digest

_TOGETHER = 64
"""Texts in one forward pass."""
_AGREES = 0.999
"""The least cosine between a picture's vectors in bfloat16 and in float32; 0.9999 for a ViT-B-32."""


@dataclass(frozen=True, slots=True)
class OpenClipSource:
    """What to load: architecture ``name`` (with its own ``config``, if open_clip does not know it), and weights from a
    file or from the ``pretrained`` of that name. Beside a config may lie the model's own tokenizer.json."""

    name: str
    weights: Path | None
    pretrained: str | None
    config: Path | None


class OpenClipTowers:
    """Image and text tower of one model. Raises RuntimeError when the weights are missing or do not fit.

    Texts beyond the context of the text tower (77 tokens for most) are cut there. The same bytes get the same answer
    up to rounding, whatever they share a batch with. Texts are read in float32; with ``precision`` "auto" pictures are
    seen in bfloat16 where the device has it and these weights see the same in it.
    """

    def __init__(self, source: OpenClipSource, *, device: str, threads: int | None, precision: str = "auto") -> None:
        self._device = choose_device(device, threads)
        config = read_config(source.config) if source.config else None
        self._model = _loaded(source, config, self._device)
        self._tokenize = _tokenizer(source, config)
        self.name = source.name
        self.weights = weights_digest([source.weights or _downloaded(source)])
        self.space = space_id("clip", source.name, self.weights)
        preprocess: Mapping[str, Any] = open_clip.get_model_preprocess_cfg(self._model)
        self.framing = framing_of(preprocess)
        self._mean, self._std = (
            torch.tensor(preprocess[key], device=self._device).reshape(3, 1, 1) for key in ("mean", "std")
        )
        self.scale = float(self._model.logit_scale.detach().exp())
        self.dimension = check_texts(source.name, self.encode_texts)
        self._takes = torch.float32
        if precision == "auto" and fast_bfloat16(self._device):
            self._lower()

    def encode_images(self, pictures: Sequence[bytes]) -> Embeddings:
        """See ``Towers.encode_images``."""
        side = self.framing.side
        pixels = np.frombuffer(bytearray().join(pictures), np.uint8).reshape(-1, side, side, 3)
        with memory_errors(), torch.inference_mode():
            batch = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float().div(255)
            vectors = self._model.encode_image(((batch - self._mean) / self._std).to(self._takes))
            return unit_rows(vectors.float().cpu().numpy())

    def encode_texts(self, texts: list[str]) -> Embeddings:
        """See ``Towers.encode_texts``."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        parts = [texts[start : start + _TOGETHER] for start in range(0, len(texts), _TOGETHER)]
        with memory_errors(), torch.inference_mode():
            rows = [self._model.encode_text(self._tokenize(part).to(self._device)).float().cpu() for part in parts]
            return unit_rows(torch.cat(rows).numpy())

    def _lower(self) -> None:
        """The image tower in bfloat16, unless that changes what it sees."""
        probes, precise = _probes(self.framing.side), self._model.visual
        expected = self.encode_images(probes)
        self._model.visual, self._takes = copy.deepcopy(precise).to(torch.bfloat16), torch.bfloat16
        try:
            agrees = bool((self.encode_images(probes) * expected).sum(axis=1).min() >= _AGREES)
        except (RuntimeError, ValueError):  # a layer that is not made for it, or numbers that are none
            agrees = False
        if not agrees:
            self._model.visual, self._takes = precise, torch.float32


def _probes(side: int) -> list[bytes]:
    """Squares of noise, from coarse to fine."""
    made = np.random.default_rng(0)
    small = [Image.fromarray(made.integers(0, 256, (cells, cells, 3), np.uint8)) for cells in (2, 7, 28, side)]
    return [image.resize((side, side), Image.Resampling.BICUBIC).tobytes() for image in small]


def _loaded(source: OpenClipSource, config: ClipConfig | None, device: torch.device) -> Any:
    with warnings.catch_warnings():
        # Weights that were trained with another activation load without complaint and see wrongly ever after.
        warnings.filterwarnings("error", message="QuickGELU mismatch")
        if config is not None:
            _introduce(source.name, config)
        try:
            return open_clip.create_model(
                source.name,
                pretrained=source.pretrained or str(source.weights),
                require_pretrained=True,
                weights_only=True,
                device=device,
                force_preprocess_cfg=dict(config.preprocess) if config else {},
            ).eval()
        except UnpicklingError as error:
            raise ValueError(describe_pickle(source.weights, "model")) from error


def _introduce(name: str, config: ClipConfig) -> None:
    """Make an architecture known to open_clip, which reads them from files of their own."""
    with TemporaryDirectory(prefix="justlens-clip-") as folder:
        path = Path(folder) / f"{name}.json"
        path.write_text(json.dumps(config.model))
        open_clip.add_model_config(path)


def _tokenizer(source: OpenClipSource, config: ClipConfig | None) -> Callable[[list[str]], torch.Tensor]:
    """The one beside the model's config, else open_clip's for that name."""
    own = source.config.with_name(TOKENIZER_NAME) if source.config else None
    if own is None or config is None or not own.is_file():
        found: Callable[[list[str]], torch.Tensor] = open_clip.get_tokenizer(source.name)
        return found
    tokens = Tokens(own, config.context, whole=True)
    return lambda texts: torch.from_numpy(tokens(texts))


def _downloaded(source: OpenClipSource) -> Path:
    """The file that open_clip keeps the published weights in."""
    return Path(download_pretrained(get_pretrained_cfg(source.name, source.pretrained)))
