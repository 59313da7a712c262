"""The vision-language models by name. Another one is added here: one class with these members, one entry in MODELS."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from workers.vlm.builtin import NAME, builtin_folder
from workers.vlm.dummy import Dummy
from workers.vlm.lru_cache import CACHE_BYTES
from workers.vlm.requests import GenerateRequest, GenerateResult
from workers.weights.hub import Weights, weights_at


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """``weights`` is the folder with the weights, ``sha256`` the digests that their files may have (empty: any),
    ``threads`` how many CPU threads one forward pass takes, ``cache_bytes`` how much of the device's memory holds what
    was computed from the last pictures."""

    weights: Weights | None = None
    sha256: Sequence[str] = ()
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    max_batch: int = 8
    cache_bytes: int = CACHE_BYTES


class VlmModel(Protocol):
    """``generate`` runs in the one thread that owns the device. ``weights`` is their digest, or "none"."""

    name: str
    weights: str

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        """One result per item, in order; what is wrong with one item is its own result. Raises MemoryError."""


def load_dummy(_options: ModelOptions) -> VlmModel:
    """The model that needs nothing."""
    return Dummy()


def load_transformers(options: ModelOptions) -> VlmModel:
    """Weights in the form of the transformers library, warmed up. Raises ValueError without a folder, and what
    ``weights_at`` raises."""
    if options.weights is None:
        raise ValueError("the model 'transformers' needs --weights")
    folder = weights_at(options.weights, options.sha256)
    import torch
    from transformers.utils import logging

    from workers.vlm.engine import VlmEngine

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    engine = VlmEngine.load(
        folder, device=options.device, dtype=options.dtype, max_batch=options.max_batch, cache_bytes=options.cache_bytes
    )
    engine.warm_up()
    return engine


def load_builtin(options: ModelOptions) -> VlmModel:
    """The small model that comes with JustLens and knows its demo world, warmed up. Raises ValueError when a file of it
    is not the one that was released."""
    model = load_transformers(replace(options, weights=builtin_folder()))
    model.name = NAME
    return model


def load_template(options: ModelOptions) -> VlmModel:
    """Texts composed from what the built-in CLIP sees, without torch. Raises ValueError when a file of it is not the
    one that was released."""
    from workers.clip.builtin import VOCABULARY  # onnxruntime
    from workers.clip.builtin import load_builtin as load_clip
    from workers.vlm.template_describer import TemplateDescriber

    return TemplateDescriber(load_clip(options.threads), VOCABULARY)


MODELS: Mapping[str, Callable[[ModelOptions], VlmModel]] = MappingProxyType(
    {"template": load_template, "dummy": load_dummy, "builtin": load_builtin, "transformers": load_transformers}
)
