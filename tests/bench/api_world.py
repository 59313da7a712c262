"""Businesses of several sizes, known as the flows would have left them, in the files of an embedded system."""

from pathlib import Path
from typing import Any

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.ids import new_job_id
from orchestrator.domain.outcome import SetAltText, SetRelevance, SetSection
from orchestrator.domain.versions import version_of
from orchestrator.stores.embedded import EmbeddedDocuments
from orchestrator.stores.sql import SqlCatalogue

SUBMITTED_AT = 1_763_683_200_000
CATEGORIES = 8
DESCRIPTION = " ".join(["A bright room with wooden chairs, a long counter and shelves of bread behind it."] * 6)


async def make_world(folder: Path, sizes: tuple[int, ...]) -> None:
    """A business ``of-N`` with N images for each of ``sizes``: enhanced, tagged, described, scored, listed."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = await EmbeddedDocuments.open(folder / "documents.sqlite")
    catalogue = SqlCatalogue(f"sqlite+aiosqlite:///{folder / 'catalogue.sqlite'}", timeout_s=60)
    await catalogue.ensure_schema()
    for size in sizes:
        business = f"of-{size}"
        listed = [CatalogueImage(business, str(number), f"https://up.example/{number}.jpg") for number in range(size)]
        await documents.put_catalogue(listed)
        for number in range(size):
            await _know(documents, catalogue, business, number)
    await catalogue.close()
    await documents.close()


async def _know(documents: EmbeddedDocuments, catalogue: SqlCatalogue, business: str, number: int) -> None:
    image, version = str(number), version_of(SUBMITTED_AT, new_job_id(SUBMITTED_AT))
    for name, value in _sections(number).items():
        await documents.set_section(SetSection(business, image, name, version, value))
    await documents.set_relevance(SetRelevance(business, image, version, _relevance(number)))
    text = f"A bright shop with shelf number {number} in view."
    await catalogue.set_alt_text(SetAltText(business, image, version, text, "vlm", "vision_json/1"))


def _sections(number: int) -> dict[str, dict[str, Any]]:
    sha256 = f"{number:064x}"
    phash = f"{(number * 0x9E3779B97F4A7C15) % 2**64:016x}"
    tags = [[f"tag {index}", 0.9 - index / 10] for index in range(6)]
    return {
        "source": {
            "image_url": f"https://up.example/{number}.jpg",
            "served_urls": [f"https://cdn.example/{number}.jpg"],
        },
        "content": {"sha256": sha256, "phash": phash, "width": 640, "height": 480, "format": "jpeg", "bytes": 90_000},
        "enhanced": {
            "key": f"enhanced/{sha256}/0123456789abcdef.jpg",
            "width": 960,
            "height": 720,
            "scale": 1.5,
            "model": "sr_x2@01234567",
            "source_sha256": sha256,
        },
        "clip": {
            "tags": tags,
            "class": ("interior", "storefront", "goods")[number % 3],
            "class_valid": 1,
            "quality": (number % 97) / 97,
            "flags": [],
            "model": "clip",
            "space": "clip/one@01234567",
            "vector_key": f"of/{number}",
            "source_sha256": sha256,
        },
        "description": {
            "text": DESCRIPTION,
            "alt_text": f"A bright shop with shelf number {number} in view.",
            "tags": ["shop", "shelf"],
            "cat_match": 1,
            "category_id": "0",
            "language": "en",
            "model": "vlm",
            "weights": "01234567",
            "prompt": "vision_json",
            "prompt_version": "vision_json/1",
            "source_sha256": sha256,
        },
    }


def _relevance(number: int) -> dict[str, Any]:
    scores = [
        {
            "category_id": str(index),
            "name": f"Category {index}",
            "score": ((number * 31 + index * 17) % 1000) / 1000,
            "parts": {"description": 0.5, "cat_match": None, "clip": 0.4},
        }
        for index in range(CATEGORIES)
    ]
    return {"url": f"https://up.example/{number}.jpg", "source_sha256": f"{number:064x}", "scores": scores, "notes": {}}
