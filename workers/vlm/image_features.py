"""How the two families of models take in a picture: what is computed from it once, and how a prompt is given it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from PIL import Image
from transformers.modeling_outputs import BaseModelOutputWithPooling


@dataclass(frozen=True, slots=True, eq=False)
class ImageFeatures:
    """A picture as the language model takes it in.

    ``states`` is positions x width, ``tokens`` how many tokens of a prompt stand for the picture. ``tiles`` (of
    models that look at it by cross-attention) is 1 for every tile that shows something.
    """

    states: torch.Tensor
    tokens: int
    tiles: torch.Tensor | None = None

    @property
    def size_bytes(self) -> int:
        """Of the states."""
        return self.states.nbytes


class Family(Protocol):
    """What differs between the architectures.

    The layers ``cross_layers`` keep keys and values of the picture, the others those of the prompt's tokens.
    """

    cross_layers: frozenset[int]

    def see(self, images: Sequence[Image.Image]) -> list[ImageFeatures]:
        """What is computed from each picture alone."""

    def first(self, ids: torch.Tensor, features: Sequence[ImageFeatures]) -> Mapping[str, Any]:
        """What the model's forward needs beside ``ids`` (prompts x tokens) to read them with their pictures."""

    def later(self, ids: torch.Tensor, features: Sequence[ImageFeatures]) -> Mapping[str, Any]:
        """The same where the pictures are among the keys and values already."""


class Llava:
    """Pictures stand among the tokens: their features take the place of the placeholders' embeddings."""

    cross_layers: frozenset[int] = frozenset()

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor

    def see(self, images: Sequence[Image.Image]) -> list[ImageFeatures]:
        """The projected features of the vision tower."""
        pixels = self._processor.image_processor(list(images), return_tensors="pt")["pixel_values"]
        placed = pixels.to(self._model.device, self._model.dtype)
        features = self._model.get_image_features(pixel_values=placed, return_dict=True).pooler_output
        # A view would keep the features of the whole batch alive.
        return [ImageFeatures(each.clone(), len(each)) for each in features]

    def first(self, _ids: torch.Tensor, features: Sequence[ImageFeatures]) -> Mapping[str, Any]:
        """The features, in the order of the prompts."""
        states: Any = [each.states for each in features]
        return {"mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=states)}}

    def later(self, _ids: torch.Tensor, _features: Sequence[ImageFeatures]) -> Mapping[str, Any]:
        """Nothing."""
        return {}


class Mllama:
    """Pictures stand beside the tokens: some layers look at them by cross-attention."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor
        self.cross_layers = frozenset(model.config.text_config.cross_attention_layers)

    def see(self, images: Sequence[Image.Image]) -> list[ImageFeatures]:
        """The states of cross-attention, of all tiles that there may be: those that show nothing are masked."""
        read = self._processor.image_processor([[image] for image in images], return_tensors="pt")
        device, dtype = self._model.device, self._model.dtype
        tiles = read["aspect_ratio_mask"][:, 0].to(device)
        core = self._model.model
        seen = core.vision_model(
            pixel_values=read["pixel_values"].to(device, dtype),
            aspect_ratio_ids=read["aspect_ratio_ids"].to(device),
            aspect_ratio_mask=read["aspect_ratio_mask"].to(device),
        ).last_hidden_state
        states = core.multi_modal_projector(seen).flatten(1, -2)
        return [ImageFeatures(each.clone(), 1, shown) for each, shown in zip(states, tiles, strict=True)]

    def first(self, ids: torch.Tensor, features: Sequence[ImageFeatures]) -> Mapping[str, Any]:
        """The states, and which tokens may look at which tiles."""
        return {
            "cross_attention_states": torch.stack([features.states for features in features]),
            **self.later(ids, features),
        }

    def later(self, ids: torch.Tensor, features: Sequence[ImageFeatures]) -> Mapping[str, Any]:
        """A token looks at its picture from the placeholder on, at every tile that shows something."""
        tiles = torch.stack([features.tiles for features in features if features.tiles is not None])
        after = (ids == self._processor.image_token_id).long().cumsum(1) > 0
        return {"cross_attention_mask": after[:, :, None, None] * tiles[:, None, None, :]}


def get_family(model: Any, processor: Any) -> Family:
    """The family of a model. Raises ValueError for one of neither."""
    families: Mapping[str, Callable[[Any, Any], Family]] = {"llava": Llava, "mllama": Mllama}
    kind = model.config.model_type
    if kind not in families:
        raise ValueError(f"a model of type {kind}; {' and '.join(families)} are known")
    return families[kind](model, processor)
