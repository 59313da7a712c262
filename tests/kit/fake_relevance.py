"""What the stages of the relevance road ask of the outside, in memory: each remembers what it was asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.enhancement import sha256_of
from orchestrator.domain.jobs import Content
from orchestrator.domain.pictures import Picture
from orchestrator.domain.prompts.request import Ask, FinishReason, ModelAnswer
from orchestrator.domain.relevance.tags import Tag, Tagged
from orchestrator.domain.relevance.vectors import Vector, VectorKind

ORIGINAL = b"\x89PNG\r\n\x1a\n and the rest of a picture"
SHA = sha256_of(ORIGINAL)
SPACE = "clip/tiny@00112233"
JOB_ID = "018bcfe5-6800-7000-8000-00000000abcd"
VERSION = f"1700000000000-{JOB_ID}"
IDENTITY: Mapping[str, Any] = {
    "business_id": "acme",
    "image_id": "7",
    "image_url": "https://x/7.png",
    "served_urls": ("https://cdn/7.png",),
    "job_id": JOB_ID,
    "submitted_at": 1_700_000_000_000,
}
CONTENT = Content(sha256=SHA, phash="0f" * 8, width=100, height=80, format="png", bytes=len(ORIGINAL))
TAGGED = Tagged(
    tags=(Tag("cake", 0.75), Tag("table", 0.25)),
    image_class="food",
    class_valid=True,
    quality=0.5,
    model="tiny",
    vector=Vector.unit(SPACE, (1.0, 0.0)),
    content=CONTENT,
    flags=("watermark",),
)
HOT = Category("c1", "Cake shops", is_hot=True)
SAID: Mapping[str, Any] = {
    "description": "A chocolate cake stands on a wooden table. Behind it there is a window with white curtains.",
    "alt_text": "Chocolate cake on a wooden table",
    "tags": ["cake", "table", "window"],
}


@dataclass
class Web:
    """Serves one body under every URL."""

    body: bytes = ORIGINAL
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> Picture:
        self.asked.append(url)
        return Picture(self.body, "image/whatever")


@dataclass
class Store:
    """Holds originals by their hash."""

    held: Mapping[str, Picture] = field(default_factory=dict)

    async def find_original(self, sha256: str) -> Picture | None:
        return self.held.get(sha256)


@dataclass
class Sections:
    """One document of metadata, whatever image is asked for."""

    document: dict[str, Any] | None = None

    async def find_metadata(self, _business_id: str, _image_id: str) -> dict[str, Any] | None:
        return self.document


@dataclass
class Businesses:
    """The categories of one business; no other is known."""

    categories: tuple[Category, ...] = ()
    business_id: str = "acme"

    async def categories_of(self, business_id: str) -> tuple[Category, ...]:
        return self.categories if business_id == self.business_id else ()


@dataclass
class Clip:
    """A clip worker: the same answer for every picture."""

    answer: Tagged = TAGGED
    asked: list[tuple[bytes, str]] = field(default_factory=list)

    async def tag(self, body: bytes, *, sha256: str) -> Tagged:
        self.asked.append((body, sha256))
        return self.answer


@dataclass
class Captions:
    """A text tower: the vector of each text by its words, all in ``in_space``."""

    vectors: Mapping[str, tuple[float, ...]]
    in_space: str = SPACE
    told_space: str = ""
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def encode(self, texts: Sequence[str]) -> tuple[Vector, ...]:
        self.asked.append(tuple(texts))
        return tuple(Vector.unit(self.in_space, self.vectors[text]) for text in texts)

    async def space(self) -> str:
        return self.told_space or self.in_space


@dataclass
class StoredVectors:
    """Vectors by key."""

    held: Mapping[str, Vector] = field(default_factory=dict)

    async def find_vectors(self, kind: VectorKind, keys: Sequence[str]) -> Mapping[str, Vector]:
        assert kind == "images"
        return {key: self.held[key] for key in keys if key in self.held}


class Model:
    """A vision-language model that says what it is told to, one answer after the other."""

    def __init__(self, *answers: ModelAnswer) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[bytes, Ask]] = []

    async def describe(self, body: bytes, ask: Ask) -> ModelAnswer:
        self.asked.append((body, ask))
        return self._answers.pop(0)


def said(value: Any, finish_reason: FinishReason = "stop") -> ModelAnswer:
    """A model's answer: ``value`` as JSON, or the text itself."""
    text = value if isinstance(value, str) else json.dumps(value)
    return ModelAnswer(text, finish_reason, "llava-1.5-7b-hf", "weights-1")
