"""A question to a vision-language model and its answer, before anybody has looked at what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FinishReason = Literal["stop", "length", "refused"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question about one picture. ``models`` are those that may answer, the wanted one first; ``schema`` is the
    JSON Schema the answer is constrained to while it is decoded."""

    models: tuple[str, ...]
    prompt: str
    schema: Mapping[str, Any] = field(repr=False)
    max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model wrote: untrusted text. ``model`` is the one that answered, ``weights`` the digest of its weights."""

    text: str = field(repr=False)
    finish_reason: FinishReason
    model: str
    weights: str
