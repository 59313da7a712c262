"""A described and tagged picture, and everything that scoring it asks for."""

from dataclasses import dataclass, field
from typing import Any

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.jobs import ScoreJob
from orchestrator.domain.relevance.scoring import CLIP, DESCRIPTION
from orchestrator.domain.relevance.vectors import Vector, VectorKind, cosine, image_vector_key
from orchestrator.stages import STAGES, bind
from tests.kit.fake_encoding import FakeCatalogue, FakeEncoder, FakeMetadata, FakeVectors, bag_vector

TEXT, SPACE, CLIP_SPACE = "a gym with a red wall", "text/MiniLM@1", "clip/ViT-B-32@2"
JOB = ScoreJob(
    business_id="acme",
    image_id="7",
    image_url="https://x/7.png",
    job_id="018bcfe5-6800-7000-8000-00000000abcd",
    submitted_at=1_700_000_000_000,
)
DESCRIPTION_KEY = image_vector_key("acme", "7", SPACE, JOB.version)
GYM, WALLS = Category("c1", "Gym"), Category("c2", "Red Wall Painters")
SECTION = {
    "text": TEXT,
    "language": "en",
    "model": "llava",
    "cat_match": 1,
    "category_id": "c1",
    "source_sha256": "ab" * 32,
    "version": "v-d",
}
IMAGE_KEY = f"acme/7|{CLIP_SPACE}|v-c"
TAGGED = {
    "class": "indoor",
    "quality": 0.8,
    "model": "vit",
    "vector_key": IMAGE_KEY,
    "source_sha256": "ab" * 32,
    "version": "v-c",
}
STORED_IMAGE: dict[tuple[VectorKind, str], Vector] = {("images", IMAGE_KEY): bag_vector("photo of gym", CLIP_SPACE)}


@dataclass
class World:
    """The ports of one run; everything is there unless a test takes it away."""

    categories: tuple[Category, ...] = (GYM, WALLS)
    description: dict[str, Any] | None = field(default_factory=lambda: dict(SECTION))
    clip: dict[str, Any] | None = field(default_factory=lambda: dict(TAGGED))
    source: dict[str, Any] | None = None
    vectors: FakeVectors = field(default_factory=lambda: FakeVectors(dict(STORED_IMAGE)))
    sentences: FakeEncoder = field(default_factory=lambda: FakeEncoder(SPACE))
    captions: FakeEncoder = field(default_factory=lambda: FakeEncoder(CLIP_SPACE))

    def ports(self) -> dict[str, Any]:
        sections = {"description": self.description, "clip": self.clip, "source": self.source}
        return {
            "metadata": FakeMetadata({name: value for name, value in sections.items() if value is not None} or None),
            "catalogue": FakeCatalogue(self.categories),
            "vectors": self.vectors,
            "sentences": self.sentences,
            "captions": self.captions,
        }

    async def outcome(self) -> Any:
        return await bind(STAGES["score"], self.ports())(JOB)

    async def value(self) -> dict[str, Any]:
        """What is written as the image's relevance."""
        return dict((await self.outcome()).writes[-1].value)


async def scored(**changes: Any) -> dict[str, Any]:
    """What is written in a world with these changes."""
    return await World(**changes).value()


def parts_of(value: dict[str, Any]) -> dict[str, Any]:
    """The parts of the scores by category id."""
    return {it["category_id"]: it["parts"] for it in value["scores"]}


def description_part(category: Category) -> float:
    """The description part as worked out by hand."""
    part = DESCRIPTION.part(cosine(bag_vector(TEXT, SPACE), bag_vector(category.name.lower(), SPACE)))
    assert part is not None
    return round(part, 6)


def clip_part(category: Category) -> float:
    """The clip part as worked out by hand."""
    caption = bag_vector(f"a photo of {category.name}", CLIP_SPACE)
    part = CLIP.part(cosine(STORED_IMAGE["images", IMAGE_KEY], caption))
    assert part is not None
    return round(part, 6)
